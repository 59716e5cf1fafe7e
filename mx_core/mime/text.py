"""The words of a message's body, for searching.  Never shown, never a replacement of octets.

Text and message parts are decoded behind the charset allow-list, pages lose their markup; of a
message inside, the header is read too.  Output is bounded and work linear.  RFC 9051 §6.4.4.
"""

from __future__ import annotations

import functools
import html
import re
from collections.abc import Iterator
from typing import Final

from mx_core.mime import charset, encoded_word, part_map, transfer_encoding
from mx_core.mime.limits import HEADER_OCTETS_MAX, TEXT_CHARACTERS_MAX
from mx_core.mime.part_map import Kind, Part
from mx_core.model.message import MessageForm

_HIDDEN: Final = re.compile(r"<(!--|script|style)", re.IGNORECASE | re.ASCII)
_COMMENT_END: Final = "-->"
_HIDDEN_END: Final = {"!--": _COMMENT_END, "script": "</script", "style": "</style"}
_TAG: Final = re.compile(r"</?([A-Za-z][A-Za-z0-9]*+)?[^<>]*+>")
_INLINE: Final = frozenset(
    (
        "a",
        "abbr",
        "b",
        "big",
        "code",
        "em",
        "font",
        "i",
        "mark",
        "q",
        "s",
        "small",
        "span",
        "strong",
    )
    + ("sub", "sup", "tt", "u", "wbr")
)
# a reference with more digits than a code point has is left as it stands
_REFERENCE: Final = re.compile(
    r"&(?:#[0-9]{1,7}+(?![0-9])|#[xX][0-9A-Fa-f]{1,6}+(?![0-9A-Fa-f])|[A-Za-z][A-Za-z0-9]{1,30}+);?"
)


def searchable(octets: bytes, form: MessageForm) -> str:
    """Return the decoded text of the body of the message whose *form* was prepared."""
    pieces: list[str] = []
    room = TEXT_CHARACTERS_MAX
    for piece in _pieces(octets, part_map.decode(form.parts)):
        if room <= 0:
            break
        pieces.append(piece[:room])
        room -= len(piece)
    return "\n".join(pieces)


def holds_text(part: Part) -> bool:
    """Tell whether the body of the leaf *part* is read as text."""
    return part.media_type.startswith(("text/", "message/"))


def part_text(octets: bytes, part: Part) -> str:
    """Return the decoded text of one leaf; "" when it holds none."""
    if not holds_text(part):
        return ""
    raw = transfer_encoding.decode(octets[part.body_start : part.end], part.encoding)
    text = charset.decode(raw, part.charset) if part.charset else None
    if text is None:
        text = charset.guess(raw)
    return page_text(text) if part.media_type == "text/html" else text


def _pieces(octets: bytes, root: Part) -> Iterator[str]:
    for part in root.walk():
        if part.kind is Kind.LEAF:
            yield part_text(octets, part)
        elif part.message is not None:
            start = part.message.header_start
            end = min(part.message.body_start, start + HEADER_OCTETS_MAX)
            yield encoded_word.decode(octets[start:end])


def page_text(page: str) -> str:
    """Return the words of an HTML page."""
    parts = _TAG.split("".join(_shown(page)))  # text, the name of a tag, text, …
    parts[1::2] = ["" if name and name.lower() in _INLINE else " " for name in parts[1::2]]
    words = "".join(parts)
    return _REFERENCE.sub(lambda found: _meant(found.group()), words) if "&" in words else words


@functools.lru_cache(512)
def _meant(reference: str) -> str:
    return html.unescape(reference)


def _shown(page: str) -> Iterator[str]:
    # What a reader does not show is passed over; without its end it reaches to the page's end.
    lowered = page.lower() if page.isascii() else _lowered(page)
    at = 0
    for found in _HIDDEN.finditer(page):
        if found.start() < at:
            continue
        yield page[at : found.start()]
        closing = _HIDDEN_END[found.group(1).lower()]
        at = lowered.find(closing, found.end())
        if at < 0:
            return
        if closing == _COMMENT_END:
            at += len(_COMMENT_END)  # the others are tags, which go with the rest
    yield page[at:]


def _lowered(page: str) -> str:
    # only ASCII letters, so that offsets stay the same
    return page.translate(_LOWER)


_LOWER: Final = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
