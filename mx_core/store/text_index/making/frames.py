"""What the index and its worker say to each other: frames over two pipes.

    u32 octets, little-endian; MessagePack

A question is a list of ``Asked``; ``Taken`` answers letters, ``Finished`` and as many ``MadeBlock``
as it says answer the end of a run.  Both ends are of one program, so there is no version.
"""

from __future__ import annotations

from struct import Struct as Numbers
from typing import BinaryIO, Final

import msgspec

_HEAD: Final = Numbers("<I")


class Sent(msgspec.Struct, array_like=True, frozen=True):
    """A ``Letter``; *fields* as ``mime.field_table`` packs them."""

    message: int
    octets: bytes | None
    fields: bytes
    parts: bytes


class Asked(msgspec.Struct, array_like=True, frozen=True):
    """Letters of the run that begins with *first*; none: the run ends."""

    first: int
    letters: list[Sent]


class Taken(msgspec.Struct, array_like=True, frozen=True, tag=True):
    """Letters were taken."""

    full: bool


class Finished(msgspec.Struct, array_like=True, frozen=True, tag=True):
    """As ``making.Made``; so many blocks follow as come before a ``Last``."""

    messages: int
    unread: list[int]
    faults: list[tuple[int, str]]


class MadeBlock(msgspec.Struct, array_like=True, frozen=True, tag=True):
    """A ``Block``."""

    words: bytes
    postings: bytes


class Last(msgspec.Struct, array_like=True, frozen=True, tag=True):
    """The run is whole."""


Answer = Taken | Finished | MadeBlock | Last


def put(pipe: BinaryIO, frame: Asked | Answer) -> None:
    """Send *frame*; raises OSError."""
    octets = msgspec.msgpack.encode(frame)
    pipe.write(_HEAD.pack(len(octets)))
    pipe.write(octets)
    pipe.flush()


def get(pipe: BinaryIO) -> bytes | None:
    """Return what one frame holds, None at the end; raises OSError."""
    head = pipe.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    [size] = _HEAD.unpack(head)
    octets = pipe.read(size)
    return octets if len(octets) == size else None
