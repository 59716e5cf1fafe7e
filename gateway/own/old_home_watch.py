"""What a home server that was left makes of the move: looked at as others see it, told in a letter.

It may refuse the move, hide it, give the old address to somebody else, keep back what waits, or be
gone.  Nothing of that stops the move, and nothing of it can be undone from here: the person is told
whom to write to.  Spec/client §11.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import structlog
from msgspec import Struct
from msgspec.structs import replace

from gateway.own.identity import OwnIdentity
from gateway.own.old_homes import FOLLOWED_SECONDS, OldHome, OldHomes
from gateway.writing.move_letters import Wrong, old_home_letter
from mx_core.directory.proving import Moved, WatchedLog
from mx_core.directory.sender_check import verify_card
from mx_core.discovery.finder import Domain
from mx_core.mime.prepare import prepare
from mx_core.model.address import Address
from mx_core.model.errors import MailError, Unavailable, UnknownRecipient
from mx_core.model.mailbox_name import INBOX
from mx_core.notation import cbor
from mx_core.passport.binding import Attestation
from mx_core.passport.card import Card
from mx_core.store.account_store import AccountStore
from mx_core.store.people.relation import Relation
from mx_core.trust.pin import Pin

log = structlog.get_logger()

_FIRST_SECONDS: Final = 20.0  # it was told, and what waits there was asked for
_AGAIN_SECONDS: Final = 3_600.0
_SILENT_SECONDS: Final = 86_400


class Collecting(Protocol):
    """What takes in the mail of the old home server."""

    refused: bool


class AsOthersSee(Struct, frozen=True):
    """What is asked through the new home server, as anybody who writes to the old address does."""

    find: Callable[[str], Awaitable[Domain]]
    look: Callable[[Address], Awaitable[bytes]]
    log: Callable[[Domain], Awaitable[WatchedLog | None]]


class OldHomeWatch:
    """See the module.  Of one home server."""

    def __init__(
        self,
        left: OldHome,
        homes: OldHomes,
        seen: AsOthersSee,
        collecting: Collecting,
        own: OwnIdentity,
        store: AccountStore,
    ) -> None:
        """Nothing is asked before ``run`` or ``check``."""
        self._left = left
        self._homes = homes
        self._seen = seen
        self._collecting = collecting
        self._own = own
        self._store = store
        self._reached = own.now()

    async def run(self) -> None:
        """Look, as long as the old home server is followed."""
        await asyncio.sleep(_FIRST_SECONDS)
        while self._own.now() < self._left.since + FOLLOWED_SECONDS:
            try:
                await self.check()
            except Unavailable as error:
                log.info("old_home_not_told_of", why=type(error).__name__)  # a full disk
            await asyncio.sleep(_AGAIN_SECONDS)

    async def check(self) -> None:
        """Look once; what is wrong and was not told yet is told in one letter."""
        left = await self._homes.now(self._left)
        wrong = await self._wrong(left)
        if not wrong - left.warned:
            return
        own, now = self._own, int(self._own.now())
        known = await self._known()
        until = left.since + FOLLOWED_SECONDS
        letter = old_home_letter(own.address, left.address, wrong, known, until, now)
        await self._store.relations.write_note(INBOX, letter, prepare, ())
        # Crash before this: told once more.
        await self._homes.warned(left, left.warned | wrong)
        log.warning("old_home_goes_not_along", wrong=sorted(one.value for one in wrong))

    async def _wrong(self, left: OldHome) -> frozenset[Wrong]:
        found = {Wrong.REFUSES} if left.refused else set[Wrong]()
        try:
            shown = await self._shown(left.address)
        except Unavailable:
            silent_since = self._reached if left.told else min(left.since, self._reached)
            if self._own.now() > silent_since + _SILENT_SECONDS:
                found.add(Wrong.SILENT)
        else:
            self._reached = self._own.now()
            if shown is not None and left.told:
                found.add(shown)
        if self._collecting.refused:
            found.add(Wrong.KEEPS)
        return frozenset(found)

    async def _shown(self, old: Address) -> Wrong | None:
        """Return what is wrong with what others are shown at *old*; raises Unavailable."""
        try:
            domain = await self._seen.find(old.domain)
        except UnknownRecipient as error:
            raise Unavailable(f"{old.domain} is not to be found") from error
        try:
            card = await self._seen.look(old)
        except UnknownRecipient:
            # who is found by contacts alone is nobody to everybody else, also to themselves
            return Wrong.NOBODY if self._own.state.profile.lookup_open else None
        try:
            watched = await self._seen.log(domain)
            verify_card(
                card,
                asked=old,
                domain_keys=domain.keys,
                pin=None,
                now=self._own.now(),
                log=None if watched is None else replace(watched, seen=None),
            )
        except Moved as moved:
            if moved.state.pid == self._own.pid:
                # further on than this move, if there was another one since
                return None if moved.state.seq <= self._own.state.seq else Wrong.HIDES
        except Unavailable as error:
            log.info("old_home_shows_no_keys", why=type(error).__name__)
        except MailError as error:
            log.info("old_home_proves_nothing", why=type(error).__name__)
        return self._of(card)

    def _of(self, card: bytes) -> Wrong:
        """Return whose *card* that is which does not lead to the new address."""
        try:
            said = Attestation.read(cbor.decode(Card.decode(card).attestation)).binding
        except MailError:
            return Wrong.HIDES
        return Wrong.HIDES if said.pid == self._own.pid else Wrong.ANOTHER

    async def _known(self) -> list[Address]:
        """Return whom the person has accepted."""
        relations = self._store.relations
        return [
            one.address
            for one in await self._store.contacts.all()
            if await relations.of(Pin.decode(one.pin).pid) is Relation.ACCEPTED
        ]
