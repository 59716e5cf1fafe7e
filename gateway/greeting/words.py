"""What the first two messages of an account say.  Pure, 7-bit, CRLF."""

from __future__ import annotations

import binascii
import hashlib
from collections.abc import Sequence
from typing import Final

from gateway.writing.own_mail import date, mailbox, subject_field
from mx_core.model.address import Address

ECHO_LOCAL: Final = "echo"  # what ``mx-home user add --echo`` calls it


def echo_of(own: Address) -> Address:
    """Return the address that answers everybody in the domain of *own*, if it has one."""
    return Address.parse(f"{ECHO_LOCAL}@{own.domain}")


def welcome_id(own: Address) -> bytes:
    """Return the Message-ID, without brackets, of the welcome: the same whenever it is made."""
    unique = hashlib.blake2b(str(own).encode(), digest_size=12).hexdigest()
    return f"welcome.{unique}@{own.domain}".encode("ascii")


def welcome(own: Address, now: int) -> bytes:
    """Return the message of *own* to themselves; *now* is unix seconds."""
    return _message(
        own,
        own,
        f"Welcome, {own}",
        welcome_id(own),
        [
            "This message has gone the way of all your mail from now on: encrypted on your computer,",
            "handed to your home server, which can not read it, fetched back, and opened here.",
            "",
            "How to see it. Above the text of a message, in its header, stands MX-Status. It says",
            "  mail=network    end-to-end encrypted, and signed by the address that it names",
            "  mail=ordinary   ordinary email: others could read it on its way",
            "Ordinary email begins its subject with [not encrypted], and the folder Not encrypted",
            "shows all of it. So you can not take the one for the other.",
            "",
            "To see a whole round trip, write to:",
            f"  {echo_of(own)}",
            "A program answers there, if your domain has it, and says how your message arrived.",
            "",
            "Who writes to you for the first time is in the folder Requests.",
            "What is on its way, and why it waits, is in Outbox; delete it there to take it back.",
            "",
            "Your mail is on this computer and nowhere else. Make backups:",
            "  mx-gateway backup --daily FOLDER",
        ],
        now,
    )


def question(own: Address, now: int, unique: str) -> tuple[bytes, bytes]:
    """Return the first message of *own* to the echo, and its Message-ID without brackets."""
    message_id = f"hello.{unique}@{own.domain}".encode("ascii")
    lines = [
        "This is the first message of a new account, written by its gateway because its person",
        "pressed a button.",
        "",
        "Please say how it arrived.",
    ]
    return _message(own, echo_of(own), "Hello", message_id, lines, now), message_id


def _message(
    own: Address, to: Address, subject: str, message_id: bytes, lines: Sequence[str], now: int
) -> bytes:
    text = "".join(f"{line}\r\n" for line in lines).encode()
    head = [
        b"Date: " + date(now),
        b"From: " + mailbox(own),
        b"To: " + mailbox(to),
        subject_field(subject),
        b"Message-ID: <" + message_id + b">",
        b"MIME-Version: 1.0",
        b"Content-Type: text/plain; charset=utf-8",
        b"Content-Transfer-Encoding: quoted-printable",
    ]
    return b"\r\n".join(head) + b"\r\n\r\n" + binascii.b2a_qp(text)
