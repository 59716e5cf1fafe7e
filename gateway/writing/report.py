"""What became of a message, as mail to its sender.  RFC 3464, RFC 6522.

Pure.  Three parts: plain words (what, why, what next), the same for programs, and the header of
the message.  The whole is 7-bit.  Made from structured facts only: no text of a server
can add a field or a part, and equal facts give equal octets.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import unicodedata
from datetime import UTC, datetime
from enum import Enum
from typing import Final

from msgspec import Struct

from gateway.arriving.status_block import Mail, Status, render
from gateway.writing.held_words import HeldWords
from gateway.writing.own_mail import date, mailbox, subject_field
from mx_core.mime import encoded_word
from mx_core.mime.header import top_fields, value
from mx_core.model.address import Address
from mx_core.model.errors import BadMessage
from mx_core.model.ids import QueueId

_HEADER_OCTETS_MAX: Final = 64 * 1024  # of the original that is returned, whole fields
_LINE_OCTETS_MAX: Final = 998
_WHOLE_OCTETS_MAX: Final = 1024 * 1024  # of a message that comes back whole
_SUBJECT_MAX: Final = 200
_SENTENCE_MAX: Final = 1000


class Action(Enum):
    """RFC 3464 §2.3.3."""

    FAILED = "failed"
    DELAYED = "delayed"
    RELAYED = "relayed"  # the recipient's domain holds it durably
    DELIVERED = "delivered"  # a device of the recipient signed for it


_HEADLINE: Final = {
    Action.FAILED: "Not delivered to",
    Action.DELAYED: "Still waiting to be delivered to",
    Action.RELAYED: "Handed over to the home server of",
    Action.DELIVERED: "Delivered to",
}

_FOR_THE_PERSON: Final = "4.7."  # policy, and keys that have changed

# first digits of an RFC 3463 code → what the person can do; the longest prefix decides
_NEXT: Final = {
    "5.1.": "Check how the address is spelt, or ask the person for their address on the network.",
    "5.2.": "Try again later, or reach the person by another way.",
    "5.3.4": "Send something smaller, or send it in parts.",
    "5.4.": "Nothing more is tried. Send the message again when their server can be reached.",
    "5.7.": "Nothing left this machine unencrypted. Ask the person by another way, for instance "
    "by telephone, what has changed before you send again.",
    "4.7.": "Nothing leaves until you have decided.",
    "4.": "Nothing needs to be done; the gateway goes on trying by itself.",
    "2.": "Nothing needs to be done.",
    "": "You can send the message again.",
}


def delivery_report(
    *,
    reporter: str,
    sender: Address,
    recipient: Address,
    action: Action,
    status: str,
    reason: str,
    accepted: int,
    now: int,
    original: bytes,
    queue_id: QueueId,
    envid: str = "",
    orcpt: str = "",
    return_full: bool = False,
    relay: str = "",
    held: HeldWords | None = None,
) -> bytes:
    """Return the report to *sender* about one *recipient*, status block included.

    *reporter* is our domain; *status* an RFC 3463 code; *reason* one sentence for a person;
    *accepted* and *now* unix seconds; *original* the submitted octets, Bcc already gone.
    *envid*, *orcpt* (``type;address``) and *return_full* as asked for at submission (RFC 3461);
    a message that is not plain 7-bit lines is never returned whole.  *relay*: the server that
    took it as ordinary mail.  *held*: what is said to the person instead of *reason* and of
    what is next, if it waits for them.
    """
    header, subject, message_id = _original(original)
    facts = _Facts(
        reporter=reporter,
        recipient=recipient,
        action=action,
        status=status,
        reason=_one_line(reason, _SENTENCE_MAX),
        subject=subject,
        accepted=accepted,
        now=now,
        queue_id=queue_id,
        envid=envid,
        orcpt=orcpt,
        whole=return_full and _is_plain(original),
        relay=relay,
        held=held,
    )
    returned = _returned_whole(original) if facts.whole else _returned(header)
    parts = [_words(facts), _machine(facts), returned]
    boundary = _boundary(queue_id, parts)
    unique = hashlib.blake2b(
        f"{queue_id} {recipient} {action.value} {now}".encode(), digest_size=12
    ).hexdigest()
    head = [
        b"Date: " + date(now),
        f"From: mx-gateway <MAILER-DAEMON@{reporter}>".encode("ascii"),
        b"To: " + mailbox(sender),
        subject_field(facts.headline + (f": {subject}" if subject else "")),
        f"Message-ID: <report.{unique}@{reporter}>".encode("ascii"),
        *([b"In-Reply-To: " + message_id, b"References: " + message_id] if message_id else []),
        b"Auto-Submitted: auto-replied",  # RFC 3834 §5: nobody answers this by a machine
        b"MIME-Version: 1.0",
        b"Content-Type: multipart/report; report-type=delivery-status;",
        b' boundary="' + boundary + b'"',
        b"",
        b"This is a delivery report in MIME format.",
    ]
    body = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts)
    report = b"\r\n".join(head) + b"\r\n\r\n" + body + b"--" + boundary + b"--\r\n"
    return render(Status(mail=Mail.REPORT, received=now), None) + report


class _Facts(Struct, frozen=True):
    """What the two first parts say, each in its words; *reason* and *subject* are one line."""

    reporter: str
    recipient: Address
    action: Action
    status: str
    reason: str
    subject: str
    accepted: int
    now: int
    queue_id: QueueId
    envid: str
    orcpt: str
    whole: bool
    relay: str
    held: HeldWords | None

    @property
    def headline(self) -> str:
        """Say what became of it."""
        if self.status.startswith(_FOR_THE_PERSON):
            return f"Waiting for your decision, to {self.recipient}"
        said = "Sent as ordinary email, unencrypted, to" if self.relay else _HEADLINE[self.action]
        return f"{said} {self.recipient}"


def _words(facts: _Facts) -> bytes:
    """Say what, why, what next.  The person's words, not the protocol's."""
    when = datetime.fromtimestamp(facts.accepted, UTC).strftime("%d %B %Y, %H:%M UTC")
    lines = [
        f"{facts.headline}.",
        "",
        f"Your message: {facts.subject or '(no subject)'}",
        f"Sent: {when}",
        *_why_and_next(facts),
        "",
        (
            f"The code for this is {_code(facts.status)}."
            f" {'Your message' if facts.whole else 'The header of your message'} is attached."
        ),
    ]
    text = "".join(f"{line}\r\n" for line in lines).encode()
    return (
        b"Content-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + binascii.b2a_qp(text)
    )


def _why_and_next(facts: _Facts) -> list[str]:
    if facts.held is not None:
        return ["", *facts.held.why, "", "What to do:", *facts.held.following]
    why = ["", f"Why: {facts.reason}"] if facts.reason else []
    return [*why, "", f"What next: {_advice(facts.status)}"]


def _machine(facts: _Facts) -> bytes:
    """Render message/delivery-status.  RFC 3464 §2."""
    fields = [
        b"Reporting-MTA: dns; " + facts.reporter.encode("ascii"),
        *([b"Original-Envelope-Id: " + _ascii(facts.envid)] if facts.envid else []),
        b"X-MX-Queue-Id: " + _ascii(facts.queue_id),
        b"Arrival-Date: " + date(facts.accepted),
        b"",
        *([b"Original-Recipient: " + _typed(facts.orcpt)] if facts.orcpt else []),
        b"Final-Recipient: " + _recipient(facts.recipient),
        b"Action: " + facts.action.value.encode("ascii"),
        b"Status: " + _code(facts.status).encode("ascii"),
        b"Remote-MTA: dns; " + (facts.relay or facts.recipient.domain).encode("ascii"),
        *([b"Diagnostic-Code: x-mx; " + _ascii(facts.reason)[:900]] if facts.reason else []),
        b"Last-Attempt-Date: " + date(facts.now),
    ]
    return b"Content-Type: message/delivery-status\r\n\r\n" + b"".join(
        field + b"\r\n" for field in fields
    )


def _returned(header: bytes) -> bytes:
    """Render text/rfc822-headers; in base64 if the header is not plain 7-bit lines."""
    name = b"Content-Type: text/rfc822-headers\r\n"
    if header.isascii() and _longest_line(header) <= _LINE_OCTETS_MAX:
        return name + b"\r\n" + header
    wrapped = base64.encodebytes(header).replace(b"\n", b"\r\n")
    return name + b"Content-Transfer-Encoding: base64\r\n\r\n" + wrapped


def _returned_whole(original: bytes) -> bytes:
    """Render message/rfc822.  RFC 3462 §3."""
    return b"Content-Type: message/rfc822\r\n\r\n" + original


def _is_plain(octets: bytes) -> bool:
    """Tell whether *octets* may stand in a report that is 7-bit: message/rfc822 has no encoding."""
    small = len(octets) <= _WHOLE_OCTETS_MAX
    return (
        small
        and octets.isascii()
        and b"\0" not in octets
        and _longest_line(octets) <= _LINE_OCTETS_MAX
    )


def _longest_line(octets: bytes) -> int:
    return max((len(line) for line in octets.split(b"\r\n")), default=0)


def _original(octets: bytes) -> tuple[bytes, str, bytes]:
    """Return the header to give back, the subject for people, and the Message-ID or b""."""
    try:
        fields = top_fields(octets)
    except BadMessage:  # only if submission once took more than it does now
        return b"", "", b""
    kept = [field for field in fields if field.end <= _HEADER_OCTETS_MAX]
    first = {field.name: field for field in reversed(fields)}
    subject, message_id = "", b""
    if b"subject" in first:
        subject = _one_line(encoded_word.decode(value(octets, first[b"subject"])), _SUBJECT_MAX)
    if b"message-id" in first:
        message_id = value(octets, first[b"message-id"]).strip()
    if not _is_message_id(message_id):
        message_id = b""
    return octets[: kept[-1].end if kept else 0], subject, message_id


def _is_message_id(octets: bytes) -> bool:
    # msg-id = "<" id-left "@" id-right ">", and nothing that could end the line
    return (
        octets.startswith(b"<")
        and octets.endswith(b">")
        and len(octets) <= 250  # noqa: PLR2004  # room for the field name in 998
        and all(0x21 <= octet <= 0x7E for octet in octets)  # noqa: PLR2004  # VCHAR
    )


def _one_line(text: str, longest: int) -> str:
    """Drop what could begin a line or reorder one: controls, separators, directions."""
    shown = "".join(
        " " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c
        for c in text[:longest]
        if unicodedata.category(c) not in {"Cf", "Cs", "Co", "Cn"}
    )
    return " ".join(shown.split())


def _ascii(text: str) -> bytes:
    return text.encode("ascii", "backslashreplace")


def _code(status: str) -> str:
    """Return *status* if it is an RFC 3463 code, else the general one."""
    parts = status.split(".")
    good = [part.isascii() and part.isdigit() and len(part) <= 3 for part in parts]  # noqa: PLR2004
    return status if good == [True] * 3 and parts[0] in {"2", "4", "5"} else "5.0.0"


def _advice(status: str) -> str:
    code = _code(status)
    return _NEXT[max((prefix for prefix in _NEXT if code.startswith(prefix)), key=len)]


def _recipient(address: Address) -> bytes:
    """Spell with its type; the ``utf-8`` type for addresses beyond ASCII (RFC 6533 §3)."""
    text = str(address)
    if text.isascii():
        return b"rfc822; " + text.encode("ascii")
    spelt = "".join(c if c.isascii() and c not in "\\+=" else f"\\x{{{ord(c):02X}}}" for c in text)
    return b"utf-8; " + spelt.encode("ascii")


def _typed(orcpt: str) -> bytes:
    kind, _, address = orcpt.partition(";")
    return f"{kind}; {address}".encode("ascii", "replace")


def _boundary(queue_id: QueueId, parts: list[bytes]) -> bytes:
    """Return a boundary that no part contains."""
    number = 0
    while any(_boundary_text(queue_id, number) in part for part in parts):
        number += 1
    return _boundary_text(queue_id, number)


def _boundary_text(queue_id: QueueId, number: int) -> bytes:
    return f"=_report_{queue_id}_{number}".encode("ascii")
