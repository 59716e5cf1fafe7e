"""A lone message leaves at once; while many come, the flow out is told of them together."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, cast

import pytest

from gateway.sending.waking import HARD_UPON_SECONDS, LONGEST_SECONDS, PAUSE_SECONDS, Waking


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
def waking(loop: Loop, woken: list[float]) -> Waking:
    return Waking(lambda: woken.append(loop.now), lambda: cast("Any", loop))


def test_a_lone_message_leaves_at_once(loop: Loop, waking: Waking, woken: list[float]) -> None:
    for _ in range(3):
        loop.move(2 * HARD_UPON_SECONDS)
        waking.accepted()

        assert woken[-1] == loop.now
    assert len(woken) == 3


def test_what_comes_hard_upon_another_leaves_when_they_pause(
    loop: Loop, waking: Waking, woken: list[float]
) -> None:
    for _ in range(10):
        waking.accepted()
        loop.move(HARD_UPON_SECONDS / 2)
    assert len(woken) == 1  # the first

    loop.move(PAUSE_SECONDS)
    assert len(woken) == 2
    loop.move(10)
    assert len(woken) == 2


def test_however_many_come_the_flow_out_is_told_each_second(
    loop: Loop, waking: Waking, woken: list[float]
) -> None:
    step = HARD_UPON_SECONDS / 2
    for _ in range(int(10 * LONGEST_SECONDS / step)):
        waking.accepted()
        loop.move(step)

    gaps = [later - earlier for earlier, later in pairwise(woken)]
    assert len(woken) > 5
    assert max(gaps) <= LONGEST_SECONDS + PAUSE_SECONDS
