"""A change as the statements that made it, in the octets of a redo log.  docs/spec/redo.md §2.  Pure.

Statements and not what somebody asked for: what a job drew or looked up is in their values, so made again on
the same rows they make the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import lz4.block
import msgspec
from msgspec import Struct

CLEAR_OCTETS_MAX: Final = 2 * 1024 * 1024  # of a change, before it is packed
# What is longer changes many rows in the same way, and takes a tenth of the octets or less as a block.
_PACKED_FROM: Final = 32 * 1024


class Statement(Struct, frozen=True, array_like=True):
    """What was given to the driver; *many*: *values* are a list of rows of them."""

    sql: str
    many: bool
    values: Sequence[Any]


class Change(Struct, frozen=True, array_like=True):
    """One job that was done: in which transaction, and what its witness said when that began."""

    round: int
    base: int
    statements: Sequence[Statement]


class Packed(Struct, frozen=True, array_like=True):
    """A change of *size* octets as one LZ4 block."""

    size: int
    block: bytes


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Change)
_UNPACKER: Final = msgspec.msgpack.Decoder(Packed)
_ARRAY_OF_TWO: Final = 0x92  # with which what is packed begins; a change is an array of three


def encoded(change: Change) -> bytes:
    """Return the octets of *change*; raises TypeError where a value has none."""
    return _ENCODER.encode(change)


def packed(octets: bytes) -> bytes:
    """Return the record of a change that is *octets*: these, or a block of them where they are many."""
    if len(octets) < _PACKED_FROM:
        return octets
    return _ENCODER.encode(Packed(len(octets), lz4.block.compress(octets, store_size=False)))


def decoded(record: bytes) -> Change:
    """Return the change of *record*, which ``packed`` gave: it was sealed under our key."""
    if record[0] != _ARRAY_OF_TWO:
        return _DECODER.decode(record)
    whole = _UNPACKER.decode(record)
    return _DECODER.decode(lz4.block.decompress(whole.block, uncompressed_size=whole.size))


def is_noted(sql: str) -> bool:
    """Tell whether a statement can change anything; what only reads is not to be made again."""
    return not sql.startswith("SELECT")
