"""Tells whoever sealed an envelope that this device cannot open it, so that it is sealed anew.

spec/unreadable §3.  Said through both home servers, again and again until the sender's has heard
it; what comes then is a message like any other.  Whose sender nobody knows any more is told to
the person, who can still ask whom they expect mail from.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

import structlog

from gateway.own.identity import OwnIdentity
from gateway.writing.note import unopened_note
from mx_core.mime.prepare import prepare
from mx_core.model.clock import Now
from mx_core.model.errors import MailError, Refused, Unavailable, Untrusted
from mx_core.model.ids import EnvId
from mx_core.passport.unreadable import Unreadable
from mx_core.store.arriving.unreadable import Unopened, UnreadableEnvelopes

log = structlog.get_logger()

_LOOK_SECONDS: Final = 5.0
_FIRST_WAIT_SECONDS: Final = 5.0
_LONGEST_WAIT_SECONDS: Final = 4 * 3600.0
_KEPT_SECONDS: Final = 30 * 86_400  # for so long a server knows who submitted what
_TRIES_MIN: Final = 5


class Tells(Protocol):
    """As much of the carrier as this needs."""

    async def unreadable(self, peer_domain: str, env_id: EnvId, signed: bytes) -> bool:
        """See ``NativeCarrier``."""


class Unread:
    """See the module."""

    def __init__(
        self, envelopes: UnreadableEnvelopes, own: OwnIdentity, carrier: Tells, now: Now
    ) -> None:
        """Nothing is said before ``run`` or ``tell_due``."""
        self.said: Callable[[EnvId], None] = lambda _: None  # told when one may be acknowledged
        self._envelopes = envelopes
        self._own = own
        self._carrier = carrier
        self._now = now

    async def run(self) -> None:
        """Say what is to be said, for ever."""
        while True:
            try:
                await self.tell_due()
            except Unavailable as error:
                log.warning("unread_put_off", why=type(error).__name__)  # a full disk
            await asyncio.sleep(_LOOK_SECONDS)

    async def tell_due(self) -> None:
        """Try once for each envelope that is due; then tell the person what nobody knows."""
        for one in await self._envelopes.due():
            await self._tell(one)
        nobodys = await self._envelopes.nobodys()
        if nobodys:
            domains = [one.peer_domain for one in nobodys]
            octets = unopened_note(self._own.address, domains, int(self._now()))
            await self._envelopes.write_note(octets, prepare, nobodys)
        await self._envelopes.forget(self._now() - _KEPT_SECONDS)

    async def _tell(self, one: Unopened) -> None:
        own = self._own
        word = Unreadable(one.env_id, own.pid, own.device_id).signed(own.signing_key.reveal())
        try:
            known = await self._carrier.unreadable(one.peer_domain, one.env_id, word)
        except (Unavailable, Refused, Untrusted) as error:
            await self._later(one, error)
            return
        # Crash here: said again, and known there.
        await self._envelopes.told(one.env_id, known=known)
        self.said(one.env_id)
        log.info("unreadable_said", env_id=one.env_id.hex(), known=known)

    async def _later(self, one: Unopened, error: MailError) -> None:
        now = self._now()
        if now > one.at + _KEPT_SECONDS and one.attempts >= _TRIES_MIN:
            await self._envelopes.told(one.env_id, known=False)
            self.said(one.env_id)
            return
        log.info("unreadable_waits", env_id=one.env_id.hex(), why=type(error).__name__)
        wait = min(_FIRST_WAIT_SECONDS * 2.0 ** min(one.attempts, 16), _LONGEST_WAIT_SECONDS)
        await self._envelopes.put_off(one.env_id, now + wait)
