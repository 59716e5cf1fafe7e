"""What interrupts connections, and what does not."""

from __future__ import annotations

import asyncio
import socket

import pytest

from gateway.network.interruption import Interruptions, Seen, look, was_interrupted

HOME, AWAY, NOWHERE = ("192.168.1.7", ""), ("10.0.0.3", ""), ("", "")
BEFORE = Seen(100.0, 50.0, HOME)


@pytest.mark.parametrize(
    ("after", "interrupted"),
    [
        (Seen(101.0, 50.0, HOME), False),
        (Seen(101.4, 50.2, HOME), False),  # two clocks, read one after the other
        (Seen(101.0, 3650.0, HOME), True),  # it slept for an hour
        (Seen(111.0, 50.0, HOME), True),  # it was stopped
        (Seen(101.0, 50.0, AWAY), True),
        (Seen(101.0, 50.0, ("192.168.1.7", "fd00::7")), True),
        (Seen(101.0, 50.0, NOWHERE), False),  # nothing can be reached; its return will tell
    ],
)
def test_sleep_standstill_and_another_network_interrupt(after: Seen, interrupted: bool) -> None:
    assert was_interrupted(BEFORE, after) is interrupted


def test_a_network_that_comes_back_interrupts() -> None:
    assert was_interrupted(Seen(100.0, 50.0, NOWHERE), Seen(101.0, 50.0, HOME))


def test_each_interruption_is_told_once() -> None:
    seen = iter(
        [
            BEFORE,
            Seen(101.0, 50.0, HOME),
            Seen(102.0, 900.0, HOME),
            Seen(103.0, 900.0, HOME),
            Seen(104.0, 900.0, AWAY),
        ]
    )
    heard: list[str] = []
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) > 4:
            raise asyncio.CancelledError

    async def run() -> None:
        await Interruptions(lambda: heard.append("x"), lambda: next(seen), sleep).run()

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(run())

    assert len(heard) == 2
    assert set(slept) == {1.0}


def test_a_real_look_sees_what_the_kernel_would_send_from() -> None:
    seen = look()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            asked.connect(("198.51.100.1", 9))
            here = asked.getsockname()[0]
        except OSError:
            here = ""

    assert seen.addresses[0] == here
    assert seen.slept >= 0
