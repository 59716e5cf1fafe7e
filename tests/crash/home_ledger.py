"""A home server's rooms at work, writing down what they promised; and the audit of that ledger.

The rooms are those of ``mx-home`` over its own database and blobs, without the network.  Each
line is ``begin`` or ``did``, what, and numbers; an item's octets follow from its number.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import structlog

from mx_core.db import log_file
from mx_core.db.database import Database
from mx_core.db.transactions import Transactions
from mx_core.homeserver.bounds.rating import Rating
from mx_core.homeserver.config import Rates
from mx_core.homeserver.doors.device_sessions import Session
from mx_core.homeserver.mailboxes import deliveries
from mx_core.homeserver.mailboxes.accept import Sizes
from mx_core.homeserver.mailboxes.arrivals import Arrivals
from mx_core.homeserver.mailboxes.deliveries import Envelope
from mx_core.homeserver.mailboxes.receive import Receiver
from mx_core.homeserver.opening import open_database
from mx_core.homeserver.people import accounts
from mx_core.homeserver.people.accounts import Member
from mx_core.homeserver.queue.submit import Submitter
from mx_core.homeserver.schema import BLOB, DELIVERY, MAILBOX, OUTGOING
from mx_core.homeserver.storage import bodies
from mx_core.homeserver.storage.blobs import BlobStore
from mx_core.homeserver.storage.room import Room
from mx_core.model.errors import Corrupt, MailError
from mx_core.notation.hashing import b2_plain
from mx_core.proto.federation_pb2 import ACCEPTED, DEFERRED, DUPLICATE, Item
from tests.support.body_store import body_store
from tests.support.home_rows import DEVICE, add_member, admitting
from tests.support.power_cut import Run, say

BOB = "bob@b.example"
SIZES = Sizes(envelope=64 * 1024, inline_body=256 * 1024, blob=1 << 20)
LARGE_EVERY = 7
MOST = 1_000_000  # changes of each kind in one life: it is cut off long before
EX_IOERR = 74
WHAT = ("take", "ack", "submit")


class _Nobody:
    """Stands for the dispatcher: nothing leaves, so what was submitted must wait."""

    def announce(self, destination: str) -> None:
        pass


def item_of(number: int, recipient: str = BOB) -> Item:
    """Return the item of that number; its date is the same in every process of a sweep."""
    length = 90_000 if number % LARGE_EVERY == 0 else 40 + number % 900
    return Item(
        route=recipient.encode(),
        envelope=b"MXE1" + number.to_bytes(4) + hashlib.shake_128(b"%d" % number).digest(200),
        body=b"MXB1" + hashlib.shake_128(f"body {number}".encode()).digest(length),
        deliver_by=int(time.time()) + 86_400,
    )


def number_of(envelope: bytes) -> int:
    return int.from_bytes(envelope[4:8])


@dataclass
class Rooms:
    """What ``mx-home`` would wire."""

    database: Transactions
    blobs: BlobStore
    receiver: Receiver
    submitter: Submitter
    mailbox_id: int

    @classmethod
    def open(cls, live: Path) -> Rooms:
        database = open_database(live)
        found = database.write_at_start(lambda tx: accounts.by_address(tx, BOB))
        rooms = cls.over(database, live, found or add_member(database, BOB))
        asyncio.run(rooms.blobs.recover())
        return rooms

    @classmethod
    def over(cls, database: Transactions, live: Path, bob: Member) -> Rooms:
        room = Room(live, 1)
        blobs = body_store(live, database)
        receiver = Receiver(
            database,
            blobs,
            Arrivals(),
            domain="b.example",
            sizes=SIZES,
            mailbox_octets=1 << 40,
            admitting=admitting(database, "b.example"),
            room=room,
            now=time.time,
        )
        submitter = Submitter(
            database,
            blobs,
            _Nobody(),  # type: ignore[arg-type]  # all that is asked of it
            sizes=SIZES,
            outgoing_items=1 << 20,
            rating=Rating("c.example", Rates(exempt=("*",)), time.monotonic),
            room=room,
            now=time.time,
        )
        return cls(database, blobs, receiver, submitter, bob.mailbox_id)

    async def submit(self, number: int) -> int:
        session = Session(self.mailbox_id, DEVICE, int(time.time()) + 3_600)
        reply = await self.submitter.submit(session, item_of(number, "carol@c.example"))
        return reply.status


# ── at work, in a process that will be cut off ───────────────────────────────────────
def work(live: Path, arguments: dict[str, Any]) -> int:
    """Take batches, take submissions and ack, at once, until the end or the cut."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    log_file.ROUND_OCTETS = arguments.get("round_octets", log_file.ROUND_OCTETS)  # type: ignore[misc]  # final but here
    try:
        rooms = Rooms.open(live)
    except MailError as error:
        say("refused", "open", type(error).__name__)
        return EX_IOERR
    if level := arguments.get("synchronous"):
        assert isinstance(rooms.database, Database)
        rooms.database._writer._raw.execute(f"PRAGMA synchronous = {level}")
    status = asyncio.run(_work(rooms, arguments["first"], arguments.get("most", MOST)))
    if not arguments.get("leave_open"):
        _close(rooms)
    return status


