"""One message there and one back, by two ordinary client libraries, with what can be told of it."""

from __future__ import annotations

import imaplib
import smtplib
import ssl
import time
from dataclasses import dataclass

from gateway.demo.world import World
from mx_core.mail_programs.mail_settings import MailSettings
from mx_core.model.errors import Unavailable

_WAIT_SECONDS = 30.0
_POLL_SECONDS = 0.01
_MESSAGE = """\
From: {sender}
To: {recipient}
Subject: {subject}
Date: Sat, 21 Nov 2026 12:00:00 +0000
Message-ID: <{subject}@demo.{domain}>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

This text is readable on two machines only: {sender}'s and {recipient}'s.
. A line that begins with a dot.
""".replace("\n", "\r\n")


@dataclass(frozen=True, slots=True)
class Leg:
    """One message that travelled."""

    sender: str
    recipient: str
    message_octets: int
    submit_seconds: float  # from MAIL to 250
    arrive_seconds: float  # from 250 to the message in the recipient's INBOX
    exact: bool  # the octets below the status lines are those submitted


def play(world: World) -> list[Leg]:
    """Send alice → bob and bob → alice."""
    return [
        travel(world.alice.known, world.bob.known, "there"),
        travel(world.bob.known, world.alice.known, "back"),
    ]


def travel(sender: MailSettings, recipient: MailSettings, subject: str) -> Leg:
    """Submit one message over implicit TLS and wait for it in the other INBOX."""
    text = _MESSAGE.format(
        sender=sender.address,
        recipient=recipient.address,
        subject=f"{subject}-{time.time_ns()}",
        domain=sender.address.partition("@")[2],
    )
    octets = text.encode()
    with _imap(recipient) as inbox, _smtp(sender) as submission:
        inbox.select("INBOX")
        known = inbox.uid("SEARCH", "ALL")[1][0].split()
        started = time.monotonic()
        submission.sendmail(sender.address, [recipient.address], octets)
        accepted = time.monotonic()
        uid = _wait_for_new(inbox, set(known))
        arrived = time.monotonic()
        fetched = inbox.uid("FETCH", uid.decode(), "(BODY.PEEK[])")[1][0]
    if not isinstance(fetched, tuple):
        raise Unavailable("the message is listed and cannot be fetched")
    return Leg(
        sender=sender.address,
        recipient=recipient.address,
        message_octets=len(octets),
        submit_seconds=accepted - started,
        arrive_seconds=arrived - accepted,
        exact=fetched[1].endswith(octets) and fetched[1].startswith(b"MX-Status:"),
    )


def _wait_for_new(inbox: imaplib.IMAP4, known: set[bytes]) -> bytes:
    deadline = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < deadline:
        inbox.noop()
        for uid in inbox.uid("SEARCH", "ALL")[1][0].split():
            if uid not in known:
                return bytes(uid)
        time.sleep(_POLL_SECONDS)
    raise Unavailable(f"nothing arrived within {_WAIT_SECONDS:.0f} s")


def _imap(settings: MailSettings) -> imaplib.IMAP4:
    client = imaplib.IMAP4_SSL(settings.host, settings.imap_tls, ssl_context=_trust(settings))
    client.login(settings.username, settings.password)
    return client


def _smtp(settings: MailSettings) -> smtplib.SMTP:
    client = smtplib.SMTP_SSL(settings.host, settings.smtp_tls, context=_trust(settings))
    client.login(settings.username, settings.password)
    return client


def _trust(settings: MailSettings) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=settings.ca)
