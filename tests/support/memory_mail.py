"""An account's mail in memory: the port as plainly as it can be told.

Proves nothing durable; passes the same contract as the real store (mail_contract).
"""

from __future__ import annotations

import asyncio
import copy
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar, cast

import anyio

from mx_core.mime.prepare import prepare
from mx_core.model.address import Address
from mx_core.model.change import (
    Change,
    News,
)
from mx_core.model.errors import (
    BadCredentials,
    Busy,
    NotPermitted,
    StoreDamaged,
)
from mx_core.model.flags import Flag, FlagSet
from mx_core.model.ids import MailboxId, MessageId, QueueId, Uid
from mx_core.model.long_octets import LongOctets
from mx_core.model.mailbox_name import MailboxName, mailbox_name
from mx_core.model.message import InHand, MessageForm, Submission
from mx_core.model.octets import unpacked
from mx_core.model.secret import Secret
from mx_core.model.snapshot import Snapshot
from mx_core.model.text_hits import TextHits
from mx_core.ports import Account, MailboxInfo, MailReader, MailWriter
from tests.support.memory_boxes import State
from tests.support.memory_job import Job

T = TypeVar("T")
DEFAULTS = {
    "INBOX": "",
    "Drafts": "\\Drafts",
    "Sent": "\\Sent",
    "Trash": "\\Trash",
    "Junk": "\\Junk",
    "Archive": "\\Archive",
}


class Watching:
    def __init__(self, mailbox: MailboxId | None, bound: int) -> None:
        self.mailbox = mailbox
        self.changes: list[News] = []
        self.bound = bound
        self.overrun = False
        self._wake = anyio.Event()

    def announce(self, change: News) -> None:
        self.changes.append(change)
        if len(self.changes) > self.bound:
            self.changes.clear()
            self.overrun = True
        self._wake.set()

    def take(self) -> list[News]:
        taken, self.changes = self.changes, []
        self._wake = anyio.Event()
        if self.overrun:
            self.overrun = False
            raise Busy("more changes than are kept")
        return taken

    async def wait(self) -> None:
        while not self.changes and not self.overrun:
            await self._wake.wait()


class MemoryFollow:
    def __init__(self, mail: MemoryMail, mailbox: MailboxId) -> None:
        self._mail = mail
        self.mailbox = mailbox
        self._wake = anyio.Event()
        self.held: frozenset[MessageId] = frozenset()

    def newest(self) -> Snapshot:
        self._wake = anyio.Event()
        newest = self._mail.snapshot(self.mailbox)
        self._mail.met.setdefault(self.mailbox, set()).update(
            flag for flags in newest.flags for flag in flags if not flag.startswith("\\")
        )
        return newest

    def keywords(self) -> frozenset[Flag]:
        return frozenset(self._mail.met.get(self.mailbox, ()))

    @property
    def has_news(self) -> bool:
        return self._wake.is_set()

    async def wait(self) -> None:
        await self._wake.wait()

    def hold(self, view: Snapshot) -> None:
        self.held = frozenset(view.messages)

    def close(self) -> None:
        if self in self._mail.follows:
            self._mail.follows.remove(self)
        if all(other.mailbox != self.mailbox for other in self._mail.follows):
            self._mail.met.pop(self.mailbox, None)
        self._mail.sweep()

    def tell(self, change: Change) -> None:
        if change.mailbox == self.mailbox:
            self._wake.set()