async def _work(rooms: Rooms, first: int, most: int) -> int:
    async def take(number: int) -> None:
        batch = range(number, number + 1 + number // 4 % 4)
        for each in batch:
            say("begin", "take", each)
        replies = await rooms.receiver.take("a.example", [item_of(each) for each in batch])
        for each, reply in zip(batch, replies, strict=True):
            if reply.status == DEFERRED:
                say("refused", "take", "DEFERRED")
                continue
            assert reply.status in {ACCEPTED, DUPLICATE}
            say("did", "take", each)

    async def acknowledge(_: int) -> None:
        waiting = await rooms.database.read(
            lambda tx: deliveries.waiting(tx, rooms.mailbox_id, DEVICE, 0, 3)
        )
        if not waiting:
            return
        row = waiting[-1]
        assert isinstance(row.what, Envelope)
        number = number_of(row.what.envelope)
        say("begin", "ack", number)
        await rooms.database.write(
            lambda tx: deliveries.acknowledge(
                tx, rooms.mailbox_id, DEVICE, [row.sequence], int(time.time())
            )
        )
        say("did", "ack", number)

    async def submit(number: int) -> None:
        say("begin", "submit", number)
        assert await rooms.submit(number) in {ACCEPTED, DUPLICATE}
        say("did", "submit", number)

    async def each(change: Any) -> None:
        for step in range(most):
            try:
                await change(first + 4 * step)
            except Corrupt as error:
                say("refused", change.__name__, type(error).__name__)
                raise
            except MailError as error:
                say("refused", change.__name__, type(error).__name__)

    outcomes = await asyncio.gather(
        each(take), each(acknowledge), each(submit), return_exceptions=True
    )
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, Corrupt):
            raise outcome
    return EX_IOERR if any(outcomes) else 0


