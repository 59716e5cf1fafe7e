"""Letters of the gateway about a domain that lies about keys, each with its evidence.  Pure.

For a person who has never heard of logs: what was seen, what it may mean, what was done, what to do.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import Final

from gateway.arriving.status_block import Mail, Status, render
from gateway.writing.own_mail import date, mailbox, subject_field
from mx_core.directory.evidence import Kind
from mx_core.model.address import Address

FILE_NAME = "evidence.mxe"
_WAITS: Final = "What is held waits in Outbox; what should not be sent, delete there."


def contradiction_letter(to: Address, domain: str, evidence: bytes, now: int) -> bytes:
    """Return the letter that the log of *domain* contradicts itself; *now* is unix seconds."""
    return _letter(
        to,
        f"{domain} tells different people different things about keys",
        [
            f"Every key that {domain} gives out must stand in a public record that only grows.",
            "What that record showed you does not go together with what it showed before, or with",
            "what it showed somebody else. Either the server there was set back to an old state by",
            "accident, or somebody there tries to give you a wrong key, to read what you write.",
            "",
            f"Nothing was encrypted to such a key. Mail to people at {domain} is held.",
            _WAITS,
            "",
            f"What to do: ask somebody at {domain}, by telephone, what happened to their server.",
            "The attached file proves what was seen. Anybody can check it, without this computer:",
            f"  mx-gateway evidence verify {FILE_NAME}",
            "If there is a good reason, believe the domain again, and what is held is sent:",
            f"  mx-gateway evidence accept {to} {domain}",
        ],
        evidence,
        now,
    )


def foreign_letter(to: Address, evidence: bytes, now: int) -> bytes:
    """Return the letter that the own domain holds a key for *to* that is not theirs."""
    return _letter(
        to,
        f"{to.domain} gives out a key in your name that is not yours",
        [
            f"The public record of {to.domain} names a key for {to} that no device of yours made.",
            "Whoever was shown that key, and wrote to you, may have been read by somebody else.",
            "",
            "From now on nothing leaves this gateway, because your own server cannot be believed.",
            _WAITS,
            "",
            f"What to do: ask who runs {to.domain}, by telephone. Warn those who write to you.",
            "The attached file proves what was seen. Anybody can check it, without this computer:",
            f"  mx-gateway evidence verify {FILE_NAME}",
            "If you know how it came about, send mail again by:",
            f"  mx-gateway evidence accept {to} {to.domain}",
        ],
        evidence,
        now,
    )


def person_letter(to: Address, whom: str, kind: Kind, evidence: bytes, now: int) -> bytes:
    """Return the letter about what was shown of one person, *whom*."""
    subject, seen = _OF_PERSON[kind]
    domain = whom.rpartition("@")[2]
    if whom == str(to):
        follows = [
            "It is a device of your own. From now on nothing leaves this gateway.",
            _WAITS,
            "",
            "What to do: remove this device with your recovery sheet, and warn who writes to you:",
            f"  mx-gateway device list --account {to}",
        ]
    else:
        follows = [
            f"Nothing was encrypted to such a key. Mail to {whom} is held.",
            _WAITS,
            "",
            f"What to do: ask {whom}, by telephone or in person. They should know of it at once.",
            "If there is a good reason, accept the key that is shown now, and what is held is sent:",
            f"  mx-gateway contact accept {to} {whom}",
        ]
    return _letter(
        to,
        subject.format(whom=whom, domain=domain),
        [
            *(line.format(whom=whom, domain=domain) for line in seen),
            "",
            *follows,
            "The attached file shows what was seen. Anybody can check it, without this computer:",
            f"  mx-gateway evidence verify {FILE_NAME}",
        ],
        evidence,
        now,
    )


_OF_PERSON: Final = {
    Kind.FORK: (
        "{domain} tells two histories of the keys of {whom}",
        (
            "{domain} has signed two statements about {whom} that can not both be true: each tells",
            "another history of their keys. Somebody there, or somebody who took over their server,",
            "tries to give you a wrong key, to read what you write.",
        ),
    ),
    Kind.UNLOGGED: (
        "{domain} gives out a key of {whom} that it keeps out of its record",
        (
            "Every key that {domain} gives out must stand in a public record within two days, where",
            "its owner can see it. A key that it signed for {whom} does not: it may be shown to you",
            "and hidden from them.",
        ),
    ),
    Kind.CLONED_DEVICE: (
        "a device of {whom} exists twice",
        (
            "A device of {whom} has signed two different keys under one number, which it never does",
            "by itself: somebody has a copy of its secret key, or it was set back to an old state.",
        ),
    ),
}


def _letter(to: Address, subject: str, lines: Sequence[str], evidence: bytes, now: int) -> bytes:
    text = "".join(f"{line}\r\n" for line in lines).encode()
    unique = hashlib.blake2b(b"%d " % now + text + evidence, digest_size=12).hexdigest()
    boundary = f"=_evidence_{unique}".encode("ascii")
    head = [
        b"Date: " + date(now),
        f"From: mx-gateway <MAILER-DAEMON@{to.domain}>".encode("ascii"),
        b"To: " + mailbox(to),
        subject_field(f"Warning: {subject}"),
        f"Message-ID: <warning.{unique}@{to.domain}>".encode("ascii"),
        b"Auto-Submitted: auto-generated",  # RFC 3834 §5
        b"MIME-Version: 1.0",
        b'Content-Type: multipart/mixed; boundary="' + boundary + b'"',
    ]
    parts = [
        b"Content-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + binascii.b2a_qp(text),
        b"Content-Type: application/octet-stream\r\n"
        b"Content-Transfer-Encoding: base64\r\n"
        + f'Content-Disposition: attachment; filename="{FILE_NAME}"\r\n\r\n'.encode("ascii")
        + base64.encodebytes(evidence).replace(b"\n", b"\r\n"),
    ]
    body = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts)
    message = b"\r\n".join(head) + b"\r\n\r\n" + body + b"--" + boundary + b"--\r\n"
    return render(Status(mail=Mail.REPORT, received=now), None) + message
