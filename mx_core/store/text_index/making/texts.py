"""From the octets of one message to the two texts that are indexed; pure."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from mx_core.mime.prepare import prepare
from mx_core.mime.search_text import body_text, header_text
from mx_core.model.errors import StoreDamaged
from mx_core.model.ids import MessageId
from mx_core.model.message import HeaderField, MessageForm, PartMapOctets


class Letter(Struct, frozen=True):
    """One message as it is read from the mail; without octets if they can not be read.

    *fields* and *parts* are of its form.
    """

    message: MessageId
    octets: bytes | None
    fields: tuple[HeaderField, ...] = ()
    parts: bytes = b""


class Texts(Struct, frozen=True):
    """One message to be indexed; *header* and *body* are None when its octets can not be read."""

    message: MessageId
    header: str | None
    body: str | None


UNREAD: Final = (None, None)


def texts_of(letter: Letter) -> Texts:
    """Return the texts of *letter*."""
    octets = letter.octets
    if octets is None:
        return Texts(letter.message, *UNREAD)
    form = MessageForm(
        size=len(octets),
        header_end=0,
        fields=letter.fields,
        envelope=b"",
        bodystructure=b"",
        body=b"",
        parts=PartMapOctets(letter.parts),
        sent=None,
        message_id=b"",
        base_subject="",
    )
    try:
        return Texts(letter.message, header_text(octets, form), body_text(octets, form))
    except StoreDamaged:  # the form is of another version
        form = prepare(octets)
        return Texts(letter.message, header_text(octets, form), body_text(octets, form))
