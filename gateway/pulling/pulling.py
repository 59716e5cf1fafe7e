"""All accounts elsewhere of one person: added, shown, removed, and each pulled by its own task."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import msgspec

from gateway.arriving.ordinary_mail import Hear, hear_nothing
from gateway.legacy.oauth.grants import NoGrants, TokenSource
from gateway.pulling.account_pull import AccountPull
from gateway.pulling.asked import AskedPull
from gateway.writing.note import pull_note
from mx_core.mime.prepare import prepare
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.errors import Refused
from mx_core.model.mailbox_name import GATEWAY
from mx_core.store.account_store import AccountStore
from mx_core.store.ledger.pulls import Pull

_ACCOUNTS_MAX: Final = 20
_TROUBLES_SHOWN: Final = 100


class Pulling:
    """See the module."""

    def __init__(
        self,
        store: AccountStore,
        own: Address,
        now: Now,
        *,
        mark_subjects: bool = False,
        tokens: TokenSource | None = None,
        hear: Hear = hear_nothing,
    ) -> None:
        """Nothing is connected before ``run``."""
        self._hear = hear
        self._tokens = tokens or NoGrants()
        self._store = store
        self._own = own
        self._now = now
        self._mark_subjects = mark_subjects
        self._changed = asyncio.Event()
        self._running: dict[str, tuple[Pull, AccountPull, asyncio.Task[None]]] = {}

    async def add(self, asked: AskedPull) -> str:
        """Log in, and pull from now on; return the account's location.

        Raises:
            Refused, Unavailable: It can not be logged in to; nothing is kept.
        """
        location = asked.server.location
        known = {one.location for one in await self._store.pulls.all()}
        if location not in known and len(known) >= _ACCOUNTS_MAX:
            raise Refused(f"mail of at most {_ACCOUNTS_MAX} accounts is pulled")
        client = await asked.connected(self._tokens)
        await client.close()
        await self._store.pulls.add(location, msgspec.json.encode(asked).decode())
        self._changed.set()
        return location

    async def remove(self, url: str) -> None:
        """Pull no more, and forget the secret; the mail stays.  Raises Refused."""
        location = AskedPull(url).server.location
        if not await self._store.pulls.remove(location):
            raise Refused(f"no mail is pulled from {location}: see mx-gateway legacy list")
        self._changed.set()

    async def state(self) -> list[dict[str, Any]]:
        """Return what the command line shows of each."""
        return [await self._told(one) for one in await self._store.pulls.all()]

    async def run(self) -> None:
        """Serve until cancelled; raises Corrupt."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._changed.clear()
                wanted = {one.location: one for one in await self._store.pulls.all()}
                for location, (pull, _, task) in list(self._running.items()):
                    now = wanted.get(location)
                    if now is None or (now.id, now.asked) != (pull.id, pull.asked):
                        task.cancel()
                        await asyncio.wait({task})
                        del self._running[location]
                for location, pull in wanted.items():
                    if location not in self._running:
                        one = self._made(pull)
                        self._running[location] = pull, one, tasks.create_task(one.run())
                await self._changed.wait()

    def _made(self, pull: Pull) -> AccountPull:
        async def report(why: str) -> None:
            octets = pull_note(self._own, pull.location, why, int(self._now()))
            await self._store.pulls.tell(pull.id, GATEWAY, octets, prepare(octets))

        asked = msgspec.json.decode(pull.asked, type=AskedPull)
        return AccountPull(
            self._store,
            pull,
            asked,
            report,
            self._tokens,
            self._hear,
            mark_subjects=self._mark_subjects,
        )

    async def _told(self, one: Pull) -> dict[str, Any]:
        running = self._running.get(one.location)
        return {
            "location": one.location,
            "trouble": one.trouble,
            "since": one.since,
            "left": await self._store.imports.troubles(one.source, _TROUBLES_SHOWN),
            "now": running[1].state() if running is not None else None,
        }
