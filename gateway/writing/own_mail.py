"""Fields of the mail that the gateway itself writes: reports and notes.  Pure, 7-bit."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final

from mx_core.model.address import Address

_WORD_CHARACTERS: Final = 12  # of an encoded word: at most 48 octets, 64 in base64


def date(seconds: int) -> bytes:
    """Spell unix seconds for a Date field."""
    return format_datetime(datetime.fromtimestamp(seconds, UTC)).encode("ascii")


def mailbox(address: Address) -> bytes:
    """Spell the To field; an address beyond ASCII stands as a group name (RFC 6857 §3.1)."""
    if str(address).isascii():
        return b"<" + str(address).encode("ascii") + b">"
    return _encoded_words(str(address)) + b" :;"


def subject_field(text: str) -> bytes:
    """Spell the whole Subject field."""
    if text.isascii() and "=?" not in text:
        return b"Subject: " + text.encode("ascii")
    return b"Subject: " + _encoded_words(text)


def _encoded_words(text: str) -> bytes:
    """RFC 2047 §2, words of at most 75 octets, one a line."""
    chunks = [text[at : at + _WORD_CHARACTERS] for at in range(0, len(text), _WORD_CHARACTERS)]
    words = (b"=?utf-8?b?" + base64.b64encode(chunk.encode()) + b"?=" for chunk in chunks)
    return b"\r\n ".join(words)
