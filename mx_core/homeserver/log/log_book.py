"""The log of this domain as it runs: Bindings that wait become leaves, and leaves become proofs.

Two steps, so that a name's VRF proof (a millisecond) holds up no commit: the Binding waits in
the commit that makes it, and the book takes what waits, in order, within two seconds, most often at
once.  What is shown is only what is durable.  Hashes and map are kept in memory and made again
from the leaves at each start.  Several processes of one domain may add: of two batches for one
place the database takes one, and the other process follows and tries again.  Spec/transparency §6.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import sqlalchemy as sa
import structlog

from mx_core.db import failpoint
from mx_core.db.transactions import Transactions
from mx_core.homeserver.domain.role_keys import RoleKeys
from mx_core.homeserver.log import log_rows
from mx_core.homeserver.log.log_rows import Batch, Name, Record, Waiting
from mx_core.homeserver.mailboxes.holding import hold
from mx_core.homeserver.people import accounts
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.errors import BadConfiguration, StoreDamaged, Untrusted
from mx_core.passport import chain
from mx_core.passport.binding import Binding
from mx_core.tlog import label_map, merkle, vrf
from mx_core.tlog.checkpoint import Checkpoint, sign_checkpoint
from mx_core.tlog.growing import GrowingLog
from mx_core.tlog.label_map import Tree
from mx_core.tlog.leaf import BindingLeaf, alpha, commitment, label_of
from mx_core.tlog.log_proof import LogProof, origin_of

_log = structlog.get_logger()

_BATCH_MAX: Final = 1_024
_START_BATCH_MAX: Final = 256  # fewer holes between what stays, when a log begins with everybody
_LEAVES_AT_ONCE: Final = 65_536
_OPENING_OCTETS: Final = 32


@dataclass(frozen=True, slots=True)
class Published:
    """One state that may be shown: durable, and ended by the root of its map."""

    size: int
    map: Tree
    root_leaf: bytes
    note: bytes


class LogBook:
    """See the module.  On the event loop; one batch at a time."""

    def __init__(self, database: Transactions, domain: str, keys: RoleKeys, now: Now) -> None:
        """Read nothing before ``start``."""
        self.origin = origin_of(domain)
        self._database = database
        self._keys = keys
        self._now = now
        self._log = GrowingLog()
        self._published: Published | None = None
        self._turn = asyncio.Lock()  # covers the log while it is brought up to date
        self._under_way: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Read all leaves again, and log what waits; afterwards something is shown.

        Raises:
            BadConfiguration: The log was begun with other keys.
            StoreDamaged: A leaf cannot be read.
        """
        name = await self._database.read(log_rows.some_name)
        if name is not None and name != self._named(name.address):
            raise BadConfiguration("the log of this domain was begun with another roles.key")
        # a log that begins late starts with everybody who is there; a crash before the commit
        # leaves nothing, and after it they wait
        await self._database.write(partial(_enqueue_all, now=self._now()))
        await self._alone(partial(self._add_waiting, _START_BATCH_MAX))

    @property
    def published(self) -> Published:
        """Return what this process showed last."""
        if self._published is None:
            raise StoreDamaged("nothing is logged yet")
        return self._published

    async def current(self) -> Published:
        """Return what is shown now, by whichever process of the domain; raises Unavailable."""
        if self._database.shared:
            await self._alone(self._follow)
        return self.published

    async def flush(self) -> None:
        """Return when all that waited at the call is in the log.

        Raises:
            Unavailable: It could not be written down now; it still waits.
        """
        await self._alone(self._add_waiting)

    async def proof(self, address: str, binding: bytes, since: int) -> bytes:
        """Return the LogProof that *binding* is the newest of *address*; *since* as its reader says.

        Raises:
            Unavailable: It is not logged yet, and could not be now.
            StoreDamaged: The log holds another Binding.
        """
        for again in (True, False):
            shown = await self.current()
            parts = await self._database.read_few(partial(log_rows.proof_parts, address=address))
            shows = parts is not None and parts[1].leaf_index < shown.size
            if parts is not None and shows and parts[1].binding == binding:
                return self._proof(shown, *parts, since).encode()
            if again:
                await self.flush()
        raise StoreDamaged("the log holds another binding than the passport")

    async def history(self, address: str) -> list[Record]:
        """Return what was logged of *address*, with its openings: for its owner alone."""
        await self.flush()
        return await self._database.read(partial(log_rows.history, address=address))

    async def leaves(self, first: int, count: int) -> list[bytes]:
        """Return published leaves."""
        count = min(count, self.published.size - first)  # the caller has seen what is shown
        if count <= 0:
            return []
        return await self._database.read(partial(log_rows.leaves, first=first, count=count))

    def hashes(self, level: int, first: int, count: int) -> bytes | None:
        """Return hashes of complete subtrees of 2^level leaves, if all are published."""
        if (first + count) << level > self.published.size:
            return None
        return b"".join(self._log.node(level, first + at) for at in range(count))

    def consistency_between(self, older: int, newer: int) -> tuple[bytes, ...]:
        """Return the proof that a tree of *newer* leaves goes on from *older*; () from none."""
        if not 0 < older <= newer <= self.published.size:
            return ()
        return tuple(merkle.consistency(older, newer, self._log.node))

    def cosigned(self, size: int, note: bytes) -> None:
        """Show *note* from now on: the checkpoint of *size* with more signatures."""
        shown = self._published
        if shown is not None and shown.size == size:
            self._published = Published(size, shown.map, shown.root_leaf, note)

    # ── adding ───────────────────────────────────────────────────────────────────────
    async def _alone(self, what: Callable[[], Awaitable[None]]) -> None:
        """Do *what* in turn; a caller that goes away takes no half-added batch with it."""

        async def in_turn() -> None:
            async with self._turn:
                await what()

        task = asyncio.ensure_future(in_turn())
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        await asyncio.shield(task)

    async def _follow(self) -> None:
        """Read what is in the log and not in memory: at the start, and of other processes."""
        while leaves := await self._database.read(
            partial(log_rows.leaves, first=self._log.size, count=_LEAVES_AT_ONCE)
        ):
            before = self._log.size, self._log.map
            try:
                await asyncio.to_thread(self._log.follow, leaves)
            except Untrusted as error:
                self._log.rewind(*before)
                raise StoreDamaged("a leaf of the log cannot be read") from error
            if len(leaves) < _LEAVES_AT_ONCE:
                self._publish(leaves[-1])

    async def _add_waiting(self, at_once: int = _BATCH_MAX) -> None:
        await self._follow()
        while True:
            waits = await self._database.read(partial(log_rows.waiting, limit=at_once))
            if not waits and self._log.size:
                return
            addresses = {one.address for one in waits}
            known = await self._database.read(partial(log_rows.names, addresses=addresses))
            if not await self._add(waits, known):
                await self._follow()

    async def _add(self, waits: Sequence[Waiting], known: dict[str, Name]) -> bool:
        before = self._log.size, self._log.map
        try:
            batch = await asyncio.to_thread(self._batch, waits, known)
            added = await self._database.write(partial(log_rows.keep, batch=batch))
        except BaseException:
            self._log.rewind(*before)
            raise
        if not added:
            self._log.rewind(*before)
            return False
        # Crash here: the leaves are durable and nobody has seen them; they are shown at the
        # next start.  Crash before the commit: everything still waits.
        failpoint.reach("logged")
        self._publish(batch.leaves[-1])
        _log.info("log_extended", records=len(batch.records), size=self._log.size)
        return True

    def _batch(self, waits: Sequence[Waiting], known: dict[str, Name]) -> Batch:
        """Add to the log in memory; on a thread."""
        first = self._log.size
        labels = dict(known)
        versions: dict[bytes, int] = {}
        records, leaves = [], []
        for index, one in enumerate(waits, first):
            name = labels.get(one.address)
            if name is None:
                name = labels[one.address] = self._named(one.address)
            version = versions.get(name.label) or self._log.next_version(name.label)
            versions[name.label] = version + 1
            opening = secrets.token_bytes(_OPENING_OCTETS)
            records.append(Record(one.address, version, index, opening, one.binding))
            leaves.append(BindingLeaf(name.label, version, commitment(one.binding, opening)))
        return Batch(
            numbers=tuple(one.number for one in waits),
            names=tuple(name for address, name in labels.items() if address not in known),
            records=tuple(records),
            first=first,
            leaves=tuple(self._log.add(leaves)),
        )

    def _named(self, address: str) -> Name:
        proved = vrf.prove(self._keys.vrf.reveal(), alpha(Address.parse(address)))
        return Name(address, label_of(proved.output), proved.proof)

    def _publish(self, root_leaf: bytes) -> None:
        checkpoint = Checkpoint(self.origin, self._log.size, self._log.root())
        note = sign_checkpoint(checkpoint, self._keys.kt.reveal())
        self._published = Published(self._log.size, self._log.map, root_leaf, note)

    def _proof(self, shown: Published, name: Name, record: Record, since: int) -> LogProof:
        size, node = shown.size, self._log.node
        return LogProof(
            vrf_proof=name.vrf_proof,
            path=label_map.path_to(shown.map, name.label),
            root_leaf=shown.root_leaf,
            root_inclusion=tuple(merkle.inclusion(size - 1, size, node)),
            checkpoint=shown.note,
            consistency=self.consistency_between(since, size),
            opening=record.opening,
            inclusion=tuple(merkle.inclusion(record.leaf_index, size, node)),
        )


def _enqueue_all(tx: sa.Connection, now: float) -> None:
    if log_rows.has_begun(tx):
        return
    hold(tx, [member.mailbox_id for member, _, _ in accounts.members(tx)])
    if log_rows.waiting(tx, 1):  # another process that starts too was first
        return
    for address, entries in log_rows.chains(tx):
        state, here = None, Address.parse(address)
        for entry in entries:
            state = chain.extend(state, entry, now)
            if here == state.address or here in state.former:  # not where they lived before
                log_rows.enqueue(tx, address, Binding.of(state, here).encode())
