"""Writes the notes that an account is owed: who waits to INBOX, once a day; the rest to Gateway."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

import structlog

from gateway.writing.note import blocked_note, gone_note, invited_note, keys_note, waiting_note
from mx_core.mime.prepare import prepare
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.errors import Unavailable
from mx_core.model.mailbox_name import GATEWAY, INBOX
from mx_core.store.people.relation import News, Topic
from mx_core.store.people.relations import Relations
from mx_core.trust.decide import Cause, Decision, Level

log = structlog.get_logger()

_DAY_SECONDS: Final = 86_400
_LOOK_SECONDS: Final = 60.0  # who waited until the day was over is named then


class Notices:
    """One account's notes, and the task that writes them."""

    def __init__(self, relations: Relations, own: Address, now: Now) -> None:
        """Write nothing before ``run`` or ``write``."""
        self._relations = relations
        self._own = own
        self._now = now

    async def run(self) -> None:
        """Write what is owed, for ever."""
        while True:
            try:
                await self.write()
            except Unavailable as error:
                log.info("note_put_off", why=type(error).__name__)  # a full disk
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._relations.wait()

    async def write(self) -> None:
        """Write what is owed now."""
        news = await self._relations.news()
        for one in news:
            if one.topic is not Topic.ASKS:
                await self._relations.write_note(GATEWAY, self._note_of(one), prepare, [one])
        asking = [one for one in news if one.topic is Topic.ASKS]
        now = int(self._now())
        if asking and now >= await self._relations.last_asked() + _DAY_SECONDS:
            octets = waiting_note(self._own, [one.author.address for one in asking], now)
            await self._relations.write_note(INBOX, octets, prepare, asking)

    def _note_of(self, one: News) -> bytes:
        if one.topic is Topic.BLOCKED:
            return blocked_note(self._own, one.author.address, one.at)
        if one.topic is Topic.INVITED:
            return invited_note(self._own, one.author.address, one.detail, one.at)
        if one.topic is Topic.GONE:
            return gone_note(self._own, one.author.address, one.at)
        return keys_note(self._own, one.author.address, _causes(one.detail), one.at)


def noted_change(decision: Decision, seq: int) -> str:
    """Return what is kept, until it is told, of a change that the table has noted; else ""."""
    if decision.level < Level.NOTE:
        return ""
    return f"{seq} {','.join(cause.value for cause in decision.causes)}"


def _causes(detail: str) -> list[Cause]:
    return [Cause(word) for word in detail.partition(" ")[2].split(",")]
