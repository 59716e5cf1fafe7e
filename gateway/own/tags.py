"""Tells the own home server whose mail is let in: tags of the week of contacts and of invitations.

The server learns neither who they are nor how many (spec/admission §2).  Whoever is blocked is
left out, with all their devices, at the next look.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from mx_core.admission.tag_list import good_until, tag_list
from mx_core.admission.token import week_of
from mx_core.carriers.native.membership import Membership
from mx_core.model.clock import Now
from mx_core.model.errors import Refused, Unavailable, Untrusted
from mx_core.notation.hashing import b2
from mx_core.store.own.setting import CarrierState
from mx_core.store.people.contact_secret import ContactSecrets
from mx_core.store.people.invitation import Invitations

log = structlog.get_logger()

_LOOK_SECONDS: Final = 30.0
_RETRY_SECONDS: Final = 60.0
_CARRIER: Final = "native"
_NAME: Final = "tags"


class OwnTags:
    """See the module."""

    def __init__(
        self,
        secrets: ContactSecrets,
        invitations: Invitations,
        membership: Membership,
        state: CarrierState,
        is_closed: Callable[[], bool],
        now: Now,
    ) -> None:
        """Nothing is told before ``run`` or ``renew``.  *is_closed*: contacts alone find the account."""
        self._secrets = secrets
        self._invitations = invitations
        self._membership = membership
        self._state = state
        self._is_closed = is_closed
        self._now = now
        self._wake = asyncio.Event()

    def hurry(self) -> None:
        """Look at once: a secret was given, or an invitation made or taken back."""
        self._wake.set()

    async def run(self) -> None:
        """Tell what has changed, for ever."""
        while True:
            self._wake.clear()
            pause = _LOOK_SECONDS
            try:
                await self.renew()
            except (Unavailable, Refused, Untrusted) as error:
                log.info("tags_wait", why=type(error).__name__)
                pause = _RETRY_SECONDS
            try:
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def renew(self) -> None:
        """Give the list to the home server unless it holds it already.

        Raises:
            Unavailable, Refused, Untrusted: It was not taken; the one before is in force.
        """
        now = self._now()
        given = await self._secrets.given(closed=self._is_closed())
        invited = await self._invitations.reaching()
        # what the list is made of: it is made anew when that changes, and each week
        # … and at another home server, which holds none yet
        parts = [
            self._membership.home.domain.encode(),
            week_of(now).to_bytes(8, "big"),
            *given,
            b"",
            *(secret for secret, _ in invited),
        ]
        made_of = b2("MX1.admit.given", parts)
        if await self._state.get(_CARRIER, _NAME) == made_of:
            return
        filler = await self._secrets.filler()
        tags = await asyncio.to_thread(tag_list, given, filler, now, invited)
        await self._membership.replace_tags(tags, good_until(now))
        # Crash here: the same list is given again at the next start.
        await self._state.put(_CARRIER, _NAME, made_of)
        log.info("tags_replaced", tags=len(tags))
