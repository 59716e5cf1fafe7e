"""What a person asks of their own home server about themself; mail goes by ``NativeCarrier``.  docs/spec/client.md §4.

Their passport and its epochs, what is logged of them, whom their door lets in.  Each answer comes
once the change is durable there; asking again is harmless.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import final

from msgspec import Struct

from mx_core.carriers.native.home import Home
from mx_core.proto import client_pb2, federation_pb2


class LogRecord(Struct, frozen=True):
    """One version of the own address in the log, and what opens it; unverified."""

    version: int
    leaf_index: int
    opening: bytes
    binding: bytes


class DoorChange(Enum):
    """What the owner wants of the door."""

    NOTHING = auto()
    OPEN = auto()
    CLOSE = auto()


@dataclass(frozen=True, slots=True)
class DoorState:
    """Whether the domain has a door for ordinary mail, and whether it is open for this account."""

    served: bool
    open: bool


@final
class Membership:
    """One device's, at one home server; every call raises as ``Home.call``."""

    def __init__(self, home: Home) -> None:
        self.home = home

    # ── the passport ─────────────────────────────────────────────────────────────────
    async def own_card(self) -> bytes:
        """Return the Card that this account's home server gives out, freshly attested."""
        reply: client_pb2.CardReply = await self.home.ask(
            lambda stub: stub.OwnCard, client_pb2.OwnCardRequest()
        )
        return bytes(reply.card)

    async def append_passport(self, signed_entry: bytes) -> bytes:
        """Return the card, once the home server holds and hands out the entry; again is harmless.

        Raises:
            Untrusted: It does not follow the entry that the server holds.
        """
        reply: client_pb2.CardReply = await self.home.ask(
            lambda stub: stub.AppendPassport,
            client_pb2.AppendPassportRequest(signed_entry=signed_entry),
        )
        return bytes(reply.card)

    async def publish_epoch(self, signed_epoch: bytes) -> None:
        """Return once the home server holds and hands out the epoch."""
        await self.home.ask(
            lambda stub: stub.PublishEpoch,
            client_pb2.PublishEpochRequest(signed_epoch=signed_epoch),
        )

    # ── the log ──────────────────────────────────────────────────────────────────────
    async def own_log(self) -> list[LogRecord]:
        """Return what the home server logged of this account's address, by version."""
        reply: client_pb2.OwnLogReply = await self.home.ask(
            lambda stub: stub.OwnLog, client_pb2.OwnLogRequest()
        )
        return [
            LogRecord(one.version, one.leaf_index, one.opening, one.binding)
            for one in reply.records
        ]

    async def read_log(self, domain: str, path: str) -> bytes | None:
        """Return a file of the log of *domain*, or None if there is none of that name."""
        reply: federation_pb2.ReadLogReply = await self.home.ask(
            lambda stub: stub.ReadLog, client_pb2.ReadLogRequest(domain=domain, path=path)
        )
        return reply.octets if reply.found else None

    # ── who is let in, and who collects ──────────────────────────────────────────────
    async def replace_tags(self, tags: Sequence[bytes], until: int) -> None:
        """Return once the home server lets in by exactly these tags; they are good *until* then."""
        await self.home.ask(
            lambda stub: stub.ReplaceTags,
            client_pb2.ReplaceTagsRequest(tags=tags, good_until=until),
        )

    async def door(self, change: DoorChange = DoorChange.NOTHING) -> DoorState:
        """Return whether ordinary mail for this account is taken at its domain's door, after *change*.

        Raises:
            Refused: It is to be opened, and that domain has none.
        """
        reply: client_pb2.DoorReply = await self.home.ask(
            lambda stub: stub.Door, client_pb2.DoorRequest(change=change.name)
        )
        return DoorState(bool(reply.served), bool(reply.open))

    async def collect_token(self, seconds: int) -> tuple[bytes, int]:
        """Return a token that only collects, and when it ends; 0 seconds revokes the last one."""
        reply: client_pb2.CollectTokenReply = await self.home.ask(
            lambda stub: stub.CollectToken, client_pb2.CollectTokenRequest(seconds=seconds)
        )
        return bytes(reply.token), int(reply.expires)
