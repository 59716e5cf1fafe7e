"""What domains have said of single people, held against what they say now: histories, keys, entries.

Nobody is asked for because of it but the own home server, for what it has witnessed.  What contradicts itself is evidence: kept, and told once in a
letter.  Spec/transparency §9.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog
from msgspec import Struct
from msgspec.structs import replace

from gateway.watching.alarms import Alarms
from mx_core.directory.evidence import UNLOGGED_SECONDS, Evidence, Kind
from mx_core.directory.proving import WatchedLog
from mx_core.discovery.document import SignedDocument
from mx_core.discovery.finder import Domain
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.errors import MailError, Untrusted
from mx_core.notation import cbor
from mx_core.passport.binding import Attestation, Binding
from mx_core.passport.card import Card
from mx_core.passport.entry import decode_chain
from mx_core.passport.epoch import verify_epoch
from mx_core.passport.shape import array, octets
from mx_core.passport.state import State
from mx_core.store.own.setting import CarrierState
from mx_core.tlog.log_proof import LogProof, Seen
from mx_core.trust.pin import Pin

log = structlog.get_logger()

_CARRIER: Final = "native"
_SUSPECTS: Final = "unlogged"
_SUSPECTS_MAX: Final = 100
_NOBODY: Final = cbor.encode([])
_FORGET_SECONDS: Final = 30 * 86_400
_LOOK_SECONDS: Final = 3_600.0
_KEPT_MAX: Final = 1_000  # in memory

# the server document of whoever watches logs for this account, if there is one
WitnessDocument = Callable[[], Awaitable[SignedDocument | None]]
# a checkpoint that they cosigned, of a tree that the given one goes on from, and the proof of that
WitnessedBefore = Callable[[Domain, Seen], Awaitable[tuple[bytes, list[bytes]] | None]]


class _Shown(Struct, frozen=True):
    """What was believed of one address: the attestation of its state, its devices' newest epochs."""

    attestation: bytes = b""
    epochs: tuple[bytes, ...] = ()

    def encode(self) -> bytes:
        return cbor.encode([self.attestation, list(self.epochs)])

    @classmethod
    def decode(cls, kept: bytes | None) -> _Shown:
        match cbor.decode(kept) if kept else None:
            case [bytes(attestation), [*epochs]]:
                return cls(attestation, tuple(one for one in epochs if isinstance(one, bytes)))
            case _:
                return cls()


