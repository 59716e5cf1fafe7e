r"""One file of many messages, each begun by a line ``From `` that follows an empty one.

Both dialects are read: ``>From `` is unquoted by one sign, as mboxrd writes it and mboxo nearly
does.  A file is read once from start to end; what is held is one message of bounded size.
RFC 4155 names the format, https://qmail.org/man/man5/mbox.html its dialects.
"""

from __future__ import annotations

import re
import time
from calendar import timegm
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from gateway.migration.local import mail_programs
from gateway.migration.local.plain_file import open_plain, shown
from gateway.migration.source import MESSAGE_OCTETS_MAX, Found, Trouble, with_crlf

_START: Final = b"From "
_QUOTED: Final = re.compile(rb"^>(>*From )", re.MULTILINE)
_EMPTY: Final = (b"\r\n", b"\n")
_LINE_MAX: Final = 1024 * 1024  # of what is looked at as one line
_FROM_LINE_MAX: Final = 1000
# "From alice@a.example Sat Nov 21 12:00:00 2026", time in UTC       RFC 4155, appendix A
_DATE: Final = re.compile(
    rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (\w{3}) {1,2}(\d{1,2}) (\d\d:\d\d:\d\d) (?:[A-Z]{2,5} )?(\d{4})"
)


def is_mbox(path: Path) -> bool:
    """Tell whether the file begins as an mbox does, or holds nothing."""
    file = open_plain(path)
    if isinstance(file, Trouble):
        return False
    with file:
        try:
            start = file.read(len(_START))
        except OSError:
            return False
    return start in {b"", _START}


def read(path: Path) -> Iterator[Found | Trouble]:
    """Yield every message of the file."""
    file = open_plain(path)
    if isinstance(file, Trouble):
        yield file
        return
    with file:
        try:
            for offset, from_line, octets in _split(file):
                if octets is None:
                    yield Trouble(
                        f"{shown(path)}, octet {offset}",
                        f"is larger than {MESSAGE_OCTETS_MAX // 1024 // 1024} MiB",
                    )
                elif from_line is None:
                    yield Trouble(
                        f"{shown(path)}, octet {offset}", "comes before the first From line"
                    )
                else:
                    yield _found(from_line, octets)
        except OSError as error:
            yield Trouble(shown(path), f"can not be read: {(error.strerror or '').lower()}")


def _found(from_line: bytes, octets: bytes) -> Found:
    if b">From " in octets:
        octets = _QUOTED.sub(rb"\1", octets)
    octets, flags = mail_programs.flags_of(with_crlf(octets))
    return Found(octets, flags, received_at(from_line))


def received_at(from_line: bytes) -> int | None:
    """Return the time that a ``From `` line tells, in unix seconds."""
    match = _DATE.search(from_line[:_FROM_LINE_MAX])
    if match is None:
        return None
    text = b" ".join(match.groups()).decode("ascii", "replace")
    try:
        return timegm(time.strptime(text, "%b %d %H:%M:%S %Y"))
    except ValueError:
        return None


def _split(file: BinaryIO) -> Iterator[tuple[int, bytes | None, bytes | None]]:
    """Yield offset, From line and octets of each message; octets are None of what is too large.

    A From line of None: what stands before the first, if it is not blank.
    """
    from_line: bytes | None = None
    held = bytearray()  # one message, as far as it is not too large
    size = start = at = 0
    after_empty, whole = True, True  # the line before was empty; the last piece ended a line
    while line := file.readline(_LINE_MAX):
        if after_empty and whole and line.startswith(_START):
            if from_line is not None or held.strip():
                yield start, from_line, _message(held, size)
            from_line, size, start = line, 0, at
            held.clear()
            after_empty = False  # a second From line is text
        else:
            after_empty = whole and line in _EMPTY
            size += len(line)
            if size > MESSAGE_OCTETS_MAX:
                held.clear()
            else:
                held += line
        whole = line.endswith(b"\n")
        at += len(line)
    if from_line is not None or held.strip():
        yield start, from_line, _message(held, size)


def _message(held: bytearray, size: int) -> bytes | None:
    """Return the message without the empty line that the format adds."""
    if size > MESSAGE_OCTETS_MAX:
        return None
    for empty in _EMPTY:
        if held.endswith(b"\n" + empty) or (len(held) == len(empty) and held.endswith(empty)):
            return bytes(memoryview(held)[: -len(empty)])
    return bytes(held)
