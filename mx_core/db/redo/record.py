"""A change as the statements that made it, in the octets of a redo log.  docs/spec/redo.md §2.  Pure.

Statements and not what somebody asked for: what a job drew or looked up is in their values, so made again on
the same rows they make the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct


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


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Change)


def encoded(change: Change) -> bytes:
    """Return the octets of *change*; raises TypeError where a value has none."""
    return _ENCODER.encode(change)


def decoded(octets: bytes) -> Change:
    """Return the change of *octets*, which ``encoded`` gave: they were sealed under our key."""
    return _DECODER.decode(octets)


def is_noted(sql: str) -> bool:
    """Tell whether a statement can change anything; what only reads is not to be made again."""
    return not sql.startswith("SELECT")
