"""What an account exchanges with a network: parcels, what comes for it, and what became of what it gave.

Whoever implements it says what is durable when the call returns.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from enum import Enum
from typing import Protocol

from msgspec import Struct

from mx_core.model.address import Address
from mx_core.model.ids import EnvId
from mx_core.model.octets import Octets
from mx_core.model.stamp import UNSTAMPED, Stamp


class Parcel(Struct, frozen=True):
    """One sealed envelope for one recipient mailbox, with the body it shares with others."""

    recipient: Address
    env_id: EnvId
    envelope: bytes  # MXE1
    body: Octets  # MXB1
    deliver_by: int  # unix seconds
    postage_bits: int = 0  # asked for by the recipient's home server


class Arrival(Struct, frozen=True):
    """One envelope that the home server holds for this device.

    A *body* that is not in memory is there until the next delivery is asked for.
    """

    sequence: int
    env_id: EnvId
    envelope: bytes
    body: Octets
    peer_domain: str


class Fate(Enum):
    """What the network says of a parcel handed over earlier."""

    RELAYED = "relayed"  # the recipient's home server holds it durably
    FAILED = "failed"


class FateNotice(Struct, frozen=True):
    """Structured status from the own home server; the gateway writes the report."""

    sequence: int
    env_id: EnvId
    fate: Fate
    reason: str  # one sentence, "" when relayed
    status: str  # RFC 3463 code, "2.0.0" when relayed
    postage_bits: int = 0  # not 0: not failed, but asked for so much postage
    unreadable: bytes = b""  # not b"": not failed; a device's word that it cannot open it


class QueueEmpty(Struct, frozen=True):
    """All that waited has been handed out; what follows is new (a sync is complete when acked)."""


Delivery = Arrival | FateNotice | QueueEmpty


class Carrier(Protocol):
    """A network behind one account: the native one speaks to the own home server."""

    async def resolve(self, recipient: Address, log_size: int = 0, token: bytes = b"") -> bytes:
        """Return the octets of the recipient's Card, unverified (identity §3).

        *log_size* is that of the newest tree of the domain's log that is known here; *token* shows
        a contact to who answers contacts only.

        Raises:
            UnknownRecipient: NOT_AVAILABLE.  PeerUnreachable: try later.
        """

    async def send(self, parcel: Parcel, stamp: Stamp = UNSTAMPED) -> None:
        """Return once the own home server holds the parcel durably; sending twice is harmless."""

    def collect(self) -> AsyncGenerator[Delivery, None]:
        """Yield what waits and what comes, in order, until the connection ends."""

    async def acknowledge(self, sequences: Sequence[int]) -> None:
        """Tell the server that these are durable here; it may delete them."""

    async def limit(self) -> int:
        """Return the largest message in octets that this network takes."""
