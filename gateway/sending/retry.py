"""When to try again.  Pure."""

from __future__ import annotations

from gateway.config import Sending


def next_attempt(now: float, attempts: int, sending: Sending) -> float:
    """Return when to try for the (*attempts* + 2)nd time: doubling from the first delay.

    RFC 5321 §4.5.4.1.
    """
    delay = sending.first_delay_seconds * float(2 ** min(attempts, 32))
    return now + min(delay, sending.longest_delay_seconds)


def has_run_out(now: float, accepted: float, attempts: int, sending: Sending) -> bool:
    """Tell whether to give up: time has passed *and* it was really tried.

    A clock that jumps a year ahead alone expires nothing.
    """
    return attempts > 0 and now >= accepted + sending.give_up_seconds
