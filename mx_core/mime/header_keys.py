"""The keys of a header that SEARCH, SORT and THREAD compare, from its octets, once.

An address field is found as it is written and in plain form, without the comments and folds
that may stand inside it.  Never raises; what is too long for a key is left to the octets.
RFC 5256 §2 and §3, RFC 5957 §3, RFC 5255 §4.4.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from mx_core.mime import address_list, base_subject, casemap, date, encoded_word, envelope
from mx_core.mime.address_list import Entry
from mx_core.mime.base_subject import BaseSubject
from mx_core.mime.date import Sent
from mx_core.mime.envelope import Envelope
from mx_core.mime.field_match import ADDRESS_FIELDS, readings
from mx_core.mime.limits import (
    ADDRESSES_MAX,
    FIELD_TEXT_OCTETS_MAX,
    ORDER_OCTETS_MAX,
    REFERENCES_MAX,
)
from mx_core.model.header_keys import (
    NO_DAY,
    NO_ID,
    TEXT_MARK,
    UNPREPARED,
    HeaderKeys,
    TextField,
    ThreadKeys,
)
from mx_core.model.message import MessageForm

_SECONDS_OF_DAY: Final = 86_400
# msg-id = "<" id-left "@" id-right ">"; a quoted id-left means what is inside  RFC 5256 §2.3
_MSG_ID: Final = re.compile(
    rb'<[ \t\r\n]*+(?:"((?:[^"\\<>]|\\.)*+)"|([^"<>@ \t\r\n]++))@([^<>@ \t\r\n]++)[ \t\r\n]*+>',
    re.DOTALL,
)
_PAIR: Final = re.compile(rb"\\(.)", re.DOTALL)


def header_keys(octets: bytes, form: MessageForm) -> HeaderKeys:
    """Return the keys of the message; *octets* may be only its header."""
    letter = envelope.read(octets, form.fields)
    sent = date.parse(letter.text(b"date"))
    return keys_of(letter, sent, base_subject.read(letter.text(b"subject")))


def keys_of(letter: Envelope, sent: Sent | None, subject: BaseSubject) -> HeaderKeys:
    """Return the keys of a header that has been read, with its Date and its base subject."""
    values = letter.values
    lists = {
        name: [_entries(letter, value) for value in found]
        for name, found in values.items()
        if name in ADDRESS_FIELDS and sum(map(len, found)) <= FIELD_TEXT_OCTETS_MAX
    }
    sender, recipient, copied = (_first_entry(lists, name) for name in (b"from", b"to", b"cc"))
    return HeaderKeys(
        sent=None if sent is None else sent.unix,
        sent_day=NO_DAY if sent is None else (sent.unix + 60 * sent.offset) // _SECONDS_OF_DAY,
        texts=tuple(
            _text(field.value, values.get(field.value, []), lists.get(field.value))
            for field in TextField
        ),
        orders=(
            _key(subject.text),
            _key(_mailbox(sender)),
            _key(_mailbox(recipient)),
            _key(_mailbox(copied)),
            _key(_shown(sender)),
            _key(_shown(recipient)),
        ),
        thread=ThreadKeys(
            id=next(iter(_ids(_first(values, b"message-id"))), NO_ID),
            subject=hash_of(subject.text.encode("utf-8", "replace")) if subject.text else NO_ID,
            is_reply=subject.is_reply,
            references=_references(values),
        ),
    )


def hash_of(octets: bytes) -> int:
    """Return 64 bits that stand for *octets*; never NO_ID."""
    return int.from_bytes(hashlib.blake2b(octets, digest_size=8).digest(), "little") or 1


def _entries(letter: Envelope, value: bytes) -> list[Entry]:
    found = letter.lists.get(value)
    return address_list.parse(value, ADDRESSES_MAX) if found is None else found


def _first(values: dict[bytes, list[bytes]], name: bytes) -> bytes | None:
    found = values.get(name)
    return found[0] if found else None


def _text(name: bytes, values: list[bytes], lists: list[list[Entry]] | None) -> bytes:
    if sum(map(len, values)) > FIELD_TEXT_OCTETS_MAX:
        return UNPREPARED
    entries: Sequence[list[Entry] | None] = lists or [None] * len(values)
    return b"".join(
        TEXT_MARK + text.encode("utf-8", "replace")
        for value, found in zip(values, entries, strict=True)
        for text in readings(name, value, found)
    )


def _first_entry(lists: dict[bytes, list[list[Entry]]], name: bytes) -> Entry | None:
    found = lists.get(name)
    return found[0][0] if found and found[0] else None


def _mailbox(entry: Entry | None) -> str:
    # addr-mailbox; of a group its name                                RFC 5256 §3 (SORT)
    return "" if entry is None else (entry.mailbox or b"").decode("utf-8", "replace")


def _shown(entry: Entry | None) -> str:
    # the display name, else the address; of a group its name          RFC 5957 §3
    if entry is None:
        return ""
    if entry.name or not entry.is_mailbox():
        return encoded_word.decode(entry.name or entry.mailbox or b"")
    address = b"%b@%b" % (entry.mailbox or b"", entry.domain or b"")
    return address.decode("utf-8", "replace")


def _key(text: str) -> bytes:
    return casemap.fold(text[:ORDER_OCTETS_MAX]).encode("utf-8", "replace")[:ORDER_OCTETS_MAX]


def _ids(value: bytes | None) -> list[int]:
    ids: list[int] = []
    for found in _MSG_ID.finditer(value or b""):
        quoted, atom, domain = found.groups()
        left = atom if quoted is None else _PAIR.sub(rb"\1", quoted)
        ids.append(hash_of(left + b"@" + domain))
    return ids


def _references(values: dict[bytes, list[bytes]]) -> tuple[int, ...]:
    # References, or if it names nothing the first id of In-Reply-To    RFC 5256 §3 (THREAD)
    ids = _ids(_first(values, b"references"))
    if not ids:
        ids = _ids(_first(values, b"in-reply-to"))[:1]
    return tuple(ids[-REFERENCES_MAX:])
