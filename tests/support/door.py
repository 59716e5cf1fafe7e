"""What stands behind a door, in memory, and the real front around it on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from mx_core.model.address import Address
from mx_core.model.errors import MailError
from smtp_in.door.config import Config
from smtp_in.door.front import bound, serve_door
from smtp_in.door.limits import Limits
from smtp_in.door.ports import Behind, Delivery
from tests.support.loopback_tls import server_context

DOMAIN = "b.example"
MESSAGE = b"From: carol@c.example\r\nSubject: x\r\n\r\nhello\r\n.a line with a dot\r\n"


@dataclass
class MemoryBehind(Behind):
    """Keeps what was brought; bob and alice take mail here."""

    people: set[str] = field(default_factory=lambda: {"bob", "alice"})
    taken: list[Delivery] = field(default_factory=list)
    failure: Exception | None = None
    away: MailError | None = None
    gate: asyncio.Event | None = None  # if set: what take waits for
    asked: list[str] = field(default_factory=list)

    async def whose(self, local: str, domain: str) -> Address | None:
        self.asked.append(local)
        if self.away is not None:
            raise self.away
        return Address(local, domain) if local in self.people else None

    async def take(self, delivery: Delivery) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        self.taken.append(delivery)


@dataclass
class OpenDoor:
    """A running door."""

    behind: MemoryBehind
    port: int
    stopping: asyncio.Event


@contextlib.asynccontextmanager
async def open_door(**changes: Any) -> AsyncIterator[OpenDoor]:
    """Serve until the block ends; *changes* are of its limits, or ``aliases``."""
    aliases = changes.pop("aliases", {})
    limits = msgspec.structs.replace(Limits(tarpit_seconds=0.0), **changes)
    config = Config(host="127.0.0.1", aliases=aliases, limits=limits)
    unexpected: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, what: unexpected.append(what))
    with contextlib.closing(bound("127.0.0.1", 0)) as listening:
        door = OpenDoor(MemoryBehind(), listening.getsockname()[1], asyncio.Event())
        async with asyncio.TaskGroup() as group:
            group.create_task(
                serve_door(
                    [listening], config, DOMAIN, door.behind, server_context(), door.stopping
                )
            )
            try:
                yield door
            finally:
                door.stopping.set()
    gc.collect()  # a task whose error nobody has seen tells it when it is let go
    assert unexpected == []
