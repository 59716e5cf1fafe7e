"""The imports of one account: begun, shown, paused, and gone on with at every start.

One at a time, in the order they were begun.  An error of the source or of the disk stops the
import and nothing else; what a network loses is tried again.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final, Protocol

import msgspec
import structlog

from gateway.migration.bringing import Bringing, Progress
from gateway.migration.giving_back import GivingBack
from gateway.migration.looking import Look, check_room, look
from gateway.migration.naming import mailbox_for
from gateway.migration.pace import Pace
from gateway.migration.proof import prove
from gateway.migration.remaining import seconds_left
from gateway.migration.source import Source
from mx_core.model.clock import Now
from mx_core.model.errors import Corrupt, DiskFull, MailError, Refused, Unavailable
from mx_core.store.account_store import AccountStore
from mx_core.store.ledger.imports import Import, Imports, ImportState

log = structlog.get_logger()

_FIRST_REST_SECONDS: Final = 5.0
_LONGEST_REST_SECONDS: Final = 600.0
_TROUBLES_SHOWN: Final = 100


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person asked for; kept in the ledger, so that it is the same after a restart."""

    source: str  # a path, or imaps://user@host
    into: str = ""
    rate: int = 0
    share: int = 100
    all_mail: bool = False
    secret: str = ""  # a password, where the source wants one
    command: str = ""  # what prints one
    oauth: bool = False  # by the permission that is kept for its user
    ca_file: str = ""  # trusted instead of the system's roots

    def check(self) -> None:
        """Raises Refused, BadMailboxName."""
        if not 1 <= self.share <= 100 or self.rate < 0:  # noqa: PLR2004  # percent
            raise Refused("the share is 1 to 100 percent, and the rate at least 0")
        if self.into:
            mailbox_for(["x"], self.into)


class Opener(Protocol):
    """Makes a source of what was asked for."""

    def __call__(self, asked: Asked) -> Source:
        """Raises Refused, Unavailable."""


