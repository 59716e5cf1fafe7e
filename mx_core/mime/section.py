"""Which octets a section of FETCH means.  RFC 9051 §6.4.5.1.

Needs the prepared form only, never the octets, so the caller reads just the range.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from mx_core.mime import part_map
from mx_core.mime.part_map import Kind, Part
from mx_core.model.message import MessageForm


class Text(Enum):
    """What of the part is meant."""

    WHOLE = ""  # BODY[] or BODY[1.2]
    HEADER = "HEADER"  # also where HEADER.FIELDS and .NOT are cut from
    TEXT = "TEXT"
    MIME = "MIME"


def section_octets(
    form: MessageForm, path: Sequence[int], text: Text = Text.WHOLE
) -> tuple[int, int] | None:
    """Return (start, end) of the section, or None when the message has no such part.

    A path of nothing is the message itself.  HEADER and TEXT of a part are those of the
    message inside a message/rfc822 part; MIME of a part is its own header, of the only part of
    a message that is no multipart the header of that message (as Dovecot and Cyrus answer).
    """
    if not path:
        return _of_message(form, text)
    part = part_map.find(part_map.decode(form.parts), path)
    if part is None:
        return None
    if text is Text.WHOLE:
        return part.body_start, part.end
    if text is Text.MIME:
        return part.header_start, part.body_start
    inner = part.message if part.kind is Kind.MESSAGE else None
    return None if inner is None else _of_part(inner, text)


def _of_message(form: MessageForm, text: Text) -> tuple[int, int] | None:
    match text:
        case Text.WHOLE:
            return 0, form.size
        case Text.HEADER:
            return 0, form.header_end
        case Text.TEXT:
            return form.header_end, form.size
        case Text.MIME:
            return None  # the grammar has no BODY[MIME]


def _of_part(part: Part, text: Text) -> tuple[int, int]:
    if text is Text.HEADER:
        return part.header_start, part.body_start
    return part.body_start, part.end
