"""When a program gives memory back."""

from __future__ import annotations

import asyncio
import gc

import pytest

from mx_core.program import quiet
from mx_core.program.quiet import Quiet, give_back_when_quiet, look_less_for_garbage

pytestmark = pytest.mark.anyio


def test_each_quiet_time_is_told_once_when_it_begins() -> None:
    used = [2.9, 2.91, 2.95, 3.6, 4.1, 4.2, 4.25]
    watch = Quiet(2.0)

    assert [watch.begins(seconds) for seconds in used] == [
        *(False, True, False),  # after the start, once
        *(False, False, True, False),  # and after work
    ]


async def test_what_can_be_read_again_is_let_go_of_once_and_watching_ends_with_the_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(quiet, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(quiet, "_LITTLE_SECONDS", 1e9)
    let_go, stopping = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    times: list[int] = []

    def note() -> None:
        times.append(1)
        loop.call_soon_threadsafe(let_go.set)

    watching = asyncio.ensure_future(give_back_when_quiet(note, stopping))
    await asyncio.wait_for(let_go.wait(), 30)
    stopping.set()
    await asyncio.wait_for(watching, 30)

    assert times == [1]


def test_what_a_start_has_made_is_not_looked_at_again_and_circles_are_still_found() -> None:
    before, was_frozen = gc.get_threshold(), gc.get_freeze_count()
    try:
        look_less_for_garbage()
        assert gc.get_freeze_count() > was_frozen
        circles: list[list[object]] = [[] for _ in range(1_000)]
        for circle in circles:
            circle.append(circle)
        del circles, circle

        assert gc.collect() >= 1_000
    finally:
        gc.set_threshold(*before)
