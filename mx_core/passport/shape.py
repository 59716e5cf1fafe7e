"""Decoded CBOR read by the shape its page gives; whatever differs is `format`.

Knows types, lengths and key sets, never meanings.  A map has exactly the keys asked for:
an unknown key, a missing one and one given outside its condition are all refused (identity §1).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mx_core.model.address import Address, is_canonical
from mx_core.model.errors import Untrusted
from mx_core.notation import cbor

_ADDRESS_OCTETS_MAX: Final = 64 + 1 + 253
UINT_MAX: Final = (1 << 64) - 1


class Fields:
    """One map of a signed structure; every reader names the key and what must stand there."""

    __slots__ = ("_map", "_what")

    def __init__(
        self, value: cbor.Value, what: str, required: Iterable[int], optional: Iterable[int] = ()
    ) -> None:
        """Take *value* as the map *what*; raises Untrusted(`format`) unless its keys are right."""
        if not isinstance(value, dict):
            raise misshapen(f"{what} is not a map")
        keys, demanded = set(value), set(required)
        if not demanded <= keys or not keys <= demanded | set(optional):
            raise misshapen(f"{what} does not have exactly its keys")
        self._map = value
        self._what = what

    def has(self, key: int) -> bool:
        """Tell whether an optional key is there."""
        return key in self._map

    def value(self, key: int) -> cbor.Value:
        """Return what stands under *key*, of any type."""
        return self._map[key]

    def uint(self, key: int, low: int = 0, high: int = UINT_MAX) -> int:
        """Return the number under *key*, within *low* … *high*."""
        return uint(self._map[key], f"{self._what}.{key}", low, high)

    def octets(self, key: int, length: int | None = None) -> bytes:
        """Return the bstr under *key*, of exactly *length* octets if given."""
        return octets(self._map[key], f"{self._what}.{key}", length)

    def array(self, key: int, length: int | None = None) -> list[cbor.Value]:
        """Return the array under *key*, of exactly *length* items if given."""
        return array(self._map[key], f"{self._what}.{key}", length)

    def address(self, key: int) -> Address:
        """Return the canonical address under *key* (identity §1)."""
        text = self._map[key]
        if (
            not isinstance(text, str)
            or len(text.encode()) > _ADDRESS_OCTETS_MAX
            or not is_canonical(text)
        ):
            raise misshapen(f"{self._what}.{key} is not a canonical address")
        return Address.parse(text)


def uint(value: cbor.Value, what: str, low: int = 0, high: int = UINT_MAX) -> int:
    """Return *value* if it is a number within *low* … *high*."""
    # bool is an int in Python, and never one of ours
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise misshapen(f"{what} is not a number in its range")
    return value


def octets(value: cbor.Value, what: str, length: int | None = None) -> bytes:
    """Return *value* if it is a bstr, of exactly *length* octets if given."""
    if not isinstance(value, bytes) or length not in (None, len(value)):
        raise misshapen(f"{what} is not a byte string of its length")
    return value


def array(value: cbor.Value, what: str, length: int | None = None) -> list[cbor.Value]:
    """Return *value* if it is an array, of exactly *length* items if given."""
    if not isinstance(value, list) or length not in (None, len(value)):
        raise misshapen(f"{what} is not an array of its length")
    return value


def misshapen(sentence: str) -> Untrusted:
    """Return the refusal of class `format`."""
    return Untrusted("format", sentence)
