"""Tell the service manager how it goes: the protocol of sd_notify(3) and sd_watchdog_enabled(3).

Without a manager every call does nothing.
"""

from __future__ import annotations

import os
import socket
from typing import Final

_MICROSECONDS: Final = 1_000_000


def tell(*states: str) -> None:
    """Send ``READY=1``, ``STOPPING=1``, ``WATCHDOG=1``, ``STATUS=…`` to the manager, if there is one.

    A manager that does not listen is its own loss: what is told is not waited for.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]  # a socket without a file
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
            out.setblocking(False)
            out.sendto("\n".join(states).encode(), address)
    except OSError:
        return


def watchdog_seconds() -> float | None:
    """Return how often the manager wants to hear ``WATCHDOG=1`` from this process, if it does."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        wanted = int(os.environ.get("WATCHDOG_USEC", "0"))
    except ValueError:
        return None
    return wanted / _MICROSECONDS if wanted > 0 else None
