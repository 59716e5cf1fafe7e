"""Notices that this computer slept, stood still or is in another network: then every connection is opened anew.

A connection that was lost so says nothing, and keepalive takes more than a minute to find out.  What is looked at, once a
second: how long the computer has slept in all, and from which addresses it would send.  Nothing is sent.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Final, final

import structlog
from msgspec import Struct

log = structlog.get_logger()

_LOOK_SECONDS: Final = 1.0
_SLEPT_SECONDS: Final = 1.0  # the two clocks are not read at the same instant
_STOOD_STILL_SECONDS: Final = 8.0  # stopped as a whole: a paused machine, a stopped process
# documentation addresses (RFC 5737, RFC 3849): everywhere they go the way of all others
_FAR: Final = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
_PORT: Final = 9


class Seen(Struct, frozen=True):
    """*now* and *slept*: seconds; *addresses*: from where the computer would send, "" for nowhere."""

    now: float
    slept: float
    addresses: tuple[str, ...]


def look() -> Seen:
    """Return what is to be seen now."""
    now = time.monotonic()
    slept = time.clock_gettime(time.CLOCK_BOOTTIME) - now
    return Seen(now, slept, tuple(_from(family, far) for family, far in _FAR))


def _from(family: socket.AddressFamily, far: str) -> str:
    """Return the address that a datagram to *far* would leave from; none leaves."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asked:
            asked.connect((far, _PORT))
            return str(asked.getsockname()[0])
    except OSError:
        return ""


def was_interrupted(before: Seen, after: Seen) -> bool:
    """Tell whether connections of *before* may be dead without having said so.  Pure.

    A network that is gone interrupts nothing yet: when it is back, from wherever, that does.
    """
    return (
        after.slept - before.slept > _SLEPT_SECONDS
        or after.now - before.now > _STOOD_STILL_SECONDS
        or (after.addresses != before.addresses and any(after.addresses))
    )


@final
class Interruptions:
    """Of one gateway.  Owner: its event loop."""

    def __init__(
        self,
        heard: Callable[[], None],
        look: Callable[[], Seen] = look,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """*heard* is called for each interruption."""
        self._heard = heard
        self._look = look
        self._sleep = sleep

    async def run(self) -> None:
        """Look until cancelled."""
        before = self._look()
        while True:
            await self._sleep(_LOOK_SECONDS)
            after = self._look()
            if was_interrupted(before, after):
                log.info("network_interrupted", slept=round(after.slept - before.slept))
                self._heard()
            before = after
