"""One account's mail; implements ``ports.MailStore``.

Octets of an expunged message are kept while a session's view holds them, and a grace period
longer than the moment between reading a snapshot and holding it (RFC 2180 §4.1).  Sweeping
rides on write jobs and on :meth:`Mail.sweep`; at open nothing is held and all of it goes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from mx_core.db.database import Database
from mx_core.model.clock import Now
from mx_core.model.errors import MessageGone
from mx_core.model.ids import MailboxId, MessageId
from mx_core.model.mailbox_name import MailboxName
from mx_core.model.message import InHand
from mx_core.model.text_hits import TextHits
from mx_core.ports import Begun, MailboxInfo, MailReader, MailWriter, Watch
from mx_core.store.bodies.body import OF_ONE, remove_files, whole_of
from mx_core.store.folders.book import Shelf
from mx_core.store.folders.following import NotShort
from mx_core.store.mail.live import Following
from mx_core.store.mail.reader import Known, Reader
from mx_core.store.mail.riding import Riding
from mx_core.store.mail.standing import Standing
from mx_core.store.mail.watch import Watches
from mx_core.store.mail.writer import Writer

if TYPE_CHECKING:
    import sqlalchemy as sa

T = TypeVar("T")


class Index(Protocol):
    """What answers for the texts of the mail, if anything does."""

    async def hits(self, term: str, *, body_only: bool) -> TextHits:
        """See ``ports.MailStore.text_hits``."""

    def wake(self) -> None:
        """Something was committed; never blocks."""

    def step_aside(self) -> None:
        """Somebody asks, and should not wait for the index; never blocks."""


class Mail:
    """See the module."""

    def __init__(self, database: Database, folder: Path, now: Now) -> None:
        self._database = database
        self._folder = folder
        self._now = now
        self._known = Known()
        self._shelf = Shelf()
        self._standing = Standing()
        self._watches = Watches()
        self._infos: dict[MailboxName, MailboxInfo] = {}  # loop: since the last announcement
        self.owing = asyncio.Event()  # a folder has messages to judge; see ``folders.upkeep``
        self.stirred = asyncio.Event()  # there is something to tell; see ``relations``
        self.queue_changed: Callable[[], None] = lambda: None  # a person's move made mail due
        # a job is about to put something into Sent; notes what is expected there and not noted yet
        self.before_sent: Callable[[sa.Connection], None] = lambda _: None
        self.index: Index | None = None
        self._copies = 0  # under way: they read body files after the rows that name them
        self._put_off: list[bytes] = []  # files to remove the next time that no copy is under way
        self.riding = Riding(folder, self._known, now)

    async def read(self, job: Callable[[MailReader], T], *, nobody_waits: bool = False) -> T:
        """Run *job* in one read transaction; *nobody_waits* as in ``write_with``."""
        if not nobody_waits:
            self._step_aside()
        return await self._begin(job)

    def begin(
        self, job: Callable[[MailReader], T], after: Begun[object] | None = None
    ) -> asyncio.Future[T]:
        """See ``ports.MailStore``."""
        self._step_aside()
        return self._begin(job, after)

    def _begin(
        self, job: Callable[[MailReader], T], after: Begun[object] | None = None
    ) -> asyncio.Future[T]:
        return self._database.begin(
            lambda connection: job(Reader(connection, self._folder, self._known)), after
        )

    def read_blocking(self, job: Callable[[MailReader], T]) -> T:
        """As ``read``, for a thread of its own."""
        return self._database.read_blocking(
            lambda connection: job(Reader(connection, self._folder, self._known))
        )

    def glance(self, job: Callable[[MailReader], T]) -> T:
        """As ``read``, at once on the caller's thread: for jobs that read a few rows."""
        self._step_aside()
        return self._database.glance(
            lambda connection: job(Reader(connection, self._folder, self._known))
        )

    def whole(self, message: MessageId, octets_max: int) -> InHand:
        """See ``ports.MailStore``.

        A body's file is opened in the same step of the loop as the row that names it is read: what
        removes files begins in another.
        """
        if self.index is not None:
            self.index.step_aside()
        row = self._database.row(OF_ONE, (message,))
        if row is None:
            raise MessageGone("the message was expunged and is no longer kept")
        return whole_of(self._folder, message, row, octets_max)

    def mailbox(self, name: MailboxName) -> MailboxInfo:
        """See ``ports.MailStore``: read once between two commits, however often it is asked."""
        info = self._infos.get(name)
        if info is None:
            # on the loop, as announcing is: what is read here is never older than what was announced
            info = self._infos[name] = self.glance(lambda reader: reader.mailbox(name))
        return info

    async def write(self, job: Callable[[MailWriter], T]) -> T:
        """See ``ports.MailStore``."""
        return await self.write_with(lambda writer, _connection: job(writer))

    async def write_with(
        self, job: Callable[[Writer, sa.Connection], T], *, nobody_waits: bool = False
    ) -> T:
        """As ``write``, for jobs of this package that also touch other tables.

        *nobody_waits*: no person does, so the index goes on as fast as it can.
        """

        def announce(outcome: tuple[T, Writer]) -> None:
            self._announce(outcome[1])
            if not nobody_waits:
                self._step_aside()

        result, writer = await self._database.write(
            lambda connection: self.run(connection, job), announce
        )
        self._stir(writer)
        if writer.bodies.dropped:
            await self._let_go(writer.bodies.dropped)
        return result

    def write_here(self, job: Callable[[MailWriter], T]) -> tuple[T] | None:
        """See ``ports.MailStore``."""
        if self.riding.waits:
            return None

        def announce(outcome: tuple[T, Writer]) -> None:
            self._announce(outcome[1])
            self._step_aside()

        try:
            done = self._database.write_here(
                lambda connection: self.run(connection, lambda writer, _: job(writer), lone=True),
                announce,
            )
        except NotShort:
            return None
        if done is None:
            return None
        [(result, writer)] = done
        self._stir(writer)
        self._put_off += writer.bodies.dropped
        return (result,)

    def _announce(self, writer: Writer) -> None:
        self._infos.clear()
        self._standing.keep(writer.left)
        self._known.flag_sets.learn(writer.flag_numbers.items())
        self._known.live.announce(writer.changes)
        self._watches.announce(writer.changes, writer.names)
        if self.index is not None:
            self.index.wake()

    def _stir(self, writer: Writer) -> None:
        """Wake who works on what the job of *writer*, which is announced, has left to be done."""
        if writer.places.owes:
            self.owing.set()
        if writer.queue_changed:
            self.queue_changed()
        if writer.stirred:
            self.stirred.set()

    def run(
        self,
        connection: sa.Connection,
        job: Callable[[Writer, sa.Connection], T],
        *,
        lone: bool = False,
    ) -> tuple[T, Writer]:
        """Run *job* on *connection*; the caller announces after the commit."""
        before = self._standing.now(connection)
        writer = Writer(connection, self._folder, self._known, self._now, self._shelf, before)
        writer.before_sent = self.before_sent
        writer.places.must_be_short = lone
        try:
            result = job(writer, connection)
            self.riding.ride(writer, connection, lone=lone)
            writer.finish()
        except BaseException:
            remove_files(self._folder, writer.bodies.written)
            raise
        return result, writer

    @asynccontextmanager
    async def keeping_files(self) -> AsyncIterator[None]:
        """Remove no body file inside: a copy that is being taken may name it."""
        self._copies += 1
        try:
            yield
        finally:
            self._copies -= 1
            await self._let_go([])

    async def _let_go(self, files: Sequence[bytes]) -> None:
        self._put_off += files
        if self._copies:
            return
        files, self._put_off = self._put_off, []
        # Crash before this: orphans, removed at the next open; their keys are gone.
        await asyncio.to_thread(remove_files, self._folder, files)

    def forms_may_wait(self, sizes: Sequence[int]) -> list[bool]:
        """See ``ports.MailStore``."""
        return self.riding.late.may_wait(sizes)

    def now(self) -> int:
        """Return unix seconds by the clock that stamps INTERNALDATE."""
        return int(self._now())

    async def text_hits(self, term: str, *, body_only: bool) -> TextHits:
        """Look *term* up; without an index every message is to be judged by its text."""
        if self.index is None:
            return TextHits(frozenset(), frozenset(), MessageId(0))
        return await self.index.hits(term, body_only=body_only)

    def watch(self, mailbox: MailboxId | None = None) -> AbstractContextManager[Watch]:
        """Hear of one mailbox's messages, or (None) of all mailboxes and of their names."""
        return self._watches.open(mailbox)

    def is_looked_at(self, name: MailboxName) -> bool:
        """Tell whether anybody would hear at once of a change in the mailbox."""
        mailbox = self.mailbox(name).id
        return self._watches.any(mailbox) or self._known.live.is_followed(mailbox)

    async def follow(self, mailbox: MailboxId) -> Following:
        """Follow a mailbox from now on; raises NoSuchMailbox."""
        self._step_aside()
        following, here = self._known.live.follow(mailbox)
        if not here:
            try:
                await self.read(lambda reader: reader.snapshot(mailbox))
            except BaseException:
                following.close()
                raise
        following.hold(following.newest())
        return following

    def _step_aside(self) -> None:
        if self.index is not None:
            self.index.step_aside()

    async def sweep(self) -> None:
        """Drop expunged octets that are past their grace and that no view holds."""
        await self.write_with(self.riding.sweep)

    def sweep_all(self, connection: sa.Connection) -> list[bytes]:
        """Drop all expunged octets, at open; return the files to remove after the commit."""
        writer = Writer(connection, self._folder, self._known, self._now, self._shelf)
        self.riding.sweep_all(writer, connection)
        return writer.bodies.dropped
