"""What is said of a message of the network when it is stored: status, keywords.  Pure.

spec/status §4 says what each note means.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from gateway.arriving.senders import JudgedSender
from gateway.arriving.status_block import (
    DEVICES_CHANGED,
    ENDED,
    FIRST_CONTACT,
    FORGED_STATUS,
    FROM_DIFFERS,
    KEY_CHANGED_NOTE,
    KEY_ROTATED,
    LATE,
    MOVED,
    PASSPORT_CHANGED,
    REDUCED_SECRECY,
    Mail,
    Status,
    claims_status,
)
from mx_core.directory.reader_check import Trust
from mx_core.envelope.statement import Statement
from mx_core.mime import encoded_word
from mx_core.mime.address_list import parse as parse_addresses
from mx_core.mime.header import split_fields, value
from mx_core.model.address import Address
from mx_core.model.errors import BadAddress
from mx_core.model.message import HeaderField
from mx_core.trust.decide import Cause

_TRUST: Final = {
    Trust.FIRST: "implicit",
    Trust.IMPLICIT: "implicit",
    Trust.ENDORSED: "endorsed",
    Trust.VERIFIED: "verified",
    Trust.REMOVED_DEVICE: "none",
    Trust.HELD: "none",
}
_NOTE: Final = {
    Cause.DEVICE_ADDED: DEVICES_CHANGED,
    Cause.DEVICE_RETIRED: DEVICES_CHANGED,
    Cause.IDENTITY_ROTATED: KEY_ROTATED,
    Cause.DEVICE_LOST: KEY_CHANGED_NOTE,
    Cause.DEVICE_STOLEN: KEY_CHANGED_NOTE,
    Cause.PROFILE_CHANGED: PASSPORT_CHANGED,
    Cause.RECOVERY_CHANGED: PASSPORT_CHANGED,
    Cause.MOVED: MOVED,
    Cause.ENDED: ENDED,
    Cause.RECOVERED: KEY_CHANGED_NOTE,
    Cause.SUITE_FLOOR_LOWERED: KEY_CHANGED_NOTE,
    Cause.DELAYED_KEY_USED: KEY_CHANGED_NOTE,
    Cause.SUITE_DROPPED: KEY_CHANGED_NOTE,
    Cause.OTHER_PID: KEY_CHANGED_NOTE,
    Cause.ROLLBACK: KEY_CHANGED_NOTE,
    Cause.FORK: KEY_CHANGED_NOTE,
}
_FROM: Final = b"from"
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_LIKE_AN_ADDRESS: Final = re.compile(r"[^\s<>\"'(),:;]+@[^\s<>\"'(),:;]+")


def with_message(status: Status, message: bytes) -> Status:
    """Return *status* with what is to be said of *message* itself."""
    notes = list(status.notes)
    fields = split_fields(message, 0, len(message))
    if status.sender is not None and not _is_from(status.sender, message, fields):
        notes.append(FROM_DIFFERS)
    if claims_status(fields):
        notes.append(FORGED_STATUS)
    return replace(status, notes=tuple(dict.fromkeys(notes)))


def sender_status(
    statement: Statement, sender: JudgedSender, received: int, not_after: int | None = None
) -> Status:
    """Return what is known before the message itself is: of who wrote it, and how it came.

    *not_after*: the end of the epoch that it is sealed to.
    """
    notes = []
    if sender.verdict.trust is Trust.FIRST:
        notes.append(FIRST_CONTACT)
    notes += [_NOTE[cause] for cause in sender.verdict.notes]
    if not_after is not None and statement.created > not_after:
        notes.append(REDUCED_SECRECY)
    if received > statement.deliver_by:
        notes.append(LATE)
    return Status(
        mail=Mail.NETWORK,
        received=received,
        sender=sender.address,
        trust=_TRUST[sender.verdict.trust],
        device=sender.by.device_id,
        suite=statement.suite,
        notes=tuple(dict.fromkeys(notes)),
    )


def _is_from(sender: Address, message: bytes, fields: Sequence[HeaderField]) -> bool:
    """Tell whether the message names exactly one author, and that is *sender*."""
    authors = [field for field in fields if field.name == _FROM]
    if len(authors) != 1:
        return False
    written = value(message, authors[0])
    if _CONTROL.search(written):
        return False  # some mail programs end an address there, others go on
    match parse_addresses(written, 2):
        case [entry] if entry.name and not _names_only(sender, entry.name):
            return False
        case [entry] if entry.mailbox is not None and entry.domain is not None:
            spelt = entry.mailbox + b"@" + entry.domain
        case _:
            return False
    try:
        return Address.parse(spelt.decode()).canonical() == sender
    except (BadAddress, UnicodeDecodeError):
        return False


def _names_only(sender: Address, name: bytes) -> bool:
    """Tell whether every address in a shown name is the sender's: a list may show only the name."""
    for word in _LIKE_AN_ADDRESS.findall(encoded_word.decode(name)):
        try:
            if Address.parse(word).canonical() != sender:
                return False
        except BadAddress:
            return False
    return True
