"""A lone message leaves at once; while many come, the flow out is told of them together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from gateway.sending.burst import HARD_UPON_SECONDS, LONGEST_SECONDS, PAUSE_SECONDS, Burst

pytestmark = pytest.mark.anyio


class Loop:
    """Time and timers of an event loop, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self._timers: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[[], None]) -> Any:
        timer = (self.now + delay, callback)
        self._timers.append(timer)

        class Handle:
            def cancel(handle) -> None:  # noqa: N805  # the loop is self
                self._timers.remove(timer)

        return Handle()

    def move(self, seconds: float) -> None:
        self.now += seconds
        for timer in [each for each in self._timers if each[0] <= self.now]:
            self._timers.remove(timer)
            timer[1]()


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def woken() -> list[float]:
    return []


@pytest.fixture
def burst(loop: Loop, woken: list[float]) -> Burst:
    return Burst(lambda: woken.append(loop.now), lambda: cast("Any", loop))


async def is_over(burst: Burst) -> bool:
    try:
        async with asyncio.timeout(0):
            await burst.over()
    except TimeoutError:
        return False
    return True


async def test_a_lone_message_leaves_at_once(loop: Loop, burst: Burst, woken: list[float]) -> None:
    for _ in range(3):
        loop.move(2 * HARD_UPON_SECONDS)
        burst.coming()
        burst.accepted()

        assert woken[-1] == loop.now
        assert await is_over(burst)
    assert len(woken) == 3


async def test_what_comes_hard_upon_another_leaves_when_they_pause(
    loop: Loop, burst: Burst, woken: list[float]
) -> None:
    for _ in range(10):
        burst.accepted()
        loop.move(HARD_UPON_SECONDS / 2)
    assert len(woken) == 1  # the first
    assert not await is_over(burst)

    loop.move(PAUSE_SECONDS)
    assert len(woken) == 2
    assert await is_over(burst)
    loop.move(10)
    assert len(woken) == 2


async def test_a_recipient_named_hard_upon_a_yes_holds_the_flow_up_and_no_longer_than_a_pause(
    loop: Loop, burst: Burst, woken: list[float]
) -> None:
    burst.accepted()
    loop.move(HARD_UPON_SECONDS / 2)
    burst.coming()
    held = not await is_over(burst)

    loop.move(PAUSE_SECONDS)  # its text takes longer
    assert held
    assert await is_over(burst)
    burst.accepted()  # when it is over
    assert len(woken) == 3


async def test_a_burst_that_lasts_is_let_go_for_good(
    loop: Loop, burst: Burst, woken: list[float]
) -> None:
    step = HARD_UPON_SECONDS / 2
    over: list[bool] = []
    for _ in range(int(3 * LONGEST_SECONDS / step)):
        burst.accepted()
        over.append(await is_over(burst))
        loop.move(step)

    first = over.index(True, 1)
    assert first * step == pytest.approx(LONGEST_SECONDS, abs=3 * step)
    assert all(over[first:])
    assert len(woken) == 2
