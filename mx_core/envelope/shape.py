"""Decoded CBOR, read field by field: another type, length or key set is ``format``.

Identity §1: unknown keys, missing keys and keys given outside their condition are refused, so
that nothing unsigned or unread can ride along.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from mx_core.envelope.failure import EnvelopeFailure, refuse
from mx_core.model.errors import Untrusted
from mx_core.notation.cbor import Value


def keyed(
    value: Value, required: AbstractSet[int], optional: AbstractSet[int] = frozenset()
) -> dict[int, Value]:
    """Return the map *value*, which holds every required key and none outside both sets."""
    if not isinstance(value, dict) or not required <= value.keys() <= required | optional:
        raise _misshapen("a map of other keys")
    return value


def array(value: Value) -> list[Value]:
    """Return the array *value*."""
    if not isinstance(value, list):
        raise _misshapen("no array")
    return value


def octets(value: Value, length: int | None = None) -> bytes:
    """Return the byte string *value*, of exactly *length* octets if one is given."""
    if not isinstance(value, bytes) or (length is not None and len(value) != length):
        raise _misshapen("no byte string of the right length")
    return value


def text(value: Value) -> str:
    """Return the text string *value*."""
    if not isinstance(value, str):
        raise _misshapen("no text")
    return value


def uint(value: Value) -> int:
    """Return the unsigned integer *value*; true and false are none."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise _misshapen("no number")
    return value


def boolean(value: Value) -> bool:
    """Return the boolean *value*."""
    if not isinstance(value, bool):
        raise _misshapen("neither true nor false")
    return value


def _misshapen(found: str) -> Untrusted:
    return refuse(EnvelopeFailure.FORMAT, f"a field of the envelope is {found}")
