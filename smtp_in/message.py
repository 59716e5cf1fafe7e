"""Received octets → `Submission`: the three exceptions to exactness that submission makes.

Bcc fields go, a missing Date and Message-ID are prepended (RFC 6409 §8); no other octet is
touched, and nothing inside a nested message ever is.  spec/octets.  Linear in the header; pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final

from mx_core.mime import address_list
from mx_core.mime.header import top_fields, value
from mx_core.model.address import Address
from mx_core.model.errors import BadAddress, BadMessage
from mx_core.model.message import HeaderField, Submission
from smtp_in.submission import Transaction, folded

_BCC: Final = frozenset({b"bcc", b"resent-bcc"})
_TO: Final = frozenset({b"to", b"cc"})
_CRLF: Final = b"\r\n"
_SHOWN_MAX: Final = 10_000  # addresses of one field that are compared


def make_submission(
    octets: bytes,
    asked: Transaction,
    *,
    now: float,
    unique: str,
) -> Submission:
    """Return what is stored and sent.

    *octets* are CRLF lines without bare CR, LF or NUL.  *unique* (ASCII, ≥ 128 random bits)
    and *now* (unix seconds) are used only for fields that are missing.

    Raises:
        BadMessage: The first line is a continuation of nothing, or the header is beyond the
            limits of ``mime``; answered 554 5.6.0.
    """
    if octets.startswith((b" ", b"\t")):
        raise BadMessage("the message begins with a folded line that continues nothing")
    fields = top_fields(octets)
    names = {field.name for field in fields}
    head = b""
    if b"date" not in names:
        head += b"Date: " + _date(now) + _CRLF
    if b"message-id" not in names:
        head += f"Message-ID: <{unique}@{asked.sender.domain}>\r\n".encode("ascii")
    gone = [field for field in fields if field.name in _BCC]
    return Submission(
        sender=asked.sender,
        recipients=tuple(asked.recipients),
        octets=head + _without(octets, gone) if head or gone else octets,
        hidden=_hidden(octets, [field for field in fields if field.name in _TO], asked.recipients),
        envid=asked.envid,
        return_full=asked.return_full,
        wanted={each: asked.wanted[each] for each in asked.recipients if each in asked.wanted},
        not_before=asked.hold.moment(now),
        fields=None if head or gone else fields,
    )


def _without(octets: bytes, gone: Sequence[HeaderField]) -> bytes:
    if not gone:
        return octets
    kept: list[bytes] = []
    at = 0
    for field in gone:
        kept.append(octets[at : field.start])
        at = field.end
    kept.append(octets[at:])
    return b"".join(kept)


def _hidden(
    octets: bytes, shown: Sequence[HeaderField], recipients: Sequence[Address]
) -> frozenset[Address]:
    """Return the recipients that no To or Cc field names, as far as can be told.

    A doubt (a field too long or too odd to parse) counts as hidden: that costs octets, the
    other way costs a secret.
    """
    visible: set[str] = set()
    for field in shown:
        for entry in address_list.parse(value(octets, field), _SHOWN_MAX):
            if entry.mailbox is None or entry.domain is None:
                continue
            text = b"@".join((entry.mailbox, entry.domain)).decode("utf-8", "replace")
            with suppress(BadAddress):
                visible.add(folded(Address.parse(text)))
    return frozenset(each for each in recipients if folded(each) not in visible)


def _date(now: float) -> bytes:
    """Render RFC 5322 §3.3 in UTC: the zone of the machine is nobody's business."""
    return format_datetime(datetime.fromtimestamp(int(now), UTC)).encode("ascii")
