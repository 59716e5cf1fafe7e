"""What an import reads from: folders, and the messages in them.  Values and one port.

A source is only ever read.  What can not be read is *told* as a ``Trouble`` beside the messages,
so that whoever counts can say what is missing and why.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from typing import Final, NewType, Protocol

from msgspec import Struct

from gateway.decrypting.enclosed import Kind
from mx_core.model.flags import FlagSet

Digest = NewType("Digest", bytes)

DIGEST_OCTETS: Final = 32
MESSAGE_OCTETS_MAX: Final = 64 * 1024 * 1024  # a larger one is told of and left
BATCH_MESSAGES: Final = 100  # one commit
BATCH_OCTETS: Final = 4 * 1024 * 1024


class Found(Struct, frozen=True):
    """One message as it stands in the source, its lines ending in CRLF."""

    octets: bytes
    flags: FlagSet = frozenset()
    received: int | None = None  # unix seconds; None: what its own Date says
    key: bytes = b""  # what names it within its folder; b"": its octets do
    shared: bytes = b""  # what names it in all folders, where a source shows one message in many


class Trouble(Struct, frozen=True):
    """Something that can not be brought: where it stands, and one sentence."""

    where: str
    why: str


class SourceFolder(Struct, frozen=True):
    """One folder of a source; *place* is what the source itself calls it."""

    place: str
    levels: tuple[str, ...]  # its name, outermost first
    special_use: str = ""  # "\\Sent" …
    subscribed: bool = True  # whether a mailbox that is made for it is
    only_new: bool = False  # what another folder of the source shows is not shown here too

    @property
    def row(self) -> bytes:
        """Return the place as the ledger keeps it; a path may be any octets."""
        return self.place.encode(errors="surrogateescape")


class Weight(Struct, frozen=True):
    """What a look learns of one message; of a source that names its messages, no digest."""

    key: bytes
    digest: bytes
    octets: int
    encrypted: Kind | None = None  # as far as the source was asked for it, or gives its octets


class Tally(Struct, frozen=True):
    """Count and sum of digests of a folder's messages, in whatever order they came.

    The sum is taken modulo 2^256: equal sums of as many digests are equal messages, for all
    that anybody knows how to make who did not choose the messages for it.
    """

    messages: int = 0
    octets: int = 0
    total: int = 0

    def plus(self, digest: bytes, octets: int) -> Tally:
        """Return the tally with one message more."""
        return Tally(
            self.messages + 1,
            self.octets + octets,
            (self.total + int.from_bytes(digest, "big")) % (1 << 8 * DIGEST_OCTETS),
        )

    @property
    def name(self) -> str:
        """Return the sum as it is shown, 16 hex digits of it."""
        return f"{self.total:064x}"[:16]


class Known(Protocol):
    """What was brought before."""

    async def brought(self, names: Sequence[bytes]) -> set[bytes]:
        """Return those of these keys of the folder that were brought before."""

    async def shared(self, names: Sequence[bytes]) -> set[bytes]:
        """Return those of these names whose message is here, from whichever folder."""


class Source(Protocol):
    """Where mail comes from."""

    location: str  # names the source for good: a second import of it goes on from the first
    octets_a_day: int  # what its server gives in a day; 0: no bound is known

    async def folders(self) -> list[SourceFolder | Trouble]:
        """Return all folders, and what may not be entered; raises Refused, Unavailable."""

    def weigh(
        self, folder: SourceFolder, *, kinds: bool = False
    ) -> AsyncIterator[Sequence[Weight | Trouble]]:
        """Yield what can be said of the folder's messages without keeping any.

        *kinds*: also what is encrypted, if only a question more tells.
        """

    def read(self, folder: SourceFolder, known: Known) -> AsyncIterator[Sequence[Found | Trouble]]:
        """Yield the folder's messages, a batch at a time, each within the limits above.

        A source that names its messages asks *known* and yields none that was brought before.
        """

    async def close(self) -> None:
        """Let go of what is open."""


def digest_of(octets: bytes) -> Digest:
    """Return BLAKE2b-256 of a message."""
    return Digest(hashlib.blake2b(octets, digest_size=DIGEST_OCTETS).digest())


def with_crlf(octets: bytes) -> bytes:
    """Return *octets* with CRLF where a line ends in LF alone; others are not touched."""
    if octets.count(b"\n") == octets.count(b"\r\n"):
        return octets
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
