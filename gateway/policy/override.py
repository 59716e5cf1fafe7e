"""What a message says about itself: by a tag of an address, or by the field ``MX-Send``.  Pure.

Nearer than every rule.  Of two words that differ the one that asks for encryption counts.
spec/policy §3.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Final

from mx_core.mime.header import value
from mx_core.model.address import Address
from mx_core.model.message import HeaderField

_TAG_ORDINARY: Final = "+mx-ordinary"
_TAG_ENCRYPTED: Final = "+mx-encrypted"
_FIELD: Final = b"mx-send"


class Override(Enum):
    """The word of the person, for this message."""

    ENCRYPTED = "encrypted"  # or not at all
    ORDINARY = "ordinary"  # if it cannot be encrypted


def of_address(address: Address) -> Override | None:
    """Return what the tag of a recipient says of them, or the sender's of all recipients."""
    folded = address.local.lower()
    if folded.endswith(_TAG_ENCRYPTED):
        return Override.ENCRYPTED
    return Override.ORDINARY if folded.endswith(_TAG_ORDINARY) else None


def without_tag(address: Address) -> Address:
    """Return *address* as the rest of the world knows it: our tag gone, every other one kept."""
    for tag in (_TAG_ORDINARY, _TAG_ENCRYPTED):
        if address.local.lower().endswith(tag):
            return Address(address.local[: -len(tag)], address.domain)
    return address


def of_header(octets: bytes, fields: Iterable[HeaderField]) -> Override | None:
    """Return what the ``MX-Send`` fields of the top header say.

    A message that is sent on (Resent fields) carries the words of whoever wrote it first; those
    can ask for encryption and never for less.
    """
    said: set[Override] = set()
    resent = False
    for field in fields:
        resent = resent or field.name.startswith(b"resent-")
        if field.name == _FIELD:
            word = value(octets, field).strip().lower()
            said |= {each for each in Override if each.value.encode() == word}
    if Override.ENCRYPTED in said:
        return Override.ENCRYPTED
    return None if resent or not said else Override.ORDINARY


def joined(words: Iterable[Override | None]) -> Override | None:
    """Return what counts of several words."""
    said = {word for word in words if word is not None}
    if Override.ENCRYPTED in said:
        return Override.ENCRYPTED
    return Override.ORDINARY if said else None
