"""Submission as a front: who may log in where, and what is announced.  RFC 6409."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from mx_core.ports import Accounts
from mx_core.trail_port import Observer, nobody
from smtp_in import future, replies
from smtp_in.body import Room
from smtp_in.connection import Front
from smtp_in.dialogue import Dialogue, House
from smtp_in.limits import Limits
from smtp_in.server import Listener, serve_front
from smtp_in.wire import AllowClear, Wire

_NAME: Final = "localhost"  # what the certificate says, and all that a loopback name can be


async def serve(
    listeners: Sequence[Listener],
    accounts: Accounts,
    *,
    limits: Limits,
    allow_clear: AllowClear,
    stopping: asyncio.Event,
    observer: Observer = nobody,
) -> None:
    """Serve until *stopping*; then let commands under way end, for a bounded time.

    *allow_clear* is asked with (peer name, socket name) before AUTH is taken without TLS.
    """
    house = House(accounts, limits, Room(limits.held_octets), observer)
    front = Front(
        name=_NAME,
        ident="ESMTP mx-gateway ready",
        idle_seconds=limits.idle_seconds,
        settle_seconds=limits.before_login_seconds,
        too_late=replies.LOGIN_TOO_LATE,
        begin=lambda wire: Dialogue(wire, house),
        extensions=lambda wire: _extensions(wire, limits),
        allow_clear=allow_clear,
        command_octets={"AUTH": len("AUTH LOGIN ") + limits.auth_line_octets},
    )
    await serve_front(
        front,
        listeners,
        stopping,
        connections=limits.connections,
        leaving_seconds=limits.leaving_seconds,
    )


def _extensions(wire: Wire, limits: Limits) -> list[str]:
    words = ["PIPELINING", f"SIZE {limits.message_octets}", "8BITMIME", "SMTPUTF8", "CHUNKING"]
    words += ["DSN", "ENHANCEDSTATUSCODES", f"LIMITS RCPTMAX={limits.recipients}"]  # RFC 9422
    words.append(future.announced(time.time(), limits.hold_seconds))
    if wire.offers_tls():
        words.append("STARTTLS")
    if wire.is_private():
        words.append("AUTH PLAIN LOGIN")
    return words
