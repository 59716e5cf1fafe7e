"""The narrow interfaces between the dialogue at the door and what stands behind it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from mx_core.model.address import Address


@dataclass(frozen=True, slots=True)
class Peer:
    """Who connected, and what they said of themselves."""

    ip: str
    helo: str
    tls: bool


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient of a transaction: *given* in RCPT, and *whose* mailbox that is, canonical."""

    given: str
    whose: Address


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message as it came, still in clear: held in memory until it is sealed, and nowhere else."""

    peer: Peer
    mail_from: str  # without brackets; "": the null sender
    recipients: tuple[Recipient, ...]
    octets: bytes = field(repr=False)


class Behind(Protocol):
    """What stands behind the dialogue."""

    async def whose(self, local: str, domain: str) -> Address | None:
        """Return who takes ordinary mail there; None: nobody, or none of their devices can.

        Raises:
            Unavailable: The home server does not answer.
        """

    async def take(self, delivery: Delivery) -> None:
        """Return once what was sealed of *delivery* is durable for every recipient.

        Raises:
            Refused: Nobody may bring this message here.
            Unavailable: Not now; the sender tries again, and what is there already is known.
        """
