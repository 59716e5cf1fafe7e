from collections.abc import Callable

import pytest

from gateway.unlocking.idleness import Idleness
from mx_core.model.errors import Refused

pytestmark = pytest.mark.anyio


class Clock:
    """Moves by what is waited for, and by what happens meanwhile."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []
        self.then: Callable[[], None] = lambda: None

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds
        self.then()


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def locked_at(clock: Clock, idleness: Idleness, seconds: float) -> float:
    at: list[float] = []

    async def lock() -> None:
        at.append(clock.now)

    await idleness.lock_after(seconds, lock)
    return at[0]


async def test_it_locks_when_nobody_did_anything_for_so_long(clock: Clock) -> None:
    idleness = Idleness(clock, clock.sleep)
    clock.now = 500  # it stood locked for a while: the time runs from unlocking

    assert await locked_at(clock, idleness, 100) == 600


async def test_whoever_does_something_begins_the_time_anew(clock: Clock) -> None:
    idleness = Idleness(clock, clock.sleep)

    def once() -> None:
        if clock.now == 90:
            idleness.hear()

    clock.then = once

    assert await locked_at(clock, idleness, 100) == 190


async def test_a_computer_that_slept_locks_within_half_a_minute(clock: Clock) -> None:
    idleness = Idleness(clock, clock.sleep)

    def slept() -> None:
        if len(clock.waits) == 1:
            clock.now += 8 * 3600

    clock.then = slept
    await locked_at(clock, idleness, 3600)

    assert clock.waits == [30]


async def test_who_locks_at_that_very_moment_is_no_error(clock: Clock) -> None:
    async def lock() -> None:
        raise Refused("locked already")

    await Idleness(clock, clock.sleep).lock_after(1, lock)