class Importing:
    """See the module."""

    def __init__(self, store: AccountStore, open_source: Opener, now: Now) -> None:
        self._imports: Imports = store.imports
        self._bodies = store.bodies_ahead
        self._folder = store.folder
        self._let_go = store.let_go
        self._open = open_source
        self._now = now
        self._wake = asyncio.Event()
        self.stirred = asyncio.Event()  # it has begun, or ended; whoever tells of it clears it
        self._task: asyncio.Task[None] | None = None  # of the loop: what runs now
        self._current: Import | None = None
        self._dry: Asked | None = None  # a look that was asked for
        self._phase = "idle"
        self._look = Look()
        self._bringing: Bringing | None = None
        self._trouble = ""  # of the last look

    async def begin(self, asked: Asked, *, dry_run: bool) -> None:
        """Import, or (dry run) only look; returns at once.  Raises Refused, Unavailable."""
        asked.check()
        if self._phase != "idle" or self._dry is not None:
            raise Refused("an import is under way; it can be paused")
        source = await asyncio.to_thread(self._open, asked)
        await source.close()
        self._look, self._trouble = Look(), ""
        if dry_run:
            self._dry = asked
        else:
            await self._imports.begin(source.location, msgspec.json.encode(asked).decode())
        self._phase = "waiting"
        self._wake.set()

    async def pause(self) -> int:
        """Stop what runs after the batch it is in; return how many imports that were."""
        running = [one for one in await self._imports.all() if one.state is ImportState.RUNNING]
        for one in running:
            await self._imports.note(one.id, ImportState.PAUSED)
        self._dry = None
        if self._task is not None:
            self._task.cancel()
        return len(running)

    async def resume(self) -> int:
        """Go on with what was paused or stopped; return how many imports that are."""
        resting = [
            one
            for one in await self._imports.all()
            if one.state in {ImportState.PAUSED, ImportState.STOPPED}
        ]
        for one in resting:
            await self._imports.note(one.id, ImportState.RUNNING)
        self._wake.set()
        return len(resting)

    async def state(self) -> dict[str, Any]:
        """Return what the command line shows: what runs, and how all imports ended."""
        return {
            "phase": self._phase,
            "trouble": self._trouble,
            "look": self._look.as_json(),
            "seconds_left": self._seconds_left(),
            "progress": None if self._bringing is None else self._bringing.progress.as_json(),
            "imports": [
                await self._told(one)
                for one in await self._imports.all()
                if one.state is not ImportState.PULLED
            ],
        }

    async def run(self) -> None:
        """Serve until cancelled; raises Corrupt."""
        while True:
            self._wake.clear()
            one = next(
                (i for i in await self._imports.all() if i.state is ImportState.RUNNING), None
            )
            if one is None and self._dry is None:
                if not self._wake.is_set():  # else something was asked for while we looked
                    self._phase = "idle"
                    await self._wake.wait()
                continue
            self.stirred.set()
            async with asyncio.TaskGroup() as tasks:
                self._task = tasks.create_task(
                    self._looked(self._dry) if self._dry is not None else self._brought(one)
                )
            self._task = None
            self.stirred.set()

    async def _looked(self, asked: Asked) -> None:
        self._phase = "looking"
        try:
            source = await asyncio.to_thread(self._open, asked)
            try:
                before = await self._before(source)
                await look(
                    source, self._imports, before, asked.into, self._look, kinds=True
                )  # nobody brings it, and then says what is encrypted
            finally:
                await source.close()
        except Corrupt:
            raise
        except MailError as error:
            self._trouble = str(error)
        finally:
            self._dry = None
            self._look.done = True

    async def _brought(self, one: Import | None) -> None:
        if one is None:
            return
        rest = _FIRST_REST_SECONDS
        self._look = Look()
        while True:
            try:
                await self._bring(one)
                return
            except (Refused, DiskFull) as error:
                log.info("import_stopped", why=type(error).__name__)
                await self._imports.note(one.id, ImportState.STOPPED, str(error))
                return
            except Unavailable as error:
                moved = self._bringing is not None and self._bringing.progress.stored > 0
                rest = _FIRST_REST_SECONDS if moved else min(rest * 2, _LONGEST_REST_SECONDS)
                log.info("import_rests", why=type(error).__name__, seconds=rest)
                await self._imports.note(one.id, ImportState.RUNNING, str(error))
                self._phase = "resting"
                await asyncio.sleep(rest)

    async def _bring(self, one: Import) -> None:
        asked = msgspec.json.decode(one.asked, type=Asked)
        source = await asyncio.to_thread(self._open, asked)
        began = time.monotonic()
        try:
            if not self._look.done:  # else a line broke: what was seen then is there now
                self._phase, self._look, self._bringing = "looking", Look(), None
                await look(source, self._imports, one, asked.into, self._look)
                check_room(self._look, self._folder)
            self._phase = "bringing"
            pace = Pace(asked.rate, asked.share)
            now, memory = int(self._now()), GivingBack(self._let_go)
            self._bringing = Bringing(
                self._imports, self._bodies, source, one, asked.into, pace, memory, now
            )
            await self._bringing.run()
            self._phase = "proving"
            proofs = await prove(source, self._imports, one, asked.into, memory)
        finally:
            await source.close()
        report = {
            "folders": [proof.as_json() for proof in proofs],
            "holds": all(proof.holds for proof in proofs),
            "doubles": await self._imports.doubles(one.id),
            "seconds": round(time.monotonic() - began, 1),
            "progress": self._bringing.progress.as_json(),
        }
        # Crash before this: it is begun again, finds all of it here, and proves it anew.
        # a password that nobody needs any more is not kept
        plain = msgspec.json.encode(msgspec.structs.replace(asked, secret="")).decode()
        await self._imports.end(one.id, plain, msgspec.json.encode(report).decode())
        log.info("import_done", messages=self._bringing.progress.stored)

    def _seconds_left(self) -> int:
        look = self._look
        done = Progress() if self._bringing is None else self._bringing.progress
        return seconds_left(
            look.messages,
            done.seen if self._phase != "looking" else 0,
            done.seconds,
            octets=look.octets,
            octets_a_day=look.octets_a_day,
            guess=look.seconds,
        )

    async def _before(self, source: Source) -> Import | None:
        return next((i for i in await self._imports.all() if i.location == source.location), None)

    async def _told(self, one: Import) -> dict[str, Any]:
        return {
            "source": one.location,
            "state": one.state.value,
            "trouble": one.trouble,
            "report": msgspec.json.decode(one.report) if one.report else None,
            "troubles": await self._imports.troubles(one.id, _TROUBLES_SHOWN),
        }