class PeopleWatch:
    """See the module."""

    def __init__(
        self,
        state: CarrierState,
        alarms: Alarms,
        witness: WitnessDocument,
        witnessed: WitnessedBefore,
        now: Now,
    ) -> None:
        """Nothing is read before it is asked for."""
        self._state = state
        self._alarms = alarms
        self._witness = witness
        self._witnessed = witnessed
        self._now = now
        self._kept: dict[Address, _Shown] = {}  # what the store holds; written here alone
        self._suspected: dict[Address, bytes] | None = None  # likewise

    async def saw(self, domain: Domain, address: Address, card: Card, state: State) -> None:
        """Remember what a card said that proved itself; its epochs may be left out.

        Raises:
            Untrusted: ``cloned-device``: a key of a device has another one's number.
        """
        known = await self._shown(address)
        said = _attested(card.attestation).binding
        before = _attested(known.attestation).binding if known.attestation else None
        if before is not None and before.pid != said.pid:
            known, before = _Shown(), None
        older = _believed(known.epochs, state)
        epochs = await self._one_each(domain, address, card, state, older)
        newest = {device: (device, n) for device, n in sorted({**older, **epochs})}
        now_shown = _Shown(
            known.attestation if before and before.seq >= said.seq else card.attestation,
            tuple({**older, **epochs}[place] for place in newest.values()),
        )
        if now_shown != known:
            # Crash before this: the next card is remembered instead, and nothing is held against it.
            await self._keep(address, now_shown)
        await self._cleared(address)

    async def forget(self, address: Address) -> None:
        """Hold nothing against what is shown from now on: the person has accepted it."""
        if await self._shown(address) != _Shown():
            await self._keep(address, _Shown())
        await self._cleared(address)

    # ── kind 1 ───────────────────────────────────────────────────────────────────────
    async def forked(self, domain: Domain, address: Address, card: Card, chain: bytes) -> None:
        """Keep evidence if *card*, which was refused, tells another history than was attested.

        *chain* is the one that was verified before, or b"".
        """
        known = await self._shown(address)
        if not known.attestation:
            return
        mine, theirs = cbor.decode(known.attestation), cbor.decode(card.attestation)
        older, newer = (_attested(one).binding for one in (known.attestation, card.attestation))
        items: tuple[cbor.Value, ...] = (mine, theirs)
        if older.seq < newer.seq:
            items = (mine, theirs, [cbor.decode(entry) for entry in card.entries])
        elif older.seq > newer.seq:
            items = (theirs, mine, _entries(chain))
        about = f"{address} {min(older.seq, newer.seq)}"
        await self._found(Kind.FORK, domain, items, about, str(address))

    # ── kind 3 ───────────────────────────────────────────────────────────────────────
    async def unlogged(
        self, domain: Domain, watched: WatchedLog, address: Address, card: Card, pin: Pin | None
    ) -> None:
        """Remember that the log does not hold what is attested; evidence, if it was so for two days."""
        attestation = _attested(card.attestation)
        said = attestation.binding
        for logged in _candidates(address, pin, said):
            try:
                proof = replace(LogProof.decode(card.log_proof or b""), consistency=())
                shown = proof.verify(watched.keys, address, logged or None, None).seen
            except Untrusted:
                continue
            first = await self._first(address, card.attestation)
            if self._now() < _attested(first).issued + UNLOGGED_SECONDS:
                return
            seen = await self._seen_by_a_witness(domain, shown)
            items: tuple[cbor.Value, ...] = (cbor.decode(first), proof.encode(), logged, seen)
            await self._found(
                Kind.UNLOGGED, domain, items, f"{address} {said.seq}", str(address), watched
            )
            await self._cleared(address)
            return

    async def _seen_by_a_witness(self, domain: Domain, shown: Seen) -> list[cbor.Value]:
        """Return what dates the tree *shown* by another's signature, as far as there is any."""
        witness = await self._witness()
        if witness is None:
            return []
        before = await self._witnessed(domain, shown)
        more: list[cbor.Value] = [] if before is None else [before[0], list(before[1])]
        return [witness.octets, witness.signature, *more]

    async def run(self, look: Callable[[Address], Awaitable[object]]) -> None:
        """Ask again, by *look*, for whom two days have passed since somebody wanted to write to them."""
        while True:
            for address, attestation in (await self._suspects()).items():
                age = self._now() - _attested(attestation).issued
                if age > UNLOGGED_SECONDS:
                    try:
                        await look(address)
                    except MailError as error:
                        log.info("suspect_looked_at", why=type(error).__name__)
                if age > _FORGET_SECONDS:
                    await self._cleared(address)
            await asyncio.sleep(_LOOK_SECONDS)

    # ── kind 4 ───────────────────────────────────────────────────────────────────────
    async def own(
        self, domain: Domain, address: Address, card: Card, state: State, mine: Sequence[bytes]
    ) -> None:
        """Hold the own *card* against the epochs that this device has signed.

        Raises:
            Untrusted: ``cloned-device``: somebody else signs with its key.
        """
        await self._one_each(domain, address, card, state, _believed(mine, state))

    async def _one_each(
        self,
        domain: Domain,
        address: Address,
        card: Card,
        state: State,
        older: dict[tuple[bytes, int], bytes],
    ) -> dict[tuple[bytes, int], bytes]:
        """Return the epochs of *card*; none has the number of another one in *older*."""
        epochs = _believed(card.epochs, state)
        for place, signed in epochs.items():
            if older.get(place, signed) != signed:
                await self._cloned(domain, address, card, place, (older[place], signed))
        return epochs

    async def _cloned(
        self,
        domain: Domain,
        address: Address,
        card: Card,
        place: tuple[bytes, int],
        two: tuple[bytes, bytes],
    ) -> None:
        items: tuple[cbor.Value, ...] = (
            [cbor.decode(entry) for entry in card.entries],
            *(cbor.decode(one) for one in two),
        )
        about = f"{address} {place[0].hex()} {place[1]}"
        await self._found(Kind.CLONED_DEVICE, domain, items, about, str(address))
        raise Untrusted(
            "cloned-device",
            f"a device of {address} exists twice: it signed two keys as one; a letter about it is"
            " in your INBOX",
        )

    # ── inside ───────────────────────────────────────────────────────────────────────
    async def _found(
        self,
        kind: Kind,
        domain: Domain,
        items: tuple[cbor.Value, ...],
        about: str,
        whom: str,
        watched: WatchedLog | None = None,
    ) -> None:
        """Tell of it and keep it, if it shows what it says."""
        signed = domain.signed
        evidence = Evidence(kind, domain.name, items, signed.octets, signed.signature)
        try:
            evidence.verify(domain.keys, None if watched is None else watched.keys)
        except Untrusted:
            return
        if await self._alarms.of_person(evidence, about, whom):
            log.warning("evidence_kept", kind=kind.name, domain=domain.name)

    async def _shown(self, address: Address) -> _Shown:
        if address not in self._kept:
            kept = await self._state.get(_CARRIER, f"shown {address}")
            if len(self._kept) >= _KEPT_MAX:
                self._kept.clear()
            self._kept[address] = _Shown.decode(kept)
        return self._kept[address]

    async def _keep(self, address: Address, shown: _Shown) -> None:
        await self._state.put(_CARRIER, f"shown {address}", shown.encode())
        self._kept[address] = shown

    async def _suspects(self) -> dict[Address, bytes]:
        """Return whom the log did not hold as attested, with the attestation that came first."""
        if self._suspected is None:
            pairs = cbor.decode(await self._state.get(_CARRIER, _SUSPECTS) or _NOBODY)
            self._suspected = dict(_pair(one) for one in array(pairs, _SUSPECTS))
        return dict(self._suspected)

    async def _first(self, address: Address, attestation: bytes) -> bytes:
        """Return the first attestation of what *attestation* says; remembered if it is this one."""
        known = await self._suspects()
        first = known.get(address)
        if first is not None and _attested(first).binding == _attested(attestation).binding:
            return first
        known[address] = attestation
        await self._keep_suspects(dict(list(known.items())[-_SUSPECTS_MAX:]))
        return attestation

    async def _cleared(self, address: Address) -> None:
        known = await self._suspects()
        if known.pop(address, None) is not None:
            await self._keep_suspects(known)

    async def _keep_suspects(self, suspects: dict[Address, bytes]) -> None:
        pairs: list[cbor.Value] = [[str(address), one] for address, one in suspects.items()]
        await self._state.put(_CARRIER, _SUSPECTS, cbor.encode(pairs))
        self._suspected = suspects


def _candidates(address: Address, pin: Pin | None, said: Binding) -> list[bytes]:
    """Return what the log may hold instead: nothing, or the state that is remembered."""
    if pin is None or pin.pid != said.pid or pin.seq >= said.seq:
        return [b""]
    return [b"", Binding(address, pin.pid, pin.seq, pin.head).encode()]


def _attested(attestation: bytes) -> Attestation:
    return Attestation.read(cbor.decode(attestation))


def _believed(epochs: Sequence[bytes], state: State) -> dict[tuple[bytes, int], bytes]:
    """Return those that devices of *state* have really signed, by device and number."""
    found: dict[tuple[bytes, int], bytes] = {}
    for signed in epochs:
        try:
            epoch = verify_epoch(signed, state)
        except Untrusted:
            continue
        found[epoch.device_id, epoch.n] = signed
    return found


def _entries(chain: bytes) -> list[cbor.Value]:
    try:
        return [one.value() for one in decode_chain(chain)]
    except Untrusted:
        return []


def _pair(value: cbor.Value) -> tuple[Address, bytes]:
    address, attestation = array(value, _SUSPECTS, 2)
    return Address.parse(str(address)), octets(attestation, _SUSPECTS)
