"""When runs become fewer."""

from __future__ import annotations

import pytest

from mx_core.model.ids import MessageId
from mx_core.store.text_index.merging import FAN_IN, is_stale, to_join
from mx_core.store.text_index.runs import Run

SMALL, MIDDLE, LARGE = 1_000, 200_000, 9_000_000
DAY = 24 * 3600


def runs(*octets: int) -> list[Run]:
    return [Run(n, MessageId(n), MessageId(n + 1), 1, 1, size, 0) for n, size in enumerate(octets)]


@pytest.mark.parametrize(
    ("sizes", "joined"),
    [
        ([SMALL] * 7, 0),
        ([SMALL] * 8, 8),
        ([LARGE] + [SMALL] * 9, 9),
        ([MIDDLE] * 7 + [SMALL] * 7, 0),
        ([MIDDLE] * 7 + [SMALL] * 8, 8),
        ([MIDDLE] * 8 + [SMALL], 9),
        ([SMALL, LARGE, *[SMALL] * 7], 0),
    ],
)
def test_the_newest_runs_of_a_size_become_one(sizes: list[int], joined: int) -> None:
    those = runs(*sizes)

    assert list(to_join(those, FAN_IN)) == those[len(those) - joined :]


@pytest.mark.parametrize(
    ("there", "now", "stale"),
    [(100, 9 * DAY, False), (99, 0, False), (93, 0, True), (99, DAY, True), (0, 0, True)],
)
def test_what_is_gone_leaves_when_it_is_much_or_old(there: int, now: int, stale: bool) -> None:
    run = Run(1, MessageId(1), MessageId(101), 100, 1, SMALL, 0)

    assert is_stale(run, there, now) == stale
