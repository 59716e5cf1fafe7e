"""The task of an echo: answer each message once at most, and keep none.

What was answered is marked before the answer is written, so that a crash between the two costs one
answer and never gives two.  The answer leaves end-to-end encrypted or not at all.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from gateway.echo.reply import SEEN_OCTETS, Passed, reply, whom
from gateway.echo.window import Window
from mx_core.db import failpoint
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.errors import Busy, MessageGone, NoSuchMailbox, Unavailable
from mx_core.model.flags import ANSWERED, DELETED
from mx_core.model.ids import MailboxId, MessageId, Uid
from mx_core.model.mailbox_name import INBOX, QUEUED, REQUESTS
from mx_core.model.message import MessageForm, Submission
from mx_core.model.notify import NotifyRequest
from mx_core.model.snapshot import Snapshot
from mx_core.ports import FlagChange, MailReader, MailWriter
from mx_core.store.account_store import AccountStore
from mx_core.store.outbox.reader import State

log = structlog.get_logger()

_LOOK_SECONDS: Final = 60.0  # also without news: a disk may have room again, an answer be held
_UNTOLD: Final = NotifyRequest(frozenset())  # nobody reads reports here


class Answering:
    """One echo: *wake* is told when an answer waits to leave."""

    def __init__(
        self, store: AccountStore, own: Address, wake: Callable[[], None], now: Now
    ) -> None:
        """Nothing is read before ``run`` or ``round``."""
        self._store = store
        self._own = own
        self._wake = wake
        self._now = now
        self._window = Window()

    async def run(self) -> None:
        """Answer what comes, for ever."""
        with self._store.mail.watch() as watch:
            while True:
                with contextlib.suppress(Busy):
                    watch.take()
                try:
                    await self.round()
                except (Unavailable, NoSuchMailbox, MessageGone) as error:
                    log.info("echo_put_off", why=type(error).__name__)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_SECONDS):
                        await watch.wait()

    async def round(self) -> None:
        """Answer what is there, and empty every mailbox but those that the outbox shows."""
        for box in await self._store.mail.read(lambda reader: reader.mailboxes()):
            if box.rule or box.name in QUEUED or not box.messages:
                continue
            view = await self._store.mail.read(_snapshot_of(box.id))
            if box.name in {INBOX, REQUESTS}:
                for uid, message, flags in zip(view.uids, view.messages, view.flags, strict=True):
                    if ANSWERED not in flags:
                        await self._one(box.id, uid, message)
                    await self._expunge(box.id, [uid])
            else:
                await self._expunge(box.id, list(view.uids))
        await self._give_up_held()

    async def _one(self, box: MailboxId, uid: Uid, message: MessageId) -> None:
        def read(reader: MailReader) -> tuple[MessageForm, bytes]:
            return reader.forms([message])[0], reader.octets(message, 0, SEEN_OCTETS)

        form, octets = await self._store.mail.read(read)
        to = whom(octets, form, self._own)
        if isinstance(to, Passed):
            log.info("echo_passed", why=to.name.lower())
            return
        if not self._window.admits(to, self._now()):
            log.info("echo_passed", why="rate")
            return

        def mark(writer: MailWriter) -> None:
            writer.store_flags(box, [uid], FlagChange.ADD, frozenset({ANSWERED}))

        # Crash before the commit: nothing was marked, and it is answered at the next start.
        await self._store.mail.write(mark)
        # Crash here: marked and not answered; it never is, and the next start removes it.
        failpoint.reach("marked")
        answer = reply(octets, form, self._own, to, int(self._now()))
        # the outbox alone, without a policy or a relay behind it: no way leads out in clear
        await self._store.outbox.enqueue(Submission(self._own, (to,), answer, wanted={to: _UNTOLD}))
        # Crash here: it is in the outbox and leaves at the next start, which removes the message.
        self._wake()
        log.info("echo_answered", octets=form.size)

    async def _expunge(self, box: MailboxId, uids: Sequence[Uid]) -> None:
        def job(writer: MailWriter) -> None:
            writer.store_flags(box, uids, FlagChange.ADD, frozenset({DELETED}))
            writer.expunge(box, uids)

        # Crash before the commit: all of it is there and marked, and goes at the next start.
        await self._store.mail.write(job)

    async def _give_up_held(self) -> None:
        """Let go of answers that wait for a person: there is none."""
        for item in await self._store.outbox.unsettled():
            if item.state is State.HELD:
                await self._store.outbox.failed(item.queue_id, item.recipient, "nobody decides")


def _snapshot_of(box: MailboxId) -> Callable[[MailReader], Snapshot]:
    return lambda reader: reader.snapshot(box)
