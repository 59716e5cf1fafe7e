"""The first words of a message, for a list of messages.  RFC 8970.

Made anew whenever it is asked for, always the same from the same octets: of the first text part
no more than a bounded piece is read and decoded.  Quoted lines and space are left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from mx_core.mime import charset, part_map, transfer_encoding
from mx_core.mime.part_map import Kind, Part
from mx_core.mime.text import page_text
from mx_core.model.message import MessageForm

CHARACTERS_MAX: Final = 200  # RFC 8970 §3.2: 200 are advised, 256 are the most
_OCTETS_MAX: Final = 64 * 1024  # of the part; style sheets before the first word are shorter
_TEXTS: Final = frozenset({"text/plain", "text/html"})
_QUOTED: Final = re.compile(r"^[ \t]*>[^\n]*\n?", re.MULTILINE)
_SPACE: Final = re.compile(
    r"[\s\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]+"
)
_CUT_CHARACTER: Final = re.compile(rb"[\xc0-\xff][\x80-\xbf]{0,3}\Z")


def preview(form: MessageForm, octets: Callable[[int, int], bytes]) -> str:
    """Return at most 200 characters in one line; "" of a message without text.

    *octets* gives the message's octets from one offset up to another.
    """
    for part in part_map.decode(form.parts).walk():
        if part.kind is Kind.LEAF and part.media_type in _TEXTS:
            return _words(
                part, octets(part.body_start, min(part.end, part.body_start + _OCTETS_MAX))
            )
    return ""


def _words(part: Part, encoded: bytes) -> str:
    raw = transfer_encoding.decode(encoded, part.encoding)
    if part.end - part.body_start > len(encoded):
        raw = _CUT_CHARACTER.sub(b"", raw)  # half a character would make UTF-8 look like none
    text = charset.decode(raw, part.charset) if part.charset else None
    if text is None:
        text = charset.guess(raw)
    text = page_text(text) if part.media_type == "text/html" else _QUOTED.sub("", text)
    return _SPACE.sub(" ", text).strip()[:CHARACTERS_MAX].rstrip()
