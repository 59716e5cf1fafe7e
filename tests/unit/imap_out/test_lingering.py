"""The loop looks again before it sleeps: while it is asked to, for a moment, and once for all."""

import asyncio
import os
import time

import pytest

from imap_out import lingering
from imap_out.lingering import Lingering

pytestmark = pytest.mark.anyio


class Looks:
    """What stands for the loop: keeps what is called soon."""

    def __init__(self) -> None:
        self.soon: list[object] = []

    def call_soon(self, call: object) -> None:
        self.soon.append(call)

    def round(self) -> int:
        """Call what was to be called soon; return how much that was."""
        calls, self.soon = self.soon, []
        for call in calls:
            call()  # type: ignore[operator]
        return len(calls)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    at = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: at[0])
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    return at


def opened() -> tuple[Looks, Lingering]:
    loop = Looks()
    return loop, Lingering(loop)  # type: ignore[arg-type]  # all that is asked of a loop


def test_the_loop_is_kept_awake_for_a_moment_and_no_longer(now: list[float]) -> None:
    loop, lingers = opened()
    lingers.begin(time.monotonic())
    rounds = [loop.round()]
    now[0] += lingering.SECONDS / 2
    rounds.append(loop.round())
    now[0] += lingering.SECONDS
    rounds += [loop.round(), loop.round()]

    assert rounds == [1, 1, 1, 0]


def test_one_call_serves_all_and_each_puts_the_end_off(now: list[float]) -> None:
    loop, lingers = opened()
    lingers.begin(time.monotonic())
    now[0] += lingering.SECONDS * 0.9
    lingers.begin(time.monotonic())
    now[0] += lingering.SECONDS * 0.9

    assert [loop.round(), loop.round()] == [1, 1]


@pytest.mark.usefixtures("now")
def test_it_ends_when_what_was_looked_out_for_has_come() -> None:
    loop, lingers = opened()
    lingers.begin(time.monotonic())
    lingers.end()

    assert [loop.round(), loop.round()] == [1, 0]
    lingers.begin(time.monotonic())
    assert loop.round() == 1


@pytest.mark.usefixtures("now")
def test_nobody_is_kept_from_a_lone_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    loop, lingers = opened()
    lingers.begin(time.monotonic())

    assert loop.round() == 0


async def test_a_loop_that_is_real_sleeps_again() -> None:
    lingers = Lingering(asyncio.get_running_loop())
    lingers.begin(time.monotonic())
    await asyncio.sleep(0.05)
    spent = time.process_time()
    await asyncio.sleep(0.2)

    assert time.process_time() - spent < 0.1