class MemoryMail:
    """A MailStore whose jobs run at once."""

    job_kind: type[Job] = Job

    def __init__(
        self, now: Callable[[], float] = lambda: 1_795_000_000.0, *, watch_bound: int = 1000
    ) -> None:
        self._now = now
        self._state = State()
        self._watches: list[Watching] = []
        self.follows: list[MemoryFollow] = []
        self.met: dict[MailboxId, set[Flag]] = {}  # keywords, of mailboxes that are followed
        self._numbers = itertools.count(1)
        self._watch_bound = watch_bound
        self.messages: dict[MessageId, tuple[bytes, MessageForm, int]] = {}
        job = self.job_kind(self, self._state)
        for name, special_use in DEFAULTS.items():
            job.create(mailbox_name(name), special_use)
            job.subscribe(mailbox_name(name), subscribed=True)

    def now(self) -> int:
        return int(self._now())

    def keep(self, octets: bytes, form: MessageForm, date: int) -> MessageId:
        message = MessageId(next(self._numbers))
        self.messages[message] = (octets, form, date)
        return message

    def kept(self, message: MessageId) -> tuple[bytes, MessageForm, int]:
        try:
            return self.messages[message]
        except KeyError:
            raise StoreDamaged("the octets of a message are gone") from None

    def glance(self, job: Callable[[MailReader], T]) -> T:
        return job(Job(self, self._state))

    def whole(self, message: MessageId, octets_max: int) -> InHand:
        [(size, date, octets)] = self.glance(lambda reader: reader.wholes([message], octets_max))
        return size, date, None if octets is None else unpacked(octets)

    def forms_may_wait(self, sizes: Sequence[int]) -> list[bool]:
        return [octets % 2 == 0 for octets in sizes]  # so that both ways are gone

    def mailbox(self, name: MailboxName) -> MailboxInfo:
        return self.glance(lambda reader: reader.mailbox(name))

    def begin(self, job: Callable[[MailReader], T], after: object = None) -> asyncio.Future[T]:
        begun: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        try:
            begun.set_result(job(self.job_kind(self, self._state)))
        except Exception as error:  # noqa: BLE001  # whatever the job raised is the awaiter's
            begun.set_exception(error)
        return begun

    async def read(self, job: Callable[[MailReader], T]) -> T:
        return job(self.job_kind(self, self._state))

    async def write(self, job: Callable[[MailWriter], T]) -> T:
        return self._write(job)

    def write_here(self, job: Callable[[MailWriter], T]) -> tuple[T] | None:
        return (self._write(job),)

    def _write(self, job: Callable[[MailWriter], T]) -> T:
        state = copy.deepcopy(self._state)
        work = self.job_kind(self, state)
        result = job(cast("MailWriter", work))  # add_folder is what a FolderJob has more
        work.finish()
        self._state = state
        for watching in self._watches:
            for news in work.names if watching.mailbox is None else ():
                watching.announce(news)
        for change in work.changes:
            for watching in self._watches:
                if watching.mailbox in {None, change.mailbox}:
                    watching.announce(change)
            for following in self.follows:
                following.tell(change)
        self.sweep()
        return result

    def sweep(self) -> None:
        used = {row.message for box in self._state.boxes.values() for row in box.rows}
        used.update(*(following.held for following in self.follows))
        for message in self.messages.keys() - used:
            del self.messages[message]

    async def text_hits(self, term: str, *, body_only: bool) -> TextHits:
        return TextHits(frozenset(), frozenset(), MessageId(0))

    @contextmanager
    def watch(self, mailbox: MailboxId | None = None) -> Iterator[Watching]:
        watching = Watching(mailbox, self._watch_bound)
        self._watches.append(watching)
        try:
            yield watching
        finally:
            self._watches.remove(watching)

    async def follow(self, mailbox: MailboxId) -> MemoryFollow:
        following = MemoryFollow(self, mailbox)
        following.hold(following.newest())
        self.follows.append(following)
        return following

    def snapshot(self, mailbox: MailboxId) -> Snapshot:
        return Job(self, self._state).snapshot(mailbox)

    # ── for tests ───────────────────────────────────────────────────────────────────
    async def deliver(
        self, octets: bytes, mailbox: str = "INBOX", flags: FlagSet = frozenset()
    ) -> Uid:
        """Add a message as if it had come from outside."""
        appended = await self.write(
            lambda w: w.append(w.mailbox(mailbox_name(mailbox)).id, octets, prepare(octets), flags)
        )
        return appended.uid


class NoOutbox:
    """An outbox that nobody uses."""

    async def judge(self, sender: Address, recipient: Address) -> None:
        raise NotPermitted("there is no sending here")

    def begin_long(self) -> LongOctets:
        raise NotPermitted("there is no sending here")

    async def enqueue(self, submission: Submission) -> QueueId:
        raise NotPermitted("there is no sending here")


@dataclass
class MemoryAccount:
    address: Address
    password: str
    mail: MemoryMail = field(default_factory=MemoryMail)
    outbox: NoOutbox = field(default_factory=NoOutbox)
    shows_folders: bool = True

    def may_send_as(self, sender: Address) -> bool:
        return sender.canonical() == self.address.canonical()


class MemoryAccounts:
    """Accounts by address and password."""

    def __init__(self, *accounts: MemoryAccount) -> None:
        self.accounts = {str(account.address): account for account in accounts}

    async def authenticate(self, username: str, password: Secret[str]) -> Account:
        account = self.accounts.get(username)
        if account is None or account.password != password.reveal():
            raise BadCredentials("no such name and password")
        return cast("Account", account)  # as much of one as a session asks for


def one_account(address: str = "fred@a.example", password: str = "secret") -> MemoryAccounts:
    return MemoryAccounts(MemoryAccount(Address.parse(address), password))
