"""Messages made to be expensive, through everything that is made of one: keys, texts, preview.

Work is counted in calls, memory in octets, so no other load is measured.  What is left of time
is bounded by running apart from the event loop, piece by piece (``casemap``).
"""

import itertools
import sys
import tracemalloc
from collections.abc import Callable

import pytest

from mx_core.mime.header_keys import header_keys
from mx_core.mime.prepare import prepare
from mx_core.mime.preview import preview
from mx_core.mime.search_text import body_text, header_text
from tests.support.mime_bombs import BOMBS

MIB = 1 << 20


def take_apart(octets: bytes, on_part: Callable[[], None] = lambda: None) -> None:
    """Make all that is made of *octets*; *on_part* is called after each of the parts."""
    form = prepare(octets)
    on_part()
    header_keys(octets, form)
    on_part()
    header_text(octets, form)
    on_part()
    body_text(octets, form)
    on_part()
    preview(form, lambda start, end: octets[start:end])
    on_part()


def steps(octets: bytes) -> list[int]:
    """Return how many calls, of ours and of built-in functions, each part takes."""
    count = 0
    totals = [0]

    def on_event(_frame: object, event: str, _arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(on_event)
    try:
        take_apart(octets, lambda: totals.append(count))
    finally:
        sys.setprofile(None)
    return [after - before for before, after in itertools.pairwise(totals)]


def peak(octets: bytes) -> int:
    tracemalloc.start()
    try:
        take_apart(octets)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def grows_as_its_size(bomb: Callable[[int], bytes], *sizes: int) -> bool:
    counts = [steps(bomb(size)) for size in sizes]
    return all(
        more < 2.6 * less + 500
        for before, after in itertools.pairwise(counts)
        for less, more in zip(before, after, strict=True)
    )


@pytest.mark.parametrize("bomb", list(BOMBS))
def test_twice_the_octets_take_at_most_about_twice_the_steps(bomb: str) -> None:
    assert grows_as_its_size(BOMBS[bomb], 4_000, 8_000, 16_000)


@pytest.mark.parametrize("bomb", list(BOMBS))
def test_memory_is_a_small_multiple_of_the_octets(bomb: str) -> None:
    assert peak(BOMBS[bomb](100_000)) < 64 * 100_000 + MIB


@pytest.mark.torture
@pytest.mark.timeout(0)
@pytest.mark.parametrize("bomb", list(BOMBS))
def test_full_growth_and_memory(bomb: str) -> None:
    assert grows_as_its_size(BOMBS[bomb], 16_000, 32_000, 64_000)
    assert peak(BOMBS[bomb](1_000_000)) < 64 * MIB
