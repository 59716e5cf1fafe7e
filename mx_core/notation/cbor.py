"""Deterministic CBOR: the only encoding that is ever signed or hashed.

RFC 8949 §4.2.1 with a type allow-list (identity §1): uint < 2^64, bstr, tstr in NFC, array,
map with uint keys in ascending order, bool.  The decoder checks the types, the depth *and*
re-encodes and compares, so one value has one encoding.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from struct import Struct
from typing import Any, Final, TypeAlias

import cbor2

from mx_core.model.errors import Untrusted

Value: TypeAlias = int | bytes | str | bool | list["Value"] | dict[int, "Value"]

_UINT_LIMIT: Final = 1 << 64
_DEPTH_MAX: Final = 16

_UINT, _BSTR, _TSTR, _ARRAY, _MAP = 0, 2, 3, 4, 5  # major types, RFC 8949 §3.1
_BOOLS: Final = (0xF4, 0xF5)
_ARGUMENT_IN_HEAD_MAX: Final = 23
_ARGUMENT_OCTETS: Final = {24: 1, 25: 2, 26: 4, 27: 8}
_KEY_KINDS: Final = frozenset({int})
_FEW: Final = 16  # items of an array or a map; the library is quicker with more
_HEADS: Final = tuple(bytes([head]) for head in range(256))
_WITH_1, _WITH_2, _WITH_4, _WITH_8 = (Struct(code).pack for code in (">BB", ">BH", ">BI", ">BQ"))


def encode(value: Value) -> bytes:
    """Return the one encoding of *value*.

    Raises:
        TypeError: A type outside the allow-list; a bug of ours, never of a peer.
    """
    pieces: list[bytes] = []
    _write(value, _DEPTH_MAX, pieces.append)
    return b"".join(pieces)


def decode(octets: bytes) -> Value:
    """Return the value that *octets* encode.

    Raises:
        Untrusted: ``canonical`` if they are not the one encoding of an allowed value.
    """
    if not _has_only_our_types(octets):
        raise Untrusted("canonical", "not CBOR of our profile")
    try:
        value = cbor2.loads(octets)
    except (cbor2.CBORDecodeError, ValueError, TypeError, RecursionError, OverflowError) as error:
        raise Untrusted("canonical", "not CBOR of our profile") from error
    if not _is_allowed(value, _DEPTH_MAX) or cbor2.dumps(value, canonical=True) != octets:
        raise Untrusted("canonical", "not the one encoding of its value")
    return value  # type: ignore[no-any-return]  # _is_allowed has walked it


def _write(value: Any, depth: int, put: Callable[[bytes], None]) -> None:
    """Put the encoding of *value* in pieces; there may be *depth* levels, itself one of them.

    Judged and written in one walk: most of what is logged or signed is a dozen small items, for which
    the library takes three times as long.  What is long, rare or wrong is left to it.
    """
    kind = type(value)
    if not depth:
        put(_by_library(value, depth))
    elif kind is int and 0 <= value < _UINT_LIMIT:
        put(_head(_UINT, value))
    elif kind is bytes:
        put(_head(_BSTR, len(value)))
        put(value)
    elif kind is str and value.isascii():
        put(_head(_TSTR, len(value)))
        put(value.encode())
    elif kind is list and len(value) <= _FEW:
        put(_head(_ARRAY, len(value)))
        for item in value:
            _write(item, depth - 1, put)
    elif kind is dict and len(value) <= _FEW and _KEY_KINDS.issuperset(map(type, value)):
        put(_head(_MAP, len(value)))
        for key in sorted(value):
            _write(key, 1, put)
            _write(value[key], depth - 1, put)
    else:
        put(_by_library(value, depth))


def _by_library(value: Value, depth: int) -> bytes:
    if not _is_allowed(value, depth):
        raise TypeError("value outside the CBOR profile of identity §1")
    return cbor2.dumps(value, canonical=True)


def _head(major: int, argument: int) -> bytes:
    """Return the shortest head that says *argument*.  RFC 8949 §4.2.1."""
    kind = major << 5
    if argument <= _ARGUMENT_IN_HEAD_MAX:
        return _HEADS[kind | argument]
    if argument < 1 << 8:
        return _WITH_1(kind | 24, argument)
    if argument < 1 << 16:
        return _WITH_2(kind | 25, argument)
    if argument < 1 << 32:
        return _WITH_4(kind | 26, argument)
    return _WITH_8(kind | 27, argument)


def _has_only_our_types(octets: bytes) -> bool:
    """Tell, in one pass over the heads, that no other type is there for the decoder to act on.

    A tag would have it share values (a few octets can stand for 2^60 items), compile patterns or
    parse messages before we could look.  Order, length and nesting are judged afterwards.
    """
    at, end = 0, len(octets)
    while at < end:
        head = octets[at]
        major, argument = head >> 5, head & 0x1F
        at += 1
        if head in _BOOLS:
            continue
        if argument > _ARGUMENT_IN_HEAD_MAX:
            width = _ARGUMENT_OCTETS.get(argument)
            if width is None:
                return False
            argument = int.from_bytes(octets[at : at + width], "big")
            at += width
        if major in (_BSTR, _TSTR):
            at += argument
        elif major not in (_UINT, _ARRAY, _MAP):
            return False
    return at == end


def _is_allowed(value: object, depth: int) -> bool:
    if depth == 0:
        return False
    # bool before int, because True is an int in Python
    if isinstance(value, bytes | bool):
        return True
    if isinstance(value, int):
        return 0 <= value < _UINT_LIMIT
    if isinstance(value, str):
        return value.isascii() or unicodedata.is_normalized("NFC", value)
    # what most items are is judged here: a call for each costs more than all else
    deeper = depth > 1
    if isinstance(value, list):
        for item in value:
            if deeper and (type(item) is bytes or (type(item) is int and 0 <= item < _UINT_LIMIT)):
                continue
            if not _is_allowed(item, depth - 1):
                return False
        return True
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, int) or isinstance(key, bool) or not 0 <= key < _UINT_LIMIT:
                return False
            if not (deeper and type(item) is bytes) and not _is_allowed(item, depth - 1):
                return False
        return True
    return False
