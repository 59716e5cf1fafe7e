"""What a search asks of a header: whether decoded fields hold a folded text, and the day of Date.

Shared by SEARCH and by the rules of folders, so that both find the same.  RFC 9051 §6.4.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from mx_core.mime import address_list
from mx_core.mime import date as date_field
from mx_core.mime.address_list import Entry
from mx_core.mime.casemap import fold
from mx_core.mime.encoded_word import decode
from mx_core.mime.header import first_value, value
from mx_core.mime.limits import ADDRESSES_MAX
from mx_core.model.message import HeaderField, MessageForm

ADDRESS_FIELDS: Final = frozenset({b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc"})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


STATUS: Final = b"mx-status"  # and whatever begins with it


def claims_status(form: MessageForm) -> bool:
    """Tell whether the message begins with a field of the gateway's own name, whoever wrote it."""
    return bool(form.fields) and form.fields[0].name.startswith(STATUS)


def _counting(form: MessageForm, name: bytes) -> Sequence[HeaderField]:
    """Return the fields called *name* (lower case) that count.

    Of the gateway's own name only the first field of a message can be its word, if it has stored
    the message itself; every other was written by somebody else, and must not be found as if it
    were (spec/status §3).
    """
    fields = form.fields
    if name.startswith(STATUS):
        fields = () if form.foreign_status else form.fields[:1]
    return [field for field in fields if field.name == name]


def has_field(form: MessageForm, name: bytes) -> bool:
    """Tell whether there is a field called *name* (lower case) at all."""
    return bool(_counting(form, name))


def field_holds(header: bytes, form: MessageForm, name: bytes, wanted: str) -> bool:
    """Tell whether some field called *name* (lower case) holds the folded *wanted*.

    *header* is the octets up to ``form.header_end``.  Of addresses both the text as written and
    the bare ``name <address>`` count.
    """
    return any(
        wanted in reading
        for field in _counting(form, name)
        for reading in readings(name, value(header, field))
    )


def readings(name: bytes, written: bytes, entries: Sequence[Entry] | None = None) -> list[str]:
    """Return the folded texts in which a search of the field *name* looks.

    *entries* are those of an address field, if they have been parsed already.
    """
    texts = [fold(decode(written))]
    if name in ADDRESS_FIELDS:
        if entries is None:
            entries = address_list.parse(written, ADDRESSES_MAX)
        plain = fold(_plain(entries))
        if plain not in texts[0]:
            texts.append(plain)
    return texts


def any_field_holds(header: bytes, form: MessageForm, wanted: str) -> bool:
    """Tell whether the folded *wanted* stands in some field, name and colon included."""
    return any(
        wanted in fold(f"{field.name.decode('latin-1')}: {decode(value(header, field))}")
        for field in form.fields
    )


def day_sent(header: bytes, form: MessageForm) -> date | None:
    """Return the day of the Date field where it was written, which SENTSINCE compares."""
    sent = date_field.parse(first_value(header, form, b"date"))
    if sent is None:
        return None
    return (_EPOCH + timedelta(seconds=sent.unix, minutes=sent.offset)).date()


def _plain(entries: Sequence[Entry]) -> str:
    """Return addresses without the comments and folds that may stand inside them."""
    words: list[str] = []
    for entry in entries:
        name = decode(entry.name or b"")
        address = b"%b@%b" % (entry.mailbox or b"", entry.domain or b"")
        words.append(f"{name} <{address.decode('utf-8', 'replace')}>")
    return ", ".join(words)
