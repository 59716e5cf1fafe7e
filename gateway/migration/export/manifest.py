"""``mx-export.jsonl``: one line for each mailbox and each message of an export, in order.

What a Maildir or an mbox can not hold (keywords, exact octets, dates to the second, order)
stands here.  docs/spec/export.md §4.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

NAME: Final = "mx-export.jsonl"
VERSION: Final = 1
_LINE_MAX: Final = 1024 * 1024


class Head(msgspec.Struct, frozen=True, tag_field="kind", tag="export"):
    """The first line."""

    version: int
    account: str
    format: str
    original: bool  # without the status blocks that the gateway put before


class Folder(msgspec.Struct, frozen=True, tag_field="kind", tag="folder"):
    """One mailbox, before its messages."""

    name: str
    special_use: str
    subscribed: bool


class Message(msgspec.Struct, frozen=True, tag_field="kind", tag="message"):
    """One message: *octets* of *file* from *at* on are its text."""

    folder: str
    file: str
    at: int
    octets: int
    digest: str  # BLAKE2b-256 of the message with its CRLF, hex
    lf: bool  # CRLF was written as LF
    quoted: bool  # lines that begin with From were quoted
    flags: tuple[str, ...]
    received: int


class Done(msgspec.Struct, frozen=True, tag_field="kind", tag="done"):
    """The last line: everything above was read back and was right."""

    messages: int
    total: str  # sum of all digests modulo 2^256, hex


Line = Head | Folder | Message | Done


def encode(line: Line) -> bytes:
    """Return *line* with its LF."""
    return msgspec.json.encode(line) + b"\n"


def lines(path: Path) -> Iterator[tuple[int, Line | None]]:
    """Yield where each line begins and what it says; None for what is not understood.

    A last line without LF was cut off by a crash and is not given.
    """
    with path.open("rb") as file:
        at = 0
        for raw in _whole_lines(file):
            yield at, decode(raw)
            at += len(raw)


def decode(raw: bytes) -> Line | None:
    """Return what one line says, or None."""
    try:
        line: Line = msgspec.json.decode(raw, type=Line)
    except msgspec.DecodeError:
        return None
    return line


def whole_octets(path: Path) -> int:
    """Return where the last whole line ends."""
    end = 0
    with path.open("rb") as file:
        for raw in _whole_lines(file):
            end += len(raw)
    return end


def _whole_lines(file: BinaryIO) -> Iterator[bytes]:
    while (raw := file.readline(_LINE_MAX)).endswith(b"\n"):
        yield raw
