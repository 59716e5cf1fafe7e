"""Received octets → `Submission`: the three exceptions to exactness that submission makes.

Bcc fields go, a missing Date and Message-ID are prepended (RFC 6409 §8); no other octet is
touched, and nothing inside a nested message ever is.  spec/octets.  Linear in the header; pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final

from mx_core.model.address import Address
from mx_core.model.errors import BadAddress, BadMessage
from mx_core.model.message import Submission
from smtp_in.submission import folded

_BCC: Final = frozenset({b"bcc", b"resent-bcc"})
_TO: Final = frozenset({b"to", b"cc"})
_FOLDING: Final = (b" ", b"\t")
_HEADER_OCTETS_MAX: Final = 1024 * 1024
# Anything that could be an address; that it stands in the field is what matters, not where.
_ADDRESS: Final = re.compile(r'([^\s<>,;:"()\[\]@]{1,64})"?@([^\s<>,;:"()\[\]@]{1,253})')


@dataclass(frozen=True, slots=True)
class Field:
    """One header field: octets[start:end], continuation lines and CRLF included."""

    name: bytes  # lower case; b"" for a line that is no field
    start: int
    end: int


def fields(octets: bytes) -> Iterator[Field]:
    """Yield the fields of the top header, in order, to the empty line or the end.

    A line of white space only continues a field, as any line that begins with white space
    does (RFC 5322 §4.2); a line without a colon is a field without a name.
    """
    start = 0
    while start < len(octets) and not octets.startswith(b"\r\n", start):
        end = _line_end(octets, start)
        while octets.startswith(_FOLDING, end):
            end = _line_end(octets, end)
        colon = octets.find(b":", start, end)
        # field-name = 1*ftext ; obs: *WSP before the colon             RFC 5322 §3.6.8, §4.5
        name = octets[start:colon].rstrip(b" \t").lower() if colon >= 0 else b""
        yield Field(name, start, end)
        start = end


def make_submission(
    octets: bytes,
    sender: Address,
    recipients: Sequence[Address],
    *,
    now: float,
    unique: str,
) -> Submission:
    """Return what is stored and sent.

    *octets* are CRLF lines without bare CR, LF or NUL.  *unique* (ASCII, ≥ 128 random bits)
    and *now* (unix seconds) are used only for fields that are missing.

    Raises:
        BadMessage: The first line is a continuation of nothing, or the header has no end
            within 1 MiB; answered 554 5.6.0.
    """
    if octets.startswith(_FOLDING):
        raise BadMessage("the message begins with a folded line that continues nothing")
    named: dict[bytes, list[Field]] = {}
    for field in fields(octets):
        if field.end > _HEADER_OCTETS_MAX:
            raise BadMessage("the header of the message is longer than 1 MiB")
        named.setdefault(field.name, []).append(field)
    head = b""
    if b"date" not in named:
        head += b"Date: " + _date(now) + b"\r\n"
    if b"message-id" not in named:
        head += f"Message-ID: <{unique}@{sender.domain}>\r\n".encode("ascii")
    bcc = [field for name in _BCC for field in named.get(name, ())]
    shown = [field for name in _TO for field in named.get(name, ())]
    return Submission(
        sender=sender,
        recipients=tuple(recipients),
        octets=head + _without(octets, bcc),
        hidden=_hidden(octets, shown, recipients),
    )


def _line_end(octets: bytes, start: int) -> int:
    end = octets.find(b"\r\n", start)
    return end + 2 if end >= 0 else len(octets)


def _without(octets: bytes, gone: Sequence[Field]) -> bytes:
    kept: list[bytes] = []
    at = 0
    for field in sorted(gone, key=lambda each: each.start):
        kept.append(octets[at : field.start])
        at = field.end
    kept.append(octets[at:])
    return b"".join(kept) if gone else octets


def _hidden(
    octets: bytes, shown: Sequence[Field], recipients: Sequence[Address]
) -> frozenset[Address]:
    """Return the recipients that no To or Cc field names, as far as can be told.

    A doubt (an odd quoting) counts as hidden: that costs octets, the other way costs a secret.
    """
    visible: set[str] = set()
    for field in shown:
        text = octets[field.start : field.end].decode("utf-8", "replace")
        for local, domain in _ADDRESS.findall(text):
            try:
                visible.add(folded(Address.parse(f"{local}@{domain}")))
            except BadAddress:
                continue
    return frozenset(each for each in recipients if folded(each) not in visible)


def _date(now: float) -> bytes:
    """Render RFC 5322 §3.3 in UTC: the zone of the machine is nobody's business."""
    return format_datetime(datetime.fromtimestamp(int(now), UTC)).encode("ascii")
