"""The view from outside: what a mail program claims is checked with imaplib on the server."""

import imaplib
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from typing import TypeVar, cast

from imap_out.wire import utf7
from mx_core.mail_programs.mail_settings import MailSettings
from tests.support.clients import imap, smtp

T = TypeVar("T")


def eventually(what: str, look: Callable[[], T | None], seconds: float = 60.0) -> T:
    """Return the first truthy answer of *look*."""
    deadline = time.monotonic() + seconds
    while True:
        answer = look()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.15)


def text_message(sender: str, recipient: str, subject: str, text: str) -> bytes:
    """Return a small message with one text part in UTF-8."""
    return (
        f"From: <{sender}>\r\nTo: <{recipient}>\r\nSubject: {subject}\r\n"
        f"Date: {formatdate()}\r\nMessage-ID: <{uuid.uuid4().hex}@interop.example>\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: 8bit\r\n\r\n{text}\r\n"
    ).encode()


@dataclass(frozen=True)
class Witness:
    """One account, looked at without the mail program under test."""

    settings: MailSettings

    @property
    def address(self) -> str:
        return self.settings.address

    def append(self, sender: str, subject: str, text: str, mailbox: str = "INBOX") -> None:
        with imap(self.settings) as client:
            message = text_message(sender, self.address, subject, text)
            status, answer = client.append(_quoted(mailbox), "", "", message)
            assert status == "OK", answer

    def send(self, recipient: str, subject: str, text: str) -> bytes:
        """Hand a message to submission and return its octets."""
        message = text_message(self.address, recipient, subject, text)
        with smtp(self.settings) as client:
            client.sendmail(self.address, [recipient], message, ["BODY=8BITMIME"])
        return message

    def search(self, mailbox: str, *terms: str) -> list[bytes]:
        """Return the UIDs that match; none if there is no such mailbox."""
        with imap(self.settings) as client:
            if client.select(_quoted(mailbox), readonly=True)[0] != "OK":
                return []
            found = client.uid("SEARCH", *terms)[1][0]
            return found.split() if found else []

    def by_subject(self, mailbox: str, subject: str, *terms: str) -> list[bytes]:
        return self.search(mailbox, *terms, "SUBJECT", f'"{subject}"')

    def flags(self, mailbox: str, uid: bytes) -> set[str]:
        with imap(self.settings) as client:
            client.select(_quoted(mailbox), readonly=True)
            answer = client.uid("FETCH", uid.decode(), "(FLAGS)")[1][0]
            assert isinstance(answer, bytes), answer
            return {flag.decode() for flag in imaplib.ParseFlags(answer)}

    def octets(self, mailbox: str, uid: bytes) -> bytes:
        with imap(self.settings) as client:
            client.select(_quoted(mailbox), readonly=True)
            answer = client.uid("FETCH", uid.decode(), "(BODY.PEEK[])")[1][0]
            assert isinstance(answer, tuple), answer
            return bytes(answer[1])

    def copy(self, mailbox: str, subject: str) -> tuple[bytes, set[str]] | None:
        """Return octets and flags of the newest with *subject*, and None while there is none.

        In one session: the gateway's copy in Sent makes way for the mail program's own.  What
        the gateway says of its fate is left out.
        """
        with imap(self.settings) as client:
            client.select(_quoted(mailbox), readonly=True)
            uids = client.uid("SEARCH", "SUBJECT", f'"{subject}"')[1][0].split()
            if not uids:
                return None
            fetched = client.uid("FETCH", uids[-1].decode(), "(FLAGS BODY.PEEK[])")[1]
            # what the gateway says of its fate may change meanwhile, and is told in between
            answer = next(one for one in fetched if isinstance(one, tuple))
            flags = {flag.decode() for flag in imaplib.ParseFlags(answer[0])}
            return bytes(answer[1]), {flag for flag in flags if not flag.startswith("$Submit")}

    def set_flags(self, mailbox: str, uid: bytes, flags: str) -> None:
        with imap(self.settings) as client:
            client.select(_quoted(mailbox))
            client.uid("STORE", uid.decode(), "+FLAGS", flags)

    def move(self, source: str, target: str, *terms: str) -> None:
        """Move what matches, if anything does."""
        uids = b",".join(self.search(source, *terms)).decode()
        if uids:
            with imap(self.settings) as client:
                client.select(_quoted(source))
                status, answer = client.uid("MOVE", uids, _quoted(target))
                assert status == "OK", answer

    def expunge(self, mailbox: str, *terms: str) -> None:
        """Remove what matches, if anything does."""
        uids = b",".join(self.search(mailbox, *terms)).decode()
        if uids:
            with imap(self.settings) as client:
                client.select(_quoted(mailbox))
                client.uid("STORE", uids, "+FLAGS.SILENT", "(\\Deleted)")
                client.uid("EXPUNGE", uids)

    def mailboxes(self, pattern: str = "*") -> list[str]:
        """Return the LIST lines of the mailboxes that match."""
        with imap(self.settings) as client:
            lines = [line for line in client.list('""', _quoted(pattern))[1] if line]
        assert all(isinstance(line, bytes) for line in lines), "no name here is a literal"
        return [cast("bytes", line).decode() for line in lines]

    def subscribed(self) -> set[str]:
        """Return names as a person reads them."""
        with imap(self.settings) as client:
            lines = [line.decode() for line in client.lsub()[1] if line]
        return {utf7.decode(line.rpartition(' "/" ')[2].strip('"').encode()) for line in lines}

    def received(self, subject: str, *terms: str, seconds: float = 60.0) -> bytes:
        """Wait for one message in INBOX and return its octets; a second one is an error."""
        uids = eventually(
            f"{self.address} has received {subject!r}",
            lambda: self.by_subject("INBOX", subject, *terms),
            seconds,
        )
        assert len(uids) == 1, uids
        return self.octets("INBOX", uids[0])


def _quoted(name: str) -> str:
    return f'"{utf7.encode(name).decode()}"'
