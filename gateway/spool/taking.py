"""From the spool into the outbox of whoever wrote: at once when asked, all of it at start.

What a person waits for is refused to them; what nobody waits for any more is held instead, with a
report, so that each letter ends in one delivery or one report.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path as Folder
from typing import Any, Final, Protocol

import structlog
from nacl.public import PrivateKey

from gateway.spool.folder import Spool
from gateway.spool.letter import Letter, opened
from gateway.unlocking.master_key import spool_key
from mx_core.mime import address_list
from mx_core.mime.header import top_fields, value
from mx_core.model.address import Address
from mx_core.model.errors import (
    BadAddress,
    MailError,
    MessageTooLarge,
    NotPermitted,
    Refused,
    Unavailable,
    Untrusted,
)
from mx_core.model.ids import QueueId
from mx_core.model.message import Submission
from mx_core.model.secret import Secret
from smtp_in.body import has_bare_octet
from smtp_in.command import Path
from smtp_in.limits import Limits
from smtp_in.message import make_submission
from smtp_in.replies import Reply
from smtp_in.submission import Transaction, judge_recipient

log = structlog.get_logger()

_AGAIN_SECONDS: Final = 60.0


class TakingOutbox(Protocol):
    """What is asked of the sender's outbox."""

    async def judge(self, sender: Address, recipient: Address) -> str:
        """Raises what stands in the way."""

    async def enqueue(self, submission: Submission, queue_id: QueueId | None = None) -> QueueId:
        """Return once it is durable; raises EncryptionRequired."""

    async def take_in(self, submission: Submission, queue_id: QueueId) -> None:
        """As ``enqueue``, once for each *queue_id*; what would be refused is held."""


class Writer(Protocol):
    """Whose account it is."""

    address: Address
    outbox: Any  # a TakingOutbox

    def may_send_as(self, sender: Address) -> bool:
        """Tell whether *sender* is this account."""


class Taking:
    """See the module."""

    def __init__(
        self, spool: Spool, key: PrivateKey, find: Callable[[Address], Writer], limits: Limits
    ) -> None:
        """*find* raises Refused for an address that is no account."""
        self._spool = spool
        self._key = key
        self._find = find
        self._limits = limits
        self._turn = asyncio.Lock()  # a letter is taken by one at a time

    async def take(self, name: str) -> QueueId:
        """Take in the letter *name*, for somebody who waits; what is refused leaves the spool.

        Raises:
            Refused, Unavailable, Untrusted: with the sentence that the person will read.
        """
        async with self._turn:
            octets = await asyncio.to_thread(self._spool.get, name)
            try:
                submission, outbox = self._read(octets, name)
                for recipient in submission.recipients:
                    await outbox.judge(submission.sender, recipient)
                await outbox.enqueue(submission, QueueId(name))
            finally:
                # Crash before this: taken in again at the next start, and known by its name.
                await asyncio.to_thread(self._spool.remove, name)
            return QueueId(name)

    async def run(self) -> None:
        """Take in what nobody waits for, again and again."""
        while True:
            for name in await asyncio.to_thread(self._spool.names):
                async with self._turn:
                    await self._take_in(name)
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _take_in(self, name: str) -> None:
        try:
            octets = await asyncio.to_thread(self._spool.get, name)
            submission, outbox = self._read(octets, name)
            await outbox.take_in(submission, QueueId(name))
        except Unavailable as error:
            log.info("spool_waits", queue_id=name, why=type(error).__name__)
            return
        except (Refused, Untrusted) as error:
            # no account, or nothing that could be sent: nobody here can be told but by the log
            log.warning("spool_unreadable", queue_id=name, why=type(error).__name__)
            await asyncio.to_thread(self._spool.set_aside, name)
            return
        except MailError:
            raise
        await asyncio.to_thread(self._spool.remove, name)
        log.info("spool_taken", queue_id=name, octets=len(submission.octets))

    def _read(self, octets: bytes, name: str) -> tuple[Submission, TakingOutbox]:
        letter = opened(octets, self._key)
        if len(letter.octets) > self._limits.message_octets:
            raise MessageTooLarge("the message is larger than this gateway takes")
        if has_bare_octet(letter.octets):
            raise Refused("the message has a CR or LF that stands alone, or a NUL")
        sender = Address.parse(letter.sender or _author(letter.octets))
        writer = self._find(sender)
        if not writer.may_send_as(sender):
            raise NotPermitted(f"{writer.address} does not send as {sender}")
        asked = Transaction(sender, utf8=True, envid=letter.envid, return_full=letter.return_full)
        for recipient in letter.recipients:
            _add(asked, recipient, letter, self._limits)
        if not asked.recipients:
            raise Refused(
                "the message names no recipient: give one as an argument, or -t and a To field"
            )
        submission = make_submission(letter.octets, asked, now=time.time(), unique=name * 2)
        return submission, writer.outbox


def taking_of(
    folder: Folder, master: Secret[bytes], find: Callable[[Address], Writer], limits: Limits
) -> Taking:
    """Return what takes from *folder*, where the key to seal for it is published from now on."""
    key = PrivateKey(spool_key(master).reveal())
    spool = Spool(folder)
    spool.publish(key.public_key)
    return Taking(spool, key, find, limits)


def _add(asked: Transaction, recipient: str, letter: Letter, limits: Limits) -> None:
    parameters = {"NOTIFY": letter.notify} if letter.notify else {}
    found = judge_recipient(Path(recipient, parameters), asked, limits)
    if isinstance(found, Reply):
        raise Refused(f"{recipient}: {found.text}")
    if found is not None:
        asked.recipients.append(found)


def _author(octets: bytes) -> str:
    """Return whom the From field names; raises BadAddress if that is not one person."""
    for field in top_fields(octets):
        if field.name == b"from":
            match address_list.parse(value(octets, field), 2):
                case [entry] if entry.mailbox is not None and entry.domain is not None:
                    return (entry.mailbox + b"@" + entry.domain).decode("utf-8", "replace")
    raise BadAddress("no sender: give -f ADDRESS, or a From field that names one person")
