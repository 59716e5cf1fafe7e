"""The owner's duty: read every new leaf of the own domain's log, and account for the own ones.

A lie that is told to everybody else in the same way is seen here, by the one who cannot be told it.
Identity §4.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import structlog
from msgspec import Struct, field
from msgspec.structs import replace

from gateway.own.identity import OwnIdentity
from gateway.watching.alarms import Alarms
from gateway.watching.domain_logs import DomainLogs
from gateway.watching.log_reading import LogReader, ReadLog
from mx_core.carriers.native.membership import LogRecord
from mx_core.directory.evidence import Evidence, ForeignVersion, Kind, is_of
from mx_core.discovery.finder import Domain, Finder
from mx_core.model.clock import Now
from mx_core.model.errors import MailError, Untrusted
from mx_core.notation import cbor
from mx_core.passport.binding import Binding
from mx_core.passport.card import Card
from mx_core.passport.chain import verify_chain
from mx_core.passport.state import State
from mx_core.store.own.setting import CarrierState
from mx_core.tlog import merkle, tile
from mx_core.tlog.checkpoint import Checkpoint
from mx_core.tlog.frontier import Frontier
from mx_core.tlog.leaf import BindingLeaf, commitment, parse_leaf
from mx_core.tlog.log_proof import LogProof, label_shown, origin_of
from mx_core.trust.log_memory import Told

log = structlog.get_logger()

_CARRIER: Final = "native"
_HOUR_SECONDS: Final = 3_600.0
_SUSPICION: Final = (
    "the record of your own domain holds a key in your name that is not yours; a letter about it"
    " is in your INBOX"
)
_CLONED: Final = (
    "somebody else signs keys as this device of yours; a letter about it is in your INBOX"
)


class HomeLog(Struct, frozen=True):
    """What the own home server tells of its log."""

    read: ReadLog
    records: Callable[[], Awaitable[list[LogRecord]]]
    card: Callable[[], Awaitable[bytes]]


class _Place(Struct, frozen=True):
    """How far the log was read, and the versions of this account that were accounted for."""

    frontier: Frontier = field(default_factory=Frontier)
    version: int = 0
    suspicion: str = ""

    def encode(self) -> bytes:
        return cbor.encode(
            [self.frontier.size, list(self.frontier.peaks), self.version, self.suspicion]
        )

    @classmethod
    def decode(cls, octets: bytes | None) -> _Place:
        match cbor.decode(octets) if octets else None:
            case [int(size), [*peaks], int(version), str(suspicion)]:
                hashes = tuple(one for one in peaks if isinstance(one, bytes))
                return cls(Frontier(size, hashes), version, suspicion)
            case _:
                return cls()


class LogWatch:
    """See the module.  One sync at a time."""

    def __init__(
        self,
        home: HomeLog,
        own: OwnIdentity,
        state: CarrierState,
        finder: Finder,
        logs: DomainLogs,
        alarms: Alarms,
        now: Now,
    ) -> None:
        """Nothing is asked before ``run`` or ``sync``."""
        self._home = home
        self._own = own
        self._state = state
        self._finder = finder
        self._logs = logs
        self._alarms = alarms
        self._now = now
        self._name = f"own log {own.address.domain}"
        self._wake = asyncio.Event()

    def hurry(self) -> None:
        """Look again: a sync was completed."""
        self._wake.set()

    async def run(self) -> None:
        """Look now, after each sync and each hour, for ever."""
        self._own.suspicion = await self.suspicion()
        while True:
            self._wake.clear()
            try:
                await self.sync()
            except MailError as error:
                log.info("own_log_not_read", why=type(error).__name__)
            try:
                async with asyncio.timeout(_HOUR_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def sync(self) -> None:
        """Read what is new and account for every version of this account.

        Raises:
            Unavailable: Later.
            Untrusted: The log contradicts itself, or does not show what it must.
        """
        domain = await self._finder.find(self._own.address.domain)
        if await self._logs.watched(domain) is None:
            return
        memory = await self._logs.memory(domain.name)
        if memory is None:
            return
        await self._own_epochs(domain)
        reader = LogReader(domain.name, memory.keys(domain.name), self._home.read)
        shown, note = await reader.checkpoint()
        place = await self._place()
        if shown.size == place.frontier.size and shown.root == place.frontier.root():
            return
        frontier, leaves = await self._new_leaves(reader, place.frontier, shown, memory.vrf)
        told = Told(shown.size, shown.root, domain.name, note)
        await self._logs.hear(origin_of(domain.name), told, domain.name)
        if frontier.root() != shown.root:
            raise Untrusted("own-log", "the log gives other leaves than it has signed for")
        version = await self._accounted(domain, reader, (shown, note), leaves, place)
        # Crash before this: the same leaves are read again.
        await self._keep(replace(place, frontier=frontier, version=version))

    async def _own_epochs(self, domain: Domain) -> None:
        """Hold what is given out as keys of this device against those that it made."""
        mine = [one.statement for one in await self._own.store.keys.epochs()]
        card = Card.decode(await self._home.card())
        try:
            await self._logs.people.own(domain, self._own.address, card, self._own.state, mine)
        except Untrusted:
            self._own.suspicion = _CLONED
            await self._keep(await self._place())
            raise

    async def suspicion(self) -> str:
        """Return why nothing is sent, as an earlier run left it; "" if all is well."""
        return (await self._place()).suspicion

    def is_of(self, domain: str) -> bool:
        """Tell whether the log of *domain* is the one that is watched here."""
        return domain == self._own.address.domain

    async def judged(self) -> None:
        """Send again: the person has judged."""
        self._own.suspicion = ""
        await self._keep(await self._place())

    # ── inside ───────────────────────────────────────────────────────────────────────
    async def _new_leaves(
        self, reader: LogReader, frontier: Frontier, shown: Checkpoint, vrf: bytes
    ) -> tuple[Frontier, list[tuple[int, BindingLeaf]]]:
        """Return the edge of the tree *shown*, and the new leaves of this account by index."""
        label = label_shown(vrf, self._own.address, (await self._proof()).vrf_proof)
        found: list[tuple[int, BindingLeaf]] = []
        async for entries in reader.entries(frontier.size, shown.size):
            for index, entry in enumerate(entries, frontier.size):
                leaf = parse_leaf(entry)
                if isinstance(leaf, BindingLeaf) and leaf.label == label:
                    found.append((index, leaf))
            frontier = frontier.grown(entries)
        return frontier, found

    async def _proof(self) -> LogProof:
        """Return the log proof of the own card: of it only what never changes is used."""
        card = Card.decode(self._own.proof)
        if card.log_proof is None:
            octets = await self._home.card()
            await self._own.keep_card(octets)
            card = Card.decode(octets)
        if card.log_proof is None:
            raise Untrusted("own-log", "the home server does not prove that the own key is logged")
        return LogProof.decode(card.log_proof)

    async def _accounted(
        self,
        domain: Domain,
        reader: LogReader,
        shown: tuple[Checkpoint, bytes],
        leaves: list[tuple[int, BindingLeaf]],
        place: _Place,
    ) -> int:
        """Return the newest version, once each is known to be of this account's own making."""
        if not leaves:
            return place.version
        opened = {one.version: one for one in await self._home.records()}
        state = await self._newest_state()
        version = place.version
        for index, leaf in leaves:
            record = opened.get(leaf.version)
            version += 1
            if leaf.version != version or record is None or not _is_own(state, leaf, record):
                await self._foreign(domain, reader, shown, (index, leaf), record)
        return version

    async def _newest_state(self) -> State:
        """Return the own passport, with what other own devices have added to it."""
        state = self._own.state
        entries = Card.decode(await self._home.card()).entries
        newer = verify_chain(entries, now=self._now())
        goes_on = newer.pid == state.pid and newer.seq >= state.seq
        return newer if goes_on and newer.heads[state.seq] == state.head else state

    async def _foreign(
        self,
        domain: Domain,
        reader: LogReader,
        shown: tuple[Checkpoint, bytes],
        found: tuple[int, BindingLeaf],
        record: LogRecord | None,
    ) -> None:
        (tree, note), (index, leaf) = shown, found
        make = partial(merkle.inclusion, index, tree.size)
        tiles = {
            (one.level or 0, one.index): tile.parse_tile(
                await reader.file(tile.tile_path(one.level or 0, one.index, one.width)), one.width
            )
            for one in tile.needed(tree.size, make)
        }
        opens = record is not None and _opens(leaf, record)
        item = ForeignVersion(
            address=self._own.address,
            entries=tuple(await self._own.store.passport.entries()),
            vrf_proof=(await self._proof()).vrf_proof,
            leaf=leaf.octets(),
            index=index,
            inclusion=tuple(make(tile.node_of(tiles))),
            checkpoint=note,
            opening=record.opening if record is not None and opens else b"",
            binding=record.binding if record is not None and opens else b"",
        )
        signed = domain.signed
        # Crash between the two: the leaf is found, and told of, once more.
        await self._alarms.foreign(
            Evidence(
                Kind.FOREIGN_VERSION,
                domain.name,
                (item.value(),),
                signed.octets,
                signed.signature,
            )
        )
        self._own.suspicion = _SUSPICION
        log.warning("foreign_version", version=leaf.version)

    async def _place(self) -> _Place:
        return _Place.decode(await self._state.get(_CARRIER, self._name))

    async def _keep(self, place: _Place) -> None:
        place = replace(place, suspicion=self._own.suspicion)
        await self._state.put(_CARRIER, self._name, place.encode())


def _opens(leaf: BindingLeaf, record: LogRecord) -> bool:
    try:
        return commitment(record.binding, record.opening) == leaf.commitment
    except Untrusted:
        return False


def _is_own(state: State, leaf: BindingLeaf, record: LogRecord) -> bool:
    try:
        return _opens(leaf, record) and is_of(state, Binding.decode(record.binding))
    except Untrusted:
        return False
