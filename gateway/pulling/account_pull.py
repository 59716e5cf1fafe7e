"""One account elsewhere, for ever: connect, look at each folder, wait to be told, look again.

One connection.  It idles in INBOX; where the server knows NOTIFY it tells of all folders, else
their counters are asked for every two minutes.  A change of flags here ends the wait at once.
docs/spec/pull.md §3.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import structlog

from gateway.arriving.ordinary_mail import Hear, hear_nothing
from gateway.legacy import remote_flags, remote_mailbox
from gateway.legacy.answers import Data
from gateway.legacy.client import ImapClient
from gateway.legacy.oauth.grants import TokenSource
from gateway.migration.imap_folders import GMAIL, folders_of
from gateway.migration.source import Trouble
from gateway.pulling.asked import AskedPull
from gateway.pulling.folder_pass import FolderPass, Tally
from imap_out.wire import utf7
from mx_core.model.change import FlagsChanged
from mx_core.model.errors import Busy, Corrupt, MailError, Refused, Unavailable
from mx_core.model.ids import MailboxId
from mx_core.store.account_store import AccountStore
from mx_core.store.ledger.pulls import Pull

log = structlog.get_logger()

_FIRST_REST_SECONDS: Final = 5.0
_LONGEST_REST_SECONDS: Final = 600.0
_REFUSED_REST_SECONDS: Final = 3600.0  # more often, and a server locks the account
_IDLE_SECONDS: Final = 540.0  # then IDLE is begun anew; a server may end it after 30 min
_LOOK_SECONDS: Final = 120.0  # at other folders, where the server does not tell of them
_PROOF_SECONDS: Final = 10.0  # of waiting, after which what was broken is taken for mended
_POLL_SECONDS: Final = 60.0  # where it does not even know IDLE
_PASSES_MAX: Final = 3  # over a folder before others have their turn, however much it changes
_RESTLESS_SECONDS: Final = 0.1  # of waiting where more was told meanwhile; twice as long each time
_STILL_BROKEN_SECONDS: Final = 900  # then the person is written to
_INBOX: Final = "INBOX"

Report = Callable[[str], Awaitable[None]]


class AccountPull:
    """See the module."""

    def __init__(
        self,
        store: AccountStore,
        pull: Pull,
        asked: AskedPull,
        report: Report,
        tokens: TokenSource,
        hear: Hear = hear_nothing,
        *,
        mark_subjects: bool = False,
    ) -> None:
        """*report* writes a letter to the person: that it stays broken, in one sentence."""
        self._store = store
        self._pull = pull
        self._asked = asked
        self._report = report
        self._tokens = tokens
        self._hear = hear
        self._mark_subjects = mark_subjects
        self._tally = Tally()
        self._passes: dict[bytes, FolderPass] = {}
        self._called = asyncio.Event()
        self._stirred: set[MailboxId] = set()  # here, since the last pass
        self._phase = "connecting"
        self._works = False  # since it was connected: all was looked at, and waited for once
        self._was_broken = bool(pull.trouble)

    def state(self) -> dict[str, Any]:
        """Return what the command line shows of it."""
        return {
            "phase": self._phase,
            "folders": len(self._passes),
            "brought": self._tally.brought,
            "left": len(self._tally.left),
        }

    async def run(self) -> None:
        """Pull until cancelled; raises Corrupt."""
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._watch())
            try:
                await self._again_and_again()
            finally:
                watching.cancel()

    async def _again_and_again(self) -> None:
        rest = _FIRST_REST_SECONDS
        while True:
            self._works = False
            try:
                await self._connected()
            except Corrupt:
                raise
            except Refused as error:
                rest = _REFUSED_REST_SECONDS
                await self._failed(error, rest, after_seconds=0)
            except Unavailable as error:
                rest = min(rest * 2, _LONGEST_REST_SECONDS)
                rest = _FIRST_REST_SECONDS if self._works else rest
                await self._failed(error, rest, after_seconds=_STILL_BROKEN_SECONDS)
            except Exception:  # of ours: this account rests, and no other
                log.exception("pull_failed")
                rest = _LONGEST_REST_SECONDS
            self._phase = "resting"
            await asyncio.sleep(rest)

    async def _failed(self, error: MailError, rest: float, *, after_seconds: int) -> None:
        log.info("pull_rests", why=type(error).__name__, seconds=rest)
        self._was_broken = True
        with contextlib.suppress(Unavailable):  # a full disk: it is told of when there is room
            since = await self._store.pulls.note(self._pull.id, str(error))
            if self._store.mail.now() >= since + after_seconds:
                await self._report(str(error))

    async def _connected(self) -> None:
        self._phase = "connecting"
        client = await self._asked.connected(self._tokens)
        try:
            tells_all = await remote_flags.be_told_of_all(client)
            while True:
                await self._look_at_all(client)
                await self._follow(client, tells_all=tells_all)
        finally:
            await client.close()

    async def _look_at_all(self, client: ImapClient) -> None:
        """Look at every folder; what the server lists may have changed."""
        self._phase = "looking"
        names = await remote_mailbox.names(client)
        listed = folders_of(names, gmail=GMAIL in client.capabilities, all_mail=False)
        troubles = [each for each in listed if isinstance(each, Trouble)]
        await self._store.imports.tell(self._pull.source, [(t.where, t.why) for t in troubles])
        before, self._passes = self._passes, {}
        for folder in listed:
            if not isinstance(folder, Trouble):
                self._passes[folder.row] = before.get(folder.row) or FolderPass(
                    self._store,
                    self._pull.source,
                    self._pull.location,
                    folder,
                    self._tally,
                    self._hear,
                    mark_subjects=self._mark_subjects,
                )
        for one in self._in_order():
            await one.run(client)

    async def _follow(self, client: ImapClient, *, tells_all: bool) -> None:
        """Do what either side tells of, until it is time to look at everything again."""
        ends = time.monotonic() + _IDLE_SECONDS
        dirty: set[bytes] = set()
        restless = _RESTLESS_SECONDS
        while (left := ends - time.monotonic()) > 0:
            self._called.clear()
            dirty |= self._stirred_here()
            for row in dirty:
                await self._passes[row].run(client)
            is_still = await self._until_still(client)
            self._phase = "following"
            if not self._was_broken:
                await self._say_that_it_works()
            told = client.told_elsewhere()
            longest = _IDLE_SECONDS if tells_all else _LOOK_SECONDS
            unsettled = bool(told or client.news or not is_still)
            if unsettled:  # what it has told already, it does not tell again
                longest = min(longest, restless)
            restless = 2 * restless if unsettled else _RESTLESS_SECONDS
            seconds = min(left, _PROOF_SECONDS if self._was_broken else longest)
            dirty = self._told_of([*told, *await self._wait(client, seconds)])
            await self._say_that_it_works()
            if not (tells_all or dirty or unsettled or self._called.is_set()):
                dirty = await self._differing(client)

    async def _say_that_it_works(self) -> None:
        """Some servers work until one waits: what was broken works when that was seen."""
        if not self._works:
            self._works, self._was_broken = True, False
            await self._store.pulls.note(self._pull.id, "")
            log.info("pull_follows", folders=len(self._passes))

    async def _until_still(self, client: ImapClient) -> bool:
        """Open INBOX, which stays open, until nothing has changed in it meanwhile; tell whether it came to that."""
        inbox = self._passes.get(_INBOX.encode())
        if inbox is None:
            return True
        for number in range(_PASSES_MAX):
            if not await inbox.run(client, again=number > 0):
                return True
        return False

    async def _wait(self, client: ImapClient, seconds: float) -> list[Data]:
        """Return what the server told of meanwhile."""
        if "IDLE" not in client.capabilities:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(seconds, _POLL_SECONDS)):
                    await self._called.wait()
            return []
        return await client.idle(seconds, self._called)

    def _told_of(self, told: Sequence[Data]) -> set[bytes]:
        """Return the folders that *told* is of."""
        # Dovecot spells them in UTF-8 here, and nowhere else
        found = {utf7.decode(name) for name, _ in filter(None, map(remote_flags.told_of, told))}
        return {row for row in self._passes if utf7.decode(row) in found}

    async def _differing(self, client: ImapClient) -> set[bytes]:
        return {
            row
            for row, one in self._passes.items()
            if row != _INBOX.encode() and one.differs(await remote_flags.counters(client, row))
        }

    def _in_order(self) -> list[FolderPass]:
        """Return INBOX first, and what shows only what others do not, last."""
        return sorted(
            self._passes.values(),
            key=lambda one: (one.folder.only_new, one.folder.place.upper() != _INBOX),
        )

    # ── what happens here ───────────────────────────────────────────────────────────
    def _stirred_here(self) -> set[bytes]:
        stirred, self._stirred = self._stirred, set()
        return {row for row, one in self._passes.items() if one.mailbox in stirred}

    async def _watch(self) -> None:
        with self._store.mail.watch() as watch:
            while True:
                await watch.wait()
                try:
                    news = watch.take()
                except Busy:
                    news = []
                    self._stirred |= {one.mailbox for one in self._passes.values() if one.mailbox}
                for each in news:
                    if isinstance(each, FlagsChanged):
                        self._stirred.add(each.mailbox)
                if self._stirred:
                    self._called.set()
