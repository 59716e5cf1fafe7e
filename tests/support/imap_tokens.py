"""Prepared IMAP answers as plain values, so that they compare whatever way they are quoted."""

from __future__ import annotations

import re
from typing import TypeAlias

Value: TypeAlias = int | str | list["Value"] | None

_ATOM = re.compile(rb"[^ ()\r\n]+")


def read(octets: bytes) -> Value:
    """Return the one value that *octets* are; strings as Latin-1."""
    value, end = read_first(octets, 0)
    assert end == len(octets), octets[end:]
    return value


def read_first(octets: bytes, at: int) -> tuple[Value, int]:
    """Return the value that begins at *at*, and where it ends."""
    match octets[at : at + 1]:
        case b"(":
            return _list(octets, at + 1)
        case b'"':
            return _quoted(octets, at + 1)
        case b"{":
            close = octets.index(b"}\r\n", at)
            start = close + 3
            end = start + int(octets[at + 1 : close])
            assert end <= len(octets)
            return octets[start:end].decode("latin-1"), end
        case _:
            atom = _ATOM.match(octets, at)
            assert atom is not None, octets[at:]
            return (None if atom.group() == b"NIL" else int(atom.group())), atom.end()


def _list(octets: bytes, at: int) -> tuple[Value, int]:
    values: list[Value] = []
    while octets[at : at + 1] != b")":
        if octets[at : at + 1] == b" ":
            at += 1
        value, at = read_first(octets, at)
        values.append(value)
    return values, at + 1


def _quoted(octets: bytes, at: int) -> tuple[Value, int]:
    out = bytearray()
    while octets[at] != ord('"'):
        if octets[at] == ord("\\"):
            at += 1
        assert octets[at] not in b"\r\n\0"
        assert octets[at] < 0x80
        out.append(octets[at])
        at += 1
    return out.decode("ascii"), at + 1