# ── the audit ────────────────────────────────────────────────────────────────────────
@dataclass
class Ledger:
    """What was begun and what was promised, over all lives of one disk."""

    begun: dict[str, set[int]] = field(default_factory=lambda: {what: set() for what in WHAT})
    did: dict[str, set[int]] = field(default_factory=lambda: {what: set() for what in WHAT})
    sequences: dict[int, int] = field(default_factory=dict)  # number → as it was once seen

    def add(self, run: Run) -> int:
        """Write a life down; return how many promises it made."""
        for what, number in run.said("begin"):
            self.begun[what].add(int(number))
        for what, number in run.said("did"):
            self.did[what].add(int(number))
        return len(run.said("did"))

    @property
    def next_number(self) -> int:
        numbers = self.begun["take"] | self.begun["submit"]
        return 4 * (max(numbers, default=0) // 4 + 1)

    def is_lost(self, live: Path) -> bool:
        """Tell whether a promise was broken; for the controls, where one must be."""
        try:
            self.audit(live)
        except (AssertionError, MailError):
            return True
        return False

    def audit(self, live: Path) -> None:
        """Open the database as it is after the cut and compare; raises AssertionError."""
        rooms = Rooms.open(live)
        try:
            asyncio.run(self._audit_file(rooms))
            asyncio.run(self.audit_rooms(rooms, live / "blobs"))
        finally:
            _close(rooms)

    async def _audit_file(self, rooms: Rooms) -> None:
        checked = await rooms.database.read(
            lambda tx: tx.exec_driver_sql("PRAGMA quick_check").scalar()
        )
        assert checked == "ok"

    async def audit_rooms(self, rooms: Rooms, blobs: Path) -> None:
        """Compare what the rooms hold now with what was promised."""
        await self._audit_counters(rooms, files_in(blobs))
        await self._audit_deliveries(rooms)
        await self._audit_outgoing(rooms)
        # a peer and a gateway ask again for what they got no answer to
        for number in sorted(self.begun["take"]):
            [reply] = await rooms.receiver.take("a.example", [item_of(number)])
            if number in self.did["take"]:
                assert reply.status == DUPLICATE, f"{number} was forgotten"
            assert reply.status in {ACCEPTED, DUPLICATE}
            self.did["take"].add(number)
        for number in sorted(self.begun["submit"]):
            status = await rooms.submit(number)
            if number in self.did["submit"]:
                assert status == DUPLICATE, f"{number} was forgotten"
            self.did["submit"].add(number)
        await self._audit_deliveries(rooms)
        await self._audit_outgoing(rooms)
        await self._audit_counters(rooms, files_in(blobs))

    async def _audit_deliveries(self, rooms: Rooms) -> None:
        rows = await rooms.database.read(
            lambda tx: deliveries.waiting(tx, rooms.mailbox_id, DEVICE, 0, 1 << 20)
        )
        there: Counter[int] = Counter()
        for row in rows:
            assert isinstance(row.what, Envelope)
            number = number_of(row.what.envelope)
            there[number] += 1
            assert row.what.envelope == item_of(number).envelope
            assert await _octets(rooms, row.what.body) == item_of(number).body
            # a sequence names one item for ever; devices ack by it
            assert self.sequences.setdefault(number, row.sequence) == row.sequence
        assert max(there.values(), default=0) <= 1, "an envelope is there twice"
        assert len(set(self.sequences.values())) == len(self.sequences)
        must = self.did["take"] - self.begun["ack"]
        assert must <= there.keys(), f"lost: {sorted(must - there.keys())}"
        may = self.begun["take"] - self.did["ack"]
        assert there.keys() <= may, f"given again after its ack: {sorted(there.keys() - may)}"

    async def _audit_outgoing(self, rooms: Rooms) -> None:
        rows = await rooms.database.read(
            lambda tx: tx.execute(sa.select(OUTGOING)).mappings().all()
        )
        there = Counter(number_of(row["envelope"]) for row in rows)
        assert max(there.values(), default=0) <= 1
        assert self.did["submit"] <= there.keys() <= self.begun["submit"], "a submission is lost"
        for row in rows:
            item = item_of(number_of(row["envelope"]))
            body = bodies.Body.stored(row["body"], row["blob_id"], row["blob_size"])
            assert row["env_id"] == b2_plain(item.envelope)
            assert await _octets(rooms, body) == item.body

    async def _audit_counters(self, rooms: Rooms, files: set[str]) -> None:
        def look(tx: sa.Connection) -> None:
            held = tx.execute(sa.select(MAILBOX.c.held_octets)).scalar_one()
            summed = tx.execute(sa.select(sa.func.coalesce(sa.func.sum(DELIVERY.c.octets), 0)))
            assert held == summed.scalar_one(), "the octets held are miscounted"
            uses: Counter[bytes] = Counter()
            for table in (DELIVERY, OUTGOING):
                uses.update(b for b in tx.execute(sa.select(table.c.blob_id)).scalars() if b)
            for blob_id, count in tx.execute(sa.select(BLOB.c.blob_id, BLOB.c.uses)):
                assert uses.pop(blob_id, 0) == count, "the uses of a blob are miscounted"
            assert not uses, "a row names a blob that is not known"

        await rooms.database.read(look)
        named = await rooms.database.read(bodies.known)
        missing = named - files
        assert not missing, f"a row names a file that is not there: {sorted(missing)}"
        # over a shared database such a file goes a day later
        kept = len(files) - len(named)
        assert kept == 0 or rooms.database.shared, "a file that no row names was kept"


def _close(rooms: Rooms) -> None:
    assert isinstance(rooms.database, Database)
    rooms.database.close()


def files_in(blobs: Path) -> set[str]:
    return {f"{path.parent.name}/{path.name}" for path in blobs.glob("??/*")}


async def _octets(rooms: Rooms, body: bodies.Body) -> bytes:
    return body.inline if body.inline is not None else await rooms.blobs.read(body)
