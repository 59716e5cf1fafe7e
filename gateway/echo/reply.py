"""Whom an echo answers, and what it says.  Pure.  RFC 3834.

The sender is the one that the status block proves, never the one that a From field names.  What a
program wrote (automatic mail, lists, reports) is not answered, so two echoes never talk.
"""

from __future__ import annotations

import binascii
import hashlib
from enum import Enum
from typing import Final

from gateway.arriving.status_block import Mail, Status, block_octets, parse, sentence
from gateway.writing.own_mail import date, mailbox, subject_field
from mx_core.envelope.format import SUITE_1, SUITE_2
from mx_core.mime import encoded_word, part_map, text
from mx_core.mime.header import value
from mx_core.mime.part_map import Kind
from mx_core.model.address import Address
from mx_core.model.message import MessageForm

SEEN_OCTETS: Final = 64 * 1024  # of a message; the rest is not read
_QUOTED_CHARACTERS: Final = 4096
_SUBJECT_CHARACTERS: Final = 200
_ID_OCTETS_MAX: Final = 250
SUITES: Final = {
    SUITE_1: "X25519",
    SUITE_2: "X-Wing, which a quantum computer does not open either",
}


class Passed(Enum):
    """Why a message is not answered."""

    UNPROVEN = "nobody is proved to have written it"  # a report, or a removed device
    OWN = "it comes from the echo itself"
    AUTOMATIC = "a program wrote it"
    LIST = "it comes from a list"


def whom(octets: bytes, form: MessageForm, own: Address) -> Address | Passed:
    """Return who is to be answered, or why nobody is.

    *octets* begin the message as it is stored, with its status block.
    """
    status = parse(octets)
    if status is None or status.mail is not Mail.NETWORK or status.sender is None:
        return Passed.UNPROVEN
    if status.trust == "none":
        return Passed.UNPROVEN
    sender = status.sender
    if sender.canonical() == own.canonical():
        return Passed.OWN
    local = sender.local.casefold()
    # RFC 3834 §2: these names are those of programs
    if local == "mailer-daemon" or local.startswith("owner-") or local.endswith("-request"):
        return Passed.AUTOMATIC
    if part_map.decode(form.parts).media_type == "multipart/report":
        return Passed.AUTOMATIC
    for field in form.fields:
        said = value(octets, field).strip().lower()
        if field.name == b"auto-submitted" and said != b"no":  # RFC 3834 §5
            return Passed.AUTOMATIC
        if field.name.startswith(b"list-"):  # List-Id and its like
            return Passed.LIST
        if field.name == b"precedence" and said in {b"bulk", b"list", b"junk"}:
            return Passed.LIST
    return sender


def reply(octets: bytes, form: MessageForm, own: Address, to: Address, now: int) -> bytes:
    """Return the answer of *own* to *to*; *now* is unix seconds.  7-bit, CRLF.

    *octets* are at most the first ``SEEN_OCTETS`` of the message as it is stored.
    """
    status = parse(octets)
    if status is None:
        raise AssertionError("only what has a status is answered")
    words = "".join(f"{line}\r\n" for line in _lines(octets, form, own, status)).encode()
    unique = hashlib.blake2b(b"%d " % now + octets, digest_size=12).hexdigest()
    message_id = _bracketed(form.message_id)
    head = [
        b"Date: " + date(now),
        b"From: " + mailbox(own),
        b"To: " + mailbox(to),
        subject_field(f"Auto: {_subject(octets, form)}"),  # RFC 3834 §3.1.5
        f"Message-ID: <echo.{unique}@{own.domain}>".encode("ascii"),
        *([b"In-Reply-To: " + message_id, b"References: " + message_id] if message_id else []),
        b"Auto-Submitted: auto-replied",  # RFC 3834 §5.1
        b"MIME-Version: 1.0",
        b"Content-Type: text/plain; charset=utf-8",
        b"Content-Transfer-Encoding: quoted-printable",
    ]
    return b"\r\n".join(head) + b"\r\n\r\n" + binascii.b2a_qp(words)


def _lines(octets: bytes, form: MessageForm, own: Address, status: Status) -> list[str]:
    suite = SUITES.get(status.suite or 0, "a later suite")
    notes = ", ".join(status.notes)
    return [
        f"This is the echo of {own.domain}: your message arrived, and a program answers it.",
        "",
        "How it arrived:",
        f"  {sentence(status)}",
        f"  sealed to the keys of {own} with {suite}",
        f"  signed by a device of {status.sender}",
        *([f"  noted: {notes}"] if notes else []),
        f"  {form.size - block_octets(octets)} octets",
        "",
        "What it said:",
        *(f"> {line}" for line in _quoted(octets, form).splitlines()),
    ]


def _quoted(octets: bytes, form: MessageForm) -> str:
    """Return the first text part, of what was read of it."""
    if form.size > len(octets):
        octets = octets[: octets.rfind(b"\n") + 1]  # no half character, no half of four in base64
    parts = part_map.decode(form.parts).walk()
    leaf = next(
        (p for p in parts if p.kind is Kind.LEAF and p.media_type.startswith("text/")), None
    )
    if leaf is None:
        return "(no text)"
    found = text.part_text(octets, leaf).replace("\0", " ")
    if len(found) > _QUOTED_CHARACTERS or form.size > len(octets):
        return f"{found[:_QUOTED_CHARACTERS]}\n(and so on)"
    return found


def _subject(octets: bytes, form: MessageForm) -> str:
    for field in form.fields:
        if field.name == b"subject":
            found = encoded_word.decode(value(octets, field))[:_SUBJECT_CHARACTERS]
            shown = "".join(c if c.isprintable() else " " for c in found).strip()
            return shown or "(no subject)"
    return "(no subject)"


def _bracketed(message_id: bytes) -> bytes:
    """Return *message_id* for a field of one line, or b"" if it is none."""
    plain = all(0x21 <= octet <= 0x7E for octet in message_id)  # noqa: PLR2004  # VCHAR
    good = message_id and plain and len(message_id) <= _ID_OCTETS_MAX
    return b"<" + message_id + b">" if good else b""
