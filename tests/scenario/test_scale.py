"""One mailbox of many messages: right at any size, and in the full form as fast as it has to be."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from bench import scale
from tests.support.torture import RESULTS, Measure, Sweep

pytestmark = pytest.mark.fleet

SOURCES = ("mx_core/store", "mx_core/db", "mx_core/mime", "imap_out/session", "bench/scale.py")
SMALL = 1_000


def test_a_mailbox_answers_for_every_message_in_it(tmp_path: Path) -> None:
    """What is counted in each answer is compared there; how long it took is not judged here."""
    found = asyncio.run(scale.step(tmp_path, SMALL))

    assert set(found) == {line.name for line in scale.LINES}


def test_filling_goes_on_where_it_stopped(tmp_path: Path) -> None:
    for size in (600, 1_100):
        found = asyncio.run(scale.step(tmp_path, size, ask=False))
    asked = asyncio.run(scale.step(tmp_path, 1_100))

    assert found["APPEND, 500 a commit"] > 0
    assert asked["APPEND, 500 a commit"] == 0, "nothing was missing"


@pytest.mark.torture
@pytest.mark.timeout(0)
def test_full_mailbox_of_a_million() -> None:
    """Until it is full the store stays beside the results, for the next sitting."""
    folder = RESULTS / "torture-scale"
    sizes = scale.curve(scale.FULL)

    def step(number: int) -> dict[str, float]:
        if number == 0:
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        size = (number + 1) * scale.STEP
        found = asyncio.run(scale.step(folder, size, ask=size in sizes))
        counted = {"messages": float(scale.STEP)}
        if size in sizes:
            counted |= {row.measure: row.ours for row in scale.rows(size, found)}
        if size == scale.FULL:
            shutil.rmtree(folder)
        return counted

    bounds = [
        Measure(f"{size:,}: {line.name}", line.unit, "lower", floor=line.bound(size), combine="max")
        for size in sizes
        for line in scale.LINES
    ]
    messages = Measure("messages", "messages", "higher", goal=scale.FULL)
    Sweep("scale", scale.FULL // scale.STEP, (messages, *bounds), SOURCES).run(step)
