"""Encoded words of RFC 2047 in a field value, to text.

White space between two encoded words goes (§6.2); the octets of neighbours in one charset and
encoding are joined before decoding, because programs split characters over words.
A word with an unlisted charset stays as it is written.  Linear; never raises.
"""

from __future__ import annotations

import re
from typing import Final

from mx_core.mime import charset, transfer_encoding

_BREAK: Final = re.compile(rb"\r?\n")
# encoded-word = "=?" charset ["*" language] "?" encoding "?" encoded-text "?="
_WORD: Final = re.compile(rb"=\?([!-<>@-~]{1,60})\?([BbQq])\?([^?\r\n]*+)\?=")


def decode(value: bytes) -> str:
    """Return the text of a header value; folds are undone, other white space stays."""
    value = _BREAK.sub(b"", value) if b"\n" in value else value
    if b"=?" not in value:
        return charset.guess(value)
    out: list[str] = []
    pending = b""
    pending_label = ""
    at = 0
    for word in _WORD.finditer(value):
        label = word.group(1).decode("ascii")
        if not charset.is_known(label):
            continue
        between = value[at : word.start()]
        octets = _octets(word)
        if pending_label and not between.strip(b" \t"):
            if label.lower() == pending_label.lower():
                pending += octets
            else:
                out.append(_text(pending, pending_label))
                pending, pending_label = octets, label
        else:
            if pending_label:
                out.append(_text(pending, pending_label))
            out.append(charset.guess(between))
            pending, pending_label = octets, label
        at = word.end()
    if pending_label:
        out.append(_text(pending, pending_label))
    out.append(charset.guess(value[at:]))
    return "".join(out)


def _octets(word: re.Match[bytes]) -> bytes:
    if word.group(2) in b"Bb":
        return transfer_encoding.base64(word.group(3))
    return transfer_encoding.q_word(word.group(3))


def _text(octets: bytes, label: str) -> str:
    text = charset.decode(octets, label)
    return charset.guess(octets) if text is None else text
