"""Ordinary client libraries, logged in: what tests look through."""

import contextlib
import hashlib
import imaplib
import smtplib
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any

from gateway.demo.world import Side
from mx_core.control.client import ControlClient
from mx_core.mail_programs.mail_settings import MailSettings


@contextlib.contextmanager
def imap(settings: MailSettings) -> Iterator[imaplib.IMAP4]:
    context = ssl.create_default_context(cafile=settings.ca)
    client = imaplib.IMAP4_SSL(settings.host, settings.imap_tls, ssl_context=context)
    try:
        client.login(settings.username, settings.password)
        yield client
        client.logout()
    finally:
        # also after a failed test, and when logout has done it: imaplib then says so
        with contextlib.suppress(OSError):
            client.shutdown()


@contextlib.contextmanager
def smtp(settings: MailSettings) -> Iterator[smtplib.SMTP]:
    context = ssl.create_default_context(cafile=settings.ca)
    with smtplib.SMTP_SSL(settings.host, settings.smtp_tls, context=context) as client:
        client.login(settings.username, settings.password)
        yield client


def tell_name(client: imaplib.IMAP4, name: str) -> None:
    """Say ID in whatever state; xatom alone would keep the first caller's state for the process."""
    imaplib.Commands["ID"] = ("NONAUTH", "AUTH", "SELECTED")
    client.xatom("ID", f'("name" "{name}")')


def messages(settings: MailSettings, mailbox: str = "INBOX") -> list[bytes]:
    """Return the octets of every message, in order of arrival."""
    with imap(settings) as client:
        client.select(mailbox, readonly=True)
        fetched = client.fetch("1:*", "(BODY.PEEK[])")[1]
    return [item[1] for item in fetched if isinstance(item, tuple)]


def about(settings: MailSettings, subject: str, mailbox: str = "INBOX") -> list[bytes]:
    """Return the messages of *mailbox* whose subject holds *subject*, in order of arrival."""
    with imap(settings) as client:
        client.select(mailbox, readonly=True)
        found = client.uid("SEARCH", "SUBJECT", f'"{subject}"')[1][0].split()
        if not found:
            return []
        fetched = client.uid("FETCH", b",".join(found).decode(), "(BODY.PEEK[])")[1]
    return [item[1] for item in fetched if isinstance(item, tuple)]


def status(side: Side, account: int = 0) -> dict[str, Any]:
    """Return what the gateway of *side* says of one of its accounts."""
    control = ControlClient(side.gateway_dir / "run" / "control.sock", "mx-gateway")
    told: dict[str, Any] = control.get("/status")["accounts"][account]
    return told


def wait_until(
    found: Callable[[], bool], seconds: float = 60.0, instead: Callable[[], object] = lambda: ""
) -> None:
    """Return as soon as *found* says yes; fail loudly, with what there is *instead*, if never."""
    deadline = time.monotonic() + seconds
    while not found():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s {instead()}")
        time.sleep(0.05)


def body_of(octets: bytes) -> bytes:
    """Return a delivered message without the status lines that were prepended."""
    lines = octets.split(b"\r\n")
    at = 0
    while lines[at].startswith((b"MX-Status:", b"Return-Path:", b" ", b"\t")):
        at += 1
    return b"\r\n".join(lines[at:])


def write(sender: MailSettings, to: str, subject: str, octets: int = 10) -> None:
    text = (
        f"From: {sender.address}\r\nTo: {to}\r\nSubject: {subject}\r\n"
        f"Date: Sat, 21 Nov 2026 12:00:00 +0000\r\nMessage-ID: <{subject}@x.example>\r\n\r\n"
        + "line of it\r\n"
        * (octets // 12 + 1)
    )
    with smtp(sender) as client:
        client.sendmail(sender.address, [to], text.encode())


def arrives(settings: MailSettings, subject: str) -> None:
    wait_until(lambda: bool(about(settings, subject)))


def hashes(settings: MailSettings) -> dict[str, list[str]]:
    """Return the digests of all messages, by mailbox."""
    with imap(settings) as client:
        lines = client.list()[1]
    names = []
    for line in lines:
        assert isinstance(line, bytes), "no name here is a literal"
        names.append(line.rsplit(b' "/" ', 1)[1].strip(b'"').decode())
    return {
        name: sorted(
            hashlib.sha256(octets).hexdigest() for octets in messages(settings, f'"{name}"')
        )
        for name in names
    }
