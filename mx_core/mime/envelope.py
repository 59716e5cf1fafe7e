"""The ten values of ENVELOPE, read off one header and rendered.  RFC 9051 §7.5.2.

Address fields that come twice are one list, so that no program shows a sender that another
has not seen; of the single-valued fields the first one counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import Struct, field

from mx_core.mime import address_list, header, imap_string
from mx_core.mime.address_list import Entry
from mx_core.mime.header import Fields
from mx_core.mime.limits import ADDRESSES_MAX
from mx_core.model.message import HeaderField

_ADDRESS_FIELDS: Final = (b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc")
_SINGLE_FIELDS: Final = (b"date", b"subject", b"in-reply-to", b"message-id")
_READ: Final = frozenset((*_ADDRESS_FIELDS, *_SINGLE_FIELDS, b"references"))


class Envelope(Struct):
    """Values by field name: whole texts, and entries of addresses; absent ones are missing.

    What was read on the way stays here, so that nobody reads it again.
    """

    texts: dict[bytes, bytes] = field(default_factory=dict)
    addresses: dict[bytes, list[Entry]] = field(default_factory=dict)
    values: dict[bytes, list[bytes]] = field(default_factory=dict)  # each field's, in order
    lists: dict[bytes, list[Entry]] = field(default_factory=dict)  # by value, as if it were alone

    def text(self, name: bytes) -> bytes | None:
        """Return the value of a single-valued field."""
        return self.texts.get(name)

    def entries(self) -> int:
        """Return how many entries all address fields have together."""
        return sum(map(len, self.addresses.values()))


def read(octets: Fields, fields: Iterable[HeaderField], room: int = ADDRESSES_MAX) -> Envelope:
    """Return the envelope of the header whose *fields* are given, with at most *room* entries."""
    envelope = Envelope()
    for entry in fields:
        name = entry.name
        if name not in _READ:
            continue
        value = header.value(octets, entry)
        envelope.values.setdefault(name, []).append(value)
        if name in _SINGLE_FIELDS:
            envelope.texts.setdefault(name, value)
        elif name in _ADDRESS_FIELDS and room > 0:
            found = address_list.parse(value, room)
            if len(found) < room or room == ADDRESSES_MAX:
                envelope.lists[value] = found
            room -= len(found)
            envelope.addresses.setdefault(name, []).extend(found)
    return envelope


def render(envelope: Envelope) -> bytes:
    """Return the parenthesised form.

    Sender and Reply-To that are absent or empty are shown as From (RFC 9051 §7.5.2).
    """
    senders = envelope.addresses.get(b"from", [])
    parts = [
        imap_string.unfolded(envelope.text(b"date")),
        _subject(envelope.text(b"subject")),
        _addresses(senders),
        _addresses(envelope.addresses.get(b"sender") or senders),
        _addresses(envelope.addresses.get(b"reply-to") or senders),
        _addresses(envelope.addresses.get(b"to", [])),
        _addresses(envelope.addresses.get(b"cc", [])),
        _addresses(envelope.addresses.get(b"bcc", [])),
        imap_string.unfolded(envelope.text(b"in-reply-to")),
        imap_string.unfolded(envelope.text(b"message-id")),
    ]
    return b"(%b)" % b" ".join(parts)


def _subject(value: bytes | None) -> bytes:
    return imap_string.for_people(value)


def _addresses(entries: list[Entry]) -> bytes:
    if not entries:
        return imap_string.NIL
    return b"(%b)" % b"".join(_address(entry) for entry in entries)


def _address(entry: Entry) -> bytes:
    return b"(%b %b %b %b)" % (
        imap_string.for_people(entry.name),
        imap_string.nstring(entry.route),
        imap_string.nstring(entry.mailbox),
        imap_string.nstring(entry.domain),
    )
