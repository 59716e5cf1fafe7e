"""The header of an encrypted message and the entity that was in it, as one message.  Pure.

The entity's Content-* fields take the place of the message's; if it says that it protects other
fields (RFC 9788, or the older ``protected-headers``), those that a person reads do too, but never
From: nothing proves who wrote it.  docs/spec/decrypting.md §5.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gateway.arriving.ordinary_mail import SUBJECT_MARK, is_reserved, return_path_of
from gateway.arriving.status_block import (
    DECRYPTED_OPENPGP,
    DECRYPTED_SMIME,
    Mail,
    Status,
    block_octets,
    noted,
    parse,
    render,
)
from gateway.decrypting.enclosed import Kind
from gateway.decrypting.opener import NO_MESSAGE, NotOpened
from mx_core.mime.content_field import content_type
from mx_core.mime.header import top_fields, value
from mx_core.model.errors import BadMessage
from mx_core.model.message import HeaderField

NOTES: Final = {Kind.OPENPGP: DECRYPTED_OPENPGP, Kind.SMIME: DECRYPTED_SMIME}
_CONTENT: Final = b"content-"
_TYPE: Final = b"content-type"
_SUBJECT: Final = b"subject"
_PROTECTED: Final = frozenset(
    {b"subject", b"comments", b"keywords", b"to", b"cc", b"reply-to", b"followup-to"}
)
_SAYS_SO: Final = {b"hp": (b"cipher", b"clear"), b"protected-headers": (b"v1",)}


def is_network(octets: bytes, *, foreign: bool) -> bool:
    """Tell whether the status of a stored message is one of mail that was never ordinary."""
    status = None if foreign else parse(octets)
    return status is not None and status.mail is not Mail.ORDINARY


def joined(octets: bytes, entity: bytes, kind: Kind, now: int, *, foreign: bool) -> bytes:
    """Return what is stored in place of *octets*, in which *entity* was.

    *now*: unix seconds.  *foreign*: the status that *octets* may begin with is not the gateway's.

    Raises:
        NotOpened: *entity* is no whole MIME entity; nothing of it is to be shown.
    """
    entity = _with_crlf(entity)
    inside = _fields_of_entity(entity)
    start = 0 if foreign else block_octets(octets)
    try:
        sent = octets[start:]
        outside = top_fields(sent)
    except BadMessage as error:
        raise NotOpened(str(error)) from error
    if start:
        block = noted(octets, NOTES[kind])
    else:
        status = Status(Mail.ORDINARY, now, notes=(NOTES[kind],))
        block = render(status, return_path_of(sent, outside))
    shown = _protected(entity, inside)
    names = {field.name for field in shown}
    kept = [
        _without_mark(sent, field) if start else sent[field.start : field.end]
        for field in outside
        if not (is_reserved(field.name) or field.name.startswith(_CONTENT) or field.name in names)
    ]
    lines = [
        *kept,
        *(entity[field.start : field.end] for field in shown),
        *(entity[f.start : f.end] for f in inside if f.name.startswith(_CONTENT)),
    ]
    if not any(field.name == b"mime-version" for field in outside):
        lines.append(b"MIME-Version: 1.0\r\n")
    return b"".join((block, *map(_ended, lines), b"\r\n", entity[_body_of(entity, inside) :]))


def _fields_of_entity(entity: bytes) -> Sequence[HeaderField]:
    """Return the header of *entity*; raises NotOpened if it is none, or does not say its type."""
    try:
        fields = top_fields(entity)
    except BadMessage as error:
        raise NotOpened(NO_MESSAGE) from error
    types = [value(entity, field) for field in fields if field.name == _TYPE]
    if not all(field.name for field in fields) or len(types) != 1:
        raise NotOpened(NO_MESSAGE)
    if not content_type(types[0]).sub:
        raise NotOpened(NO_MESSAGE)
    return fields


def _protected(entity: bytes, fields: Sequence[HeaderField]) -> list[HeaderField]:
    """Return the fields that the entity protects and that are shown in place of others."""
    [said] = [content_type(value(entity, field)) for field in fields if field.name == _TYPE]
    for name, values in _SAYS_SO.items():
        if (said.parameter(name) or b"").strip().lower() in values:
            return [field for field in fields if field.name in _PROTECTED]
    return []


def _without_mark(octets: bytes, field: HeaderField) -> bytes:
    """Return a field as it was before the gateway marked subjects of ordinary mail."""
    line = octets[field.start : field.end]
    if field.name == _SUBJECT:
        name, colon, rest = line.partition(b":")
        return name + colon + rest.removeprefix(SUBJECT_MARK)
    return line


def _body_of(entity: bytes, fields: Sequence[HeaderField]) -> int:
    end = fields[-1].end
    return end + 2 if entity.startswith(b"\r\n", end) else end


def _with_crlf(entity: bytes) -> bytes:
    """Return *entity* with CRLF, if its first line ends in LF alone: GnuPG takes text as it is."""
    line = entity[: entity.find(b"\n") + 1]
    if not line or line.endswith(b"\r\n"):
        return entity
    return entity.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _ended(line: bytes) -> bytes:
    return line if line.endswith(b"\n") else line + b"\r\n"
