"""A move to another domain: made here with the sheet, registered there, then told to the old home.

The entry is durable before the new home server hears of it, and the account lives at the old
address until the new one has confirmed it.  The old domain is not needed: it may be gone, or
hostile.  Identity §7, spec/client §11.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog
from nacl.signing import SigningKey

from gateway.own.asking import until_answered
from gateway.own.identity import OwnIdentity
from gateway.own.old_homes import OldHome, OldHomes
from mx_core.carriers.native import registration
from mx_core.db import failpoint
from mx_core.discovery.finder import Domain
from mx_core.model.address import Address
from mx_core.model.errors import Refused, StoreDamaged, Untrusted
from mx_core.model.secret import Secret
from mx_core.notation import cbor
from mx_core.passport.card import Card
from mx_core.passport.chain import extend, verify_chain
from mx_core.passport.entry import SignedEntry
from mx_core.passport.epoch import Epoch, SignedEpoch
from mx_core.passport.make import Writer, move
from mx_core.passport.op import Move
from mx_core.recovery.sheet import Sheet
from mx_core.store.own.keys import OwnKey

log = structlog.get_logger()

_EPOCHS_GIVEN: Final = 2  # of one device, spec/client §4


class Register(Protocol):
    """``registration.register``, or what stands for a home server in a test."""

    async def __call__(
        self,
        domain: Domain,
        *,
        invite: str,
        signed_entry: bytes,
        signed_epochs: Sequence[bytes],
        now: float,
        earlier: Sequence[bytes] = (),
    ) -> bytes:
        """Return the card that the new home server gives."""


@dataclass(frozen=True, slots=True)
class _Move:
    """A move under way; *invite* is of the new domain."""

    entry: bytes
    invite: str

    def encode(self) -> Secret[bytes]:
        """Return what the store keeps."""
        return Secret(cbor.encode([self.entry, self.invite]))

    @classmethod
    def decode(cls, octets: Secret[bytes]) -> _Move:
        """Return what the store kept."""
        match cbor.decode(octets.reveal()):
            case [bytes() as entry, str() as invite]:
                return cls(entry, invite)
            case _:
                raise StoreDamaged("a move under way cannot be read")


class Moving:
    """See the module.  One move at a time."""

    def __init__(
        self,
        own: OwnIdentity,
        old_homes: OldHomes,
        find: Callable[[str], Awaitable[Domain]],
        register: Register = registration.register,
        not_taken: Callable[[Address, str], Awaitable[None]] | None = None,
    ) -> None:
        """Nothing is asked before ``begin`` or ``run``.

        *not_taken* tells the person, who waits no more, where they have not moved to, and why.
        """
        self._not_taken = not_taken
        self.done = asyncio.Event()  # the account lives elsewhere: it is to be opened anew
        self._own = own
        self._old_homes = old_homes
        self._find = find
        self._register = register
        self._turn = asyncio.Lock()

    async def run(self) -> None:
        """Finish what an earlier run left under way, and end."""
        there = await self.under_way()
        refused = await until_answered(self.finish)
        if refused is not None:
            log.warning("move_refused", why=type(refused).__name__)
            if self._not_taken is not None and there is not None:
                # Crash before this: the account lives where it did, and says nothing of it.
                await self._not_taken(there, str(refused))

    async def begin(self, to: Address, invite: str, words: str) -> None:
        """Move the account to *to*, by an *invite* of that domain and the *words* of the sheet.

        Raises:
            Refused: It can not move there, or the new domain does not take it; nothing has changed.
            Unavailable: It is under way, and goes on as soon as the new home server answers.
            Untrusted: The new domain does not prove itself, or holds another passport.
        """
        own, there = self._own, to.canonical()
        if there.domain == own.address.domain:
            raise Refused("a move leads to another domain; here, register a new account")
        sheet = Sheet.read(words)
        if bytes(sheet.key.verify_key) != own.state.recovery_pk:
            raise Refused(f"these are not the words of the present sheet of {own.address}")
        await self._find(there.domain)  # before anything is written
        async with self._turn:
            seed = await own.store.keys.get(OwnKey.IDENTITY)
            if seed is None:
                raise Refused("this device does not hold the identity key")
            if await own.store.keys.get(OwnKey.CHANGE) is not None:
                raise Refused("another change of this passport is under way: try again later")
            if await own.store.keys.get(OwnKey.MOVE) is None:
                writer = Writer(own.device_id, own.signing_key.reveal(), SigningKey(seed.reveal()))
                entry = move(own.state, writer, there, sheet.key, own.now())
                # Crash before this: nothing happened.  After it: the next start goes on with it.
                await own.store.keys.put(OwnKey.MOVE, _Move(entry, invite).encode())
            await self._finish()

    async def under_way(self) -> Address | None:
        """Return where the account is about to live: its move goes on until it is told otherwise."""
        kept = await self._own.store.keys.get(OwnKey.MOVE)
        if kept is None:
            return None
        ops = SignedEntry.decode(_Move.decode(kept).entry).entry.ops
        return next((op.address for op in ops if isinstance(op, Move)), None)

    async def finish(self) -> None:
        """Go on with what is under way, if anything is; raises as ``begin``."""
        async with self._turn:
            await self._finish()

    async def _finish(self) -> None:
        own = self._own
        kept = await own.store.keys.get(OwnKey.MOVE)
        if kept is None:
            return
        under_way = _Move.decode(kept)
        entries = await own.store.passport.entries()
        try:
            state = extend(verify_chain(entries, now=own.now()), under_way.entry, own.now())
            card = await self._register(
                await self._find(state.address.domain),
                invite=under_way.invite,
                signed_entry=under_way.entry,
                signed_epochs=await self._epochs(),
                now=own.now(),
                earlier=entries,
            )
        except (Refused, Untrusted):
            # the new domain will never take it; the account lives where it did
            await own.store.keys.drop(OwnKey.MOVE)
            raise
        # Crash here: the new home server has it; it is given the same entry again.
        failpoint.reach("moved")
        shown = Card.decode(card)
        if shown.address != state.address or shown.entries != (*entries, under_way.entry):
            raise Untrusted("own-card", "the new home server gives out another passport")
        # Crash before this: as above.  After it: a home that is still the own one is not followed.
        await self._old_homes.leave(OldHome(own.address, under_way.entry, int(own.now())))
        # Crash before this: as above.  After it: the account lives there.
        await own.store.passport.add(state.seq, under_way.entry, {OwnKey.CARD: card})
        log.info("account_moved", seq=state.seq)
        self.done.set()

    async def _epochs(self) -> Sequence[bytes]:
        """Return what all devices of the account have published, as far as it is known here."""
        own, found = self._own, dict[tuple[bytes, int], bytes]()
        card = await own.store.keys.get(OwnKey.CARD)
        others = () if card is None else Card.decode(card.reveal()).epochs
        mine = [one.statement for one in await own.store.keys.epochs()]
        for signed in (*others, *mine):
            epoch = Epoch.decode(SignedEpoch.read(cbor.decode(signed)).epoch_octets)
            found[epoch.device_id, epoch.n] = signed
        newest: dict[bytes, list[bytes]] = {}
        for (device, _), signed in sorted(found.items()):
            newest.setdefault(device, []).append(signed)
        return [one for each in newest.values() for one in each[-_EPOCHS_GIVEN:]]
