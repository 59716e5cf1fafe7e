"""A header block as fields with offsets, and the cuts that HEADER.FIELDS asks for.

Knows no field's grammar.  A header ends at its first empty line; a line without a colon is
kept, nameless, because octets are never dropped.  RFC 5322 §2.2.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final, Protocol

from mx_core.mime.limits import FIELDS_MAX, HEADER_OCTETS_MAX, NAME_OCTETS_MAX, VALUE_OCTETS_MAX
from mx_core.model.errors import BadMessage
from mx_core.model.message import HeaderField, MessageForm

_FOLD: Final = b" \t"  # what the second line of a field begins with
_EMPTY_LINES: Final = (b"\r\n", b"\n")
_LEADING: Final = re.compile(rb"[ \t]*+")


def split_fields(
    octets: bytes, start: int, end: int, octets_max: int = HEADER_OCTETS_MAX
) -> tuple[HeaderField, ...]:
    """Return the fields of the header lines octets[start:end] up to an empty line.

    What lies beyond the limits is one nameless field, so the table still covers every octet.
    """
    fields: list[HeaderField] = []
    at = start
    find = octets.find
    while at < end and not octets.startswith(_EMPTY_LINES, at):
        if len(fields) == FIELDS_MAX - 1 or at - start >= octets_max:
            fields.append(HeaderField(b"", at, end))
            break
        stop = line_end = find(b"\n", at, end) + 1 or end
        while stop < end and octets[stop] in _FOLD:
            stop = find(b"\n", stop, end) + 1 or end
        colon = find(b":", at, min(line_end, at + NAME_OCTETS_MAX))
        name = octets[at:colon].rstrip(b" \t").lower() if colon >= 0 else b""
        fields.append(HeaderField(name, at, stop))
        at = stop
    return tuple(fields)


def top_fields(octets: bytes) -> tuple[HeaderField, ...]:
    """Return the fields of the top header of *octets*, all of them.

    Raises:
        BadMessage: There are more than are taken apart, so that one could hide behind the limit.
    """
    fields = split_fields(octets, 0, len(octets))
    if fields and (fields[-1].end > HEADER_OCTETS_MAX or len(fields) >= FIELDS_MAX):
        raise BadMessage(
            f"the header of the message has more than {HEADER_OCTETS_MAX // 1024} KiB "
            f"or {FIELDS_MAX - 1} fields"
        )
    return fields


class Fields(Protocol):
    """Octets of which only fields are read: ``bytes``, or what holds the headers of a long message."""

    def __getitem__(self, part: slice, /) -> bytes: ...

    def find(self, what: bytes, start: int, end: int, /) -> int:
        """Return where *what* begins between *start* and *end*, or -1."""


def value(octets: Fields, field: HeaderField) -> bytes:
    """Return what follows the colon, folds kept as LF and space, at most 16 KiB of it."""
    start = octets.find(b":", field.start, field.end) + 1 if field.name else field.start
    raw = octets[start : min(field.end, start + VALUE_OCTETS_MAX)]
    raw = raw.replace(b"\r\n", b"\n").removesuffix(b"\n")
    leading = _LEADING.match(raw)
    assert leading is not None  # noqa: S101  # the pattern matches nothing too
    skipped = leading.end()
    if skipped == len(raw) or raw[skipped] == ord(b"\n"):
        skipped = min(skipped, 1)  # of a value that is all space, only the first is not part
    return raw[skipped:]


def first_value(octets: bytes, form: MessageForm, name: bytes) -> bytes | None:
    """Return the value of the first field of the top header called *name* (lower case)."""
    return next((value(octets, field) for field in form.fields if field.name == name), None)


def fields_subset(
    octets: bytes, form: MessageForm, names: Collection[bytes], exclude: bool
) -> bytes:
    """Return what BODY[HEADER.FIELDS (names)] sends, or .NOT with *exclude*.

    *octets* may be the whole message or only its header.  Names match in any case.  The empty
    line is part of the answer, except that .NOT of a header without one has none either.
    RFC 9051 §6.4.5.1.
    """
    has_empty_line = not form.fields or form.fields[-1].end < form.header_end
    empty_line = has_empty_line if exclude else True
    return _subset(octets, form.fields, names, exclude, empty_line)


def part_fields_subset(header: bytes, names: Collection[bytes], exclude: bool) -> bytes:
    """Return the same of a nested message, given its header; the empty line always ends it."""
    end = len(header)
    for empty in _EMPTY_LINES:
        if header.endswith(b"\n" + empty) or header == empty:
            end -= len(empty)
            break
    return _subset(header, split_fields(header, 0, end), names, exclude, empty_line=True)


def _subset(
    octets: bytes,
    fields: Collection[HeaderField],
    names: Collection[bytes],
    exclude: bool,
    empty_line: bool,
) -> bytes:
    wanted = {name.lower() for name in names}
    chosen = [
        octets[field.start : field.end] for field in fields if (field.name in wanted) != exclude
    ]
    if empty_line:
        if chosen and not chosen[-1].endswith(b"\n"):
            chosen.append(b"\r\n")
        chosen.append(b"\r\n")
    return b"".join(chosen)
