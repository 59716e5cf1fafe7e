"""Fetches what strangers wrote once they are accepted: the body stayed at their server.  Spec/requests §5.

Opened with what was kept when its envelope was verified, and stored as a new message.  Whether a
body is gone or its server away is not told apart, so it is given up only after its time and
several tries.
"""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

import structlog

from gateway.arriving.arrival_status import with_message
from gateway.arriving.status_block import keywords, parse, render
from mx_core.envelope.open import open_body_later
from mx_core.envelope.statement import Statement
from mx_core.mime.prepare import prepare
from mx_core.model.body_name import BodyName
from mx_core.model.clock import Now
from mx_core.model.errors import Refused, StoreDamaged, Unavailable, Untrusted
from mx_core.store.arriving.awaited import Awaited, AwaitedBodies

log = structlog.get_logger()

_LOOK_SECONDS: Final = 5.0
_FIRST_WAIT_SECONDS: Final = 5.0
_LONGEST_WAIT_SECONDS: Final = 4 * 3600.0
_KEPT_SECONDS: Final = 30 * 86_400
_TRIES_MIN: Final = 5


class Fetches(Protocol):
    """As much of the carrier as this needs."""

    async def fetch_body(self, peer_domain: str, name: BodyName) -> bytes:
        """See ``NativeCarrier``."""


class Fetching:
    """See the module."""

    def __init__(self, awaited: AwaitedBodies, carrier: Fetches, now: Now) -> None:
        """Nothing is fetched before ``run`` or ``fetch_due``."""
        self._awaited = awaited
        self._carrier = carrier
        self._now = now

    async def run(self) -> None:
        """Fetch what the person has accepted, for ever."""
        while True:
            try:
                await self.fetch_due()
            except Unavailable as error:
                log.warning("fetching_put_off", why=type(error).__name__)  # a full disk
            await asyncio.sleep(_LOOK_SECONDS)

    async def fetch_due(self) -> None:
        """Try once for each body that is due."""
        for one in await self._awaited.due():
            await self._fetch(one)

    async def _fetch(self, one: Awaited) -> None:
        try:
            body = await self._carrier.fetch_body(one.peer_domain, one.name)
            message = await asyncio.to_thread(
                open_body_later, body, one.body_key, Statement.decode(one.statement)
            )
        except Unavailable:
            await self._later(one)
            return
        except (Refused, Untrusted) as error:
            log.warning("body_refused", env_id=one.env_id.hex(), why=type(error).__name__)
            await self._awaited.give_up(one)
            return
        known = parse(one.status)
        if known is None:
            raise StoreDamaged("the status of a message that is awaited cannot be read")
        status = with_message(known, message)
        octets = render(status, one.author.address) + message
        form = await asyncio.to_thread(prepare, octets)
        new = await self._awaited.store(one, octets, form, keywords(status))
        log.info("body_fetched", env_id=one.env_id.hex(), octets=len(octets), new=new)

    async def _later(self, one: Awaited) -> None:
        now = self._now()
        if now > one.received + _KEPT_SECONDS and one.attempts >= _TRIES_MIN:
            await self._awaited.give_up(one)
            return
        wait = min(_FIRST_WAIT_SECONDS * 2.0 ** min(one.attempts, 16), _LONGEST_WAIT_SECONDS)
        await self._awaited.put_off(one.env_id, now + wait)
