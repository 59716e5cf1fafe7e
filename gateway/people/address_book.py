"""Whom an account knows, as a file that every address book takes: vCard 4.0, RFC 6350.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

_FOLD_OCTETS: Final = 75  # RFC 6350 §3.2
_INSIDE: Final = 0x80  # how an octet inside a character of UTF-8 begins


def address_book(contacts: Iterable[Mapping[str, Any]]) -> bytes:
    """Return the cards of *contacts*, each with *address* and *tier*, as ``contact list`` tells them."""
    return b"".join(_card(str(one["address"]), str(one["tier"])) for one in contacts)


def _card(address: str, tier: str) -> bytes:
    lines = [
        "BEGIN:VCARD",
        "VERSION:4.0",
        f"FN:{_escaped(address)}",
        f"EMAIL:{_escaped(address)}",
        f"NOTE:{_escaped(f'on the network; their key is {tier}')}",
        "END:VCARD",
    ]
    return b"".join(_folded(line.encode("utf-8")) for line in lines)


def _escaped(text: str) -> str:
    """Return *text* as a value: RFC 6350 §3.4; what would end the line is no part of an address."""
    for mark in ("\\", ",", ";"):
        text = text.replace(mark, "\\" + mark)
    return "".join("\\n" if each == "\n" else each for each in text if each != "\r")


def _folded(line: bytes) -> bytes:
    """Return *line* in pieces of at most 75 octets, no character cut in two."""
    pieces, at, room = [], 0, _FOLD_OCTETS
    while len(line) - at > room:
        end = at + room
        while line[end] & 0xC0 == _INSIDE:
            end -= 1
        pieces.append(line[at:end])
        at, room = end, _FOLD_OCTETS - 1  # the space that begins the next piece
    return b"\r\n ".join([*pieces, line[at:]]) + b"\r\n"
