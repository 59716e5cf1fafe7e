"""Changes of the own passport: made here, taken by the home server, finished after any crash.

The entry and the key that it brings are durable before the server hears of them.  Until it has
confirmed the entry everything goes on with the old key.  Identity §2, §7.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import structlog
from nacl.signing import SigningKey

from gateway.own.asking import until_answered
from gateway.own.identity import OwnIdentity
from mx_core.db import failpoint
from mx_core.model.errors import Refused, StoreDamaged, Untrusted
from mx_core.model.ids import DeviceId
from mx_core.model.secret import Secret
from mx_core.notation import cbor
from mx_core.passport.card import Card
from mx_core.passport.chain import verify_chain
from mx_core.passport.epoch import choose_epochs
from mx_core.passport.make import Writer, remove_device, rotate_identity, set_profile
from mx_core.passport.op import Reason
from mx_core.store.own.keys import OwnKey

log = structlog.get_logger()


class HomeServer(Protocol):
    """As much of the membership as a change needs."""

    async def append_passport(self, signed_entry: bytes) -> bytes:
        """See ``Membership``."""


@dataclass(frozen=True, slots=True)
class _Change:
    """An entry under way."""

    entry: bytes
    identity: Secret[bytes]  # the seed that counts once the entry does

    def encode(self) -> Secret[bytes]:
        """Return what the store keeps."""
        return Secret(cbor.encode([self.entry, self.identity.reveal()]))

    @classmethod
    def decode(cls, octets: Secret[bytes]) -> _Change:
        """Return what the store kept."""
        match cbor.decode(octets.reveal()):
            case [bytes() as entry, bytes() as seed]:
                return cls(entry, Secret(seed))
            case _:
                raise StoreDamaged("a change of the own passport cannot be read")


class OwnChanges:
    """See the module.  One change at a time."""

    def __init__(self, own: OwnIdentity, home: HomeServer) -> None:
        """Nothing is asked before a change."""
        self._own = own
        self._home = home
        self._turn = asyncio.Lock()

    async def run(self) -> None:
        """Finish what an earlier run left under way, and end."""
        refused = await until_answered(self.finish)
        if refused is not None:
            log.warning("passport_change_refused", why=type(refused).__name__)

    async def rotate(self) -> None:
        """Replace the identity key, signed with the old one; contacts stay verified.

        Raises:
            Unavailable: It is under way, and finished as soon as the home server answers.
            Untrusted: The home server holds another passport; nothing is changed.
        """
        await self._change(
            lambda writer, renewed: rotate_identity(
                self._own.state, writer, renewed, self._own.now()
            )
        )

    async def remove(self, device_id: DeviceId, reason: Reason, since: int | None) -> None:
        """Remove another device of this account; nobody seals to it any more, and it is let in nowhere.

        *since*: for a lost or stolen one, from when on what it signs is not believed.  The identity
        key is replaced, because a full device held it.

        Raises:
            Refused: It is no other active device.  As ``rotate`` besides.
        """
        own = self._own
        if device_id == own.device_id:
            raise Refused(
                "a device does not remove itself; with the recovery sheet, on another computer:"
                f" mx-gateway recover {own.address}"
            )
        if own.state.active_device(device_id) is None:
            raise Refused(f"{device_id.hex()} is no device of {own.address}")
        await self._change(
            lambda writer, renewed: remove_device(
                own.state, writer, device_id, reason, own.now(), since=since, new_identity=renewed
            )
        )

    async def be_found_by(self, *, everybody: bool) -> None:
        """Be found by everybody, or by contacts and the invited only; raises as ``rotate``."""
        own = self._own
        profile = replace(own.state.profile, lookup_open=everybody)
        if profile != own.state.profile:
            await self._change(
                lambda writer, _: set_profile(own.state, writer, profile, own.now()), renews=False
            )

    async def take_suite(self, floor: int) -> None:
        """Be sealed to by suite *floor* or a higher one only; raises as ``rotate``.

        For who knows the account a lower floor than before is a change of keys.

        Raises:
            Refused: A device of the account has no key of that suite yet.
        """
        own = self._own
        card = await own.store.keys.get(OwnKey.CARD)
        chosen = (
            choose_epochs(own.state, Card.decode(card.reveal()).epochs, own.now(), 0)
            if card
            else []
        )
        able = {device.device_id for device in chosen if device.suite >= floor}
        if floor > 1 and able != {device.id for device in own.state.active}:
            raise Refused(
                "not every device of this account has such a key yet: try again when each of them"
                " was on the network within a week"
            )
        profile = replace(own.state.profile, suite_floor=floor)
        if profile != own.state.profile:
            await self._change(
                lambda writer, _: set_profile(own.state, writer, profile, own.now()), renews=False
            )

    async def give_receipts(self, *, given: bool) -> None:
        """Sign for mail of accepted contacts that is stored here, or do not; raises as ``rotate``."""
        own = self._own
        profile = replace(own.state.profile, receipts=given)
        if profile != own.state.profile:
            await self._change(
                lambda writer, _: set_profile(own.state, writer, profile, own.now()), renews=False
            )
        if not given:
            # Crash before this: asked for again, what is still owed goes
            await own.store.receipts.forget_owed()

    async def _change(
        self, made: Callable[[Writer, SigningKey], bytes], *, renews: bool = True
    ) -> None:
        """Write the entry that *made* returns; *renews*: with the identity key that it brings."""
        async with self._turn:
            await self._finish()
            own = self._own
            seed = await own.store.keys.get(OwnKey.IDENTITY)
            if seed is None:
                raise Refused("this device does not hold the identity key")
            renewed = SigningKey.generate()
            writer = Writer(own.device_id, own.signing_key.reveal(), SigningKey(seed.reveal()))
            change = _Change(made(writer, renewed), Secret(bytes(renewed)) if renews else seed)
            # Crash before this: nothing happened.  After it: the next start goes on with it.
            await own.store.keys.put(OwnKey.CHANGE, change.encode())
            await self._finish()

    async def finish(self) -> None:
        """Go on with what is under way, if anything is; raises as ``rotate``."""
        async with self._turn:
            await self._finish()

    async def _finish(self) -> None:
        own = self._own
        kept = await own.store.keys.get(OwnKey.CHANGE)
        if kept is None:
            return
        change = _Change.decode(kept)
        try:
            octets = await self._home.append_passport(change.entry)
        except (Refused, Untrusted):
            # it does not follow what the server holds, and never will
            await own.store.keys.drop(OwnKey.CHANGE)
            raise
        # Crash here: the server holds the entry; it is given the same one again.
        failpoint.reach("appended")
        entries = [*await own.store.passport.entries(), change.entry]
        card = Card.decode(octets)
        if card.address != own.address or card.entries != tuple(entries):
            raise Untrusted(
                "own-card", "the home server gives out another passport for this address"
            )
        state = verify_chain(entries, now=own.now())
        await own.store.passport.add(
            state.seq,
            change.entry,
            {OwnKey.IDENTITY: change.identity.reveal(), OwnKey.CARD: octets},
            lost_at=int(own.now()) if set(own.state.active) - set(state.active) else None,
        )
        own.state = state
        own.take_card(octets)
        log.info("passport_changed", seq=state.seq)
