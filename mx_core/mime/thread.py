"""Which conversation a message says it belongs to, from its own header and nothing else.

The first message named by References is the oldest of the conversation (RFC 5322 §3.6.4), so all
replies that keep the field name the same one; without the field In-Reply-To is asked, and then
the message begins a conversation of its own.  So the answer never changes, is the same on every
device, and may be derived anew at any time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import blake2b
from itertools import islice
from typing import Final

from mx_core.mime.header import first_value, value
from mx_core.model.message import HeaderField, MessageForm

_MSG_ID: Final = re.compile(rb"<([^<>\r\n]{1,996})>")
_OCTETS: Final = 16
_PERSON: Final = b"thread"
_ANSWERED_MAX: Final = 1_000


def thread_of(header: bytes, form: MessageForm) -> bytes:
    """Return 16 octets that name the conversation, or b"" of a message that names no message.

    *header* is the top header, or more of the message.
    """
    for name in (b"references", b"in-reply-to"):
        found = _MSG_ID.search(first_value(header, form, name) or b"")
        if found is not None:
            return named(found[1])
    return named(form.message_id) if form.message_id else b""


def answered(octets: bytes, fields: Iterable[HeaderField]) -> list[bytes]:
    """Return the Message-IDs, without brackets, that the top header says are answered."""
    found = (
        match[1]
        for field in fields
        if field.name in {b"references", b"in-reply-to"}
        for match in _MSG_ID.finditer(value(octets, field))
    )
    return list(islice(found, _ANSWERED_MAX))


def message_id(octets: bytes, fields: Iterable[HeaderField]) -> bytes:
    """Return the Message-ID of the top header without its brackets, or b""."""
    first = next((value(octets, field) for field in fields if field.name == b"message-id"), b"")
    found = _MSG_ID.search(first)
    return b"" if found is None else found[1]


def named(message_id: bytes) -> bytes:
    """Return 16 octets that stand for a Message-ID, given without its brackets."""
    return blake2b(message_id, digest_size=_OCTETS, person=_PERSON).digest()
