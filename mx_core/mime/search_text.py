"""What TEXT and BODY search: two folded texts of a message.  RFC 9051 §6.4.4.

The index holds the words of exactly these texts and the scan looks into exactly these, so both
find the same.  TEXT is either of the two, BODY the second alone.  Bounded as the scanner is.
"""

from __future__ import annotations

from collections.abc import Iterator

from mx_core.mime import encoded_word, part_map, text
from mx_core.mime.casemap import fold
from mx_core.mime.header import split_fields, value
from mx_core.mime.limits import HEADER_OCTETS_MAX
from mx_core.model.message import HeaderField, MessageForm

_MARK = b"=?"  # of an encoded word, RFC 2047 §2


def header_text(octets: bytes, form: MessageForm) -> str:
    """Return the fields of the header and of each part's, one a line, folded.

    A field that holds encoded words stands there decoded, and then as it is written.
    """
    return fold("\n".join(_lines(octets, form)))


def body_text(octets: bytes, form: MessageForm) -> str:
    """Return the decoded text of the body, folded."""
    return fold(text.searchable(octets, form))


def _lines(octets: bytes, form: MessageForm) -> Iterator[str]:
    for field in form.fields:
        yield from _spelled(octets, field)
    room = HEADER_OCTETS_MAX
    root = part_map.decode(form.parts)
    for part in root.walk():
        if part is root or room <= 0:
            continue
        end = min(part.body_start, part.header_start + room)
        room -= end - part.header_start
        for field in split_fields(octets, part.header_start, end):
            yield from _spelled(octets, field)


def _spelled(octets: bytes, field: HeaderField) -> Iterator[str]:
    written = value(octets, field)
    name = field.name.decode("latin-1")
    yield f"{name}: {encoded_word.decode(written)}"
    if _MARK in written:
        yield f"{name}: {written.decode('latin-1')}"
