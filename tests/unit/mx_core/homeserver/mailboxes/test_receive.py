"""Items become a person's in one commit, or are answered with the reason why not."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest

from mx_core.db.database import Database
from mx_core.homeserver.config import Rates
from mx_core.homeserver.mailboxes import appending, deliveries
from mx_core.homeserver.mailboxes.accept import Sizes
from mx_core.homeserver.mailboxes.arrivals import Arrivals
from mx_core.homeserver.mailboxes.deliveries import Envelope
from mx_core.homeserver.mailboxes.receive import Receiver
from mx_core.homeserver.people import doorway
from mx_core.homeserver.people.accounts import Member
from mx_core.homeserver.schema import BLOB, DELIVERY, SEEN
from mx_core.homeserver.storage.bodies import Body
from mx_core.homeserver.storage.room import Room
from mx_core.passport.op import Profile
from mx_core.proto.federation_pb2 import (
    ACCEPTED,
    DEFERRED,
    DUPLICATE,
    EXPIRED,
    NOT_AVAILABLE,
    POSTAGE,
    RATE_LIMITED,
    TOO_LARGE,
    WHOLE,
    BlobRef,
    Item,
)
from tests.support.body_store import body_store
from tests.support.home_rows import DEVICE, EVERYTHING, add_member, admitting

pytestmark = pytest.mark.anyio

SIZES = Sizes(envelope=64 * 1024, inline_body=256 * 1024, blob=1 << 20)


@pytest.fixture
def bob(database: Database) -> Member:
    return add_member(database, "bob@b.example")


def _receiver(
    database: Database,
    folder: Path,
    *,
    floor: int = 1,
    mailbox_octets: int = 1 << 30,
    arrivals: Arrivals | None = None,
    rates: Rates = EVERYTHING,
) -> Receiver:
    room = Room(folder, floor)
    blobs = body_store(folder, database)
    return Receiver(
        database,
        blobs,
        arrivals or Arrivals(),
        domain="b.example",
        sizes=SIZES,
        mailbox_octets=mailbox_octets,
        admitting=admitting(database, "b.example", rates),
        room=room,
        now=time.time,
    )


def _item(**changes: Any) -> Item:
    fields: dict[str, Any] = {
        "route": b"bob@b.example",
        "envelope": b"MXE1" + os.urandom(40),
        "body": b"MXB1" + os.urandom(100),
        "deliver_by": int(time.time()) + 86_400,
    }
    return Item(**{**fields, **changes})


async def _statuses(receiver: Receiver, *items: Item) -> list[int]:
    return [reply.status for reply in await receiver.take("a.example", items)]


@pytest.mark.usefixtures("bob")
async def test_each_item_has_its_own_answer_in_order(database: Database, tmp_path: Path) -> None:
    item = _item()
    missing = BlobRef(id=bytes(32), size=10)

    statuses = await _statuses(
        _receiver(database, tmp_path),
        *(item, item, _item(route=b"x@b.example"), _item(route=b"bob@c.example")),
        *(_item(envelope=b"MXE1" + bytes(70_000)), _item(body=b"", body_ref=missing), _item()),
    )

    assert statuses == [
        *(ACCEPTED, DUPLICATE, NOT_AVAILABLE, NOT_AVAILABLE, TOO_LARGE, WHOLE, ACCEPTED)
    ]


@pytest.mark.usefixtures("bob")
async def test_a_body_that_a_contact_brought_and_that_was_swept_is_put_again(
    database: Database, tmp_path: Path
) -> None:
    missing = _item(body=b"", body_ref=BlobRef(id=bytes(32), size=10), token=bytes(24))

    assert await _statuses(_receiver(database, tmp_path), missing) == [DEFERRED]


async def test_a_strangers_larger_body_is_named_and_stays_where_it_is(
    database: Database, bob: Member, tmp_path: Path
) -> None:
    _asks_for(database, bob, 0)
    receiver = _receiver(database, tmp_path, rates=Rates(), mailbox_octets=1_000)
    named = _item(body=b"", body_ref=BlobRef(id=b"n" * 32, size=90_000))

    brought, *replies = await receiver.take(
        "a.example", [_item(body=b"MXB1" + bytes(4_093)), named, named, _item()]
    )

    assert brought.status == TOO_LARGE
    assert [(reply.status, reply.body_stays) for reply in replies] == [
        *((ACCEPTED, True), (DUPLICATE, True), (ACCEPTED, False))
    ]
    rows = await database.read(lambda tx: deliveries.waiting(tx, bob.mailbox_id, DEVICE, 0, 10))
    first = rows[0].what
    assert isinstance(first, Envelope)
    assert (first.body_stays, first.body) == (True, Body(None, b"n" * 32, 90_000))
    assert (
        await database.read(lambda tx: deliveries.holds_blob(tx, bob.mailbox_id, b"n" * 32)) is None
    )
    await database.write(
        lambda tx: deliveries.acknowledge(
            tx, bob.mailbox_id, DEVICE, [row.sequence for row in rows], 1
        )
    )
    assert await database.read(lambda tx: tx.execute(BLOB.select()).all()) == []
    boxes = await database.read(lambda tx: appending.boxes(tx, [bob.address]))
    assert boxes[bob.address].held_octets == 0


async def test_a_body_that_fits_the_wire_and_not_the_row_becomes_a_file(
    database: Database, bob: Member, tmp_path: Path
) -> None:
    body = b"MXB1" + os.urandom(100_000)

    assert await _statuses(_receiver(database, tmp_path), _item(body=body)) == [ACCEPTED]

    [row] = await database.read(lambda tx: deliveries.waiting(tx, bob.mailbox_id, DEVICE, 0, 10))
    assert isinstance(row.what, Envelope)
    assert row.what.body.blob_id is not None
    assert row.what.body.size == len(body)


@pytest.mark.usefixtures("bob")
async def test_a_disk_that_is_nearly_full_defers(database: Database, tmp_path: Path) -> None:
    receiver = _receiver(database, tmp_path, floor=1 << 62)

    [reply] = await receiver.take("a.example", [_item()])

    assert (reply.status, reply.retry_after) == (DEFERRED, 3_600)


@pytest.mark.usefixtures("bob")
async def test_a_mailbox_that_is_full_defers(database: Database, tmp_path: Path) -> None:
    receiver = _receiver(database, tmp_path, mailbox_octets=260)

    assert await _statuses(receiver, _item(), _item(), _item()) == [ACCEPTED, ACCEPTED, DEFERRED]


@pytest.mark.usefixtures("bob")
async def test_what_is_refused_and_comes_again_at_once_is_refused_again(
    database: Database, tmp_path: Path
) -> None:
    """It is nowhere: DUPLICATE would have its sender forget it."""
    receiver = _receiver(database, tmp_path, mailbox_octets=100)
    item = _item()

    assert await _statuses(receiver, item, item) == [DEFERRED, DEFERRED]
    both = await asyncio.gather(_statuses(receiver, item), _statuses(receiver, item))
    assert [*both] == [[DEFERRED], [DEFERRED]]


@pytest.mark.usefixtures("bob")
async def test_batches_that_come_at_once_share_a_transaction_and_each_has_its_answers(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    transactions: list[int] = []
    write = database.write

    async def counted(*what: Any) -> Any:
        transactions.append(1)
        return await write(*what)

    monkeypatch.setattr(database, "write", counted)
    receiver = _receiver(database, tmp_path)
    again, nobody = _item(), _item(route=b"x@b.example")
    batches = [[again], [_item(), nobody], [nobody, again, _item()], [again]]

    found = await asyncio.gather(*(_statuses(receiver, *batch) for batch in batches))

    assert found == [
        [ACCEPTED],
        [ACCEPTED, NOT_AVAILABLE],
        [NOT_AVAILABLE, DUPLICATE, ACCEPTED],
        [DUPLICATE],
    ]
    assert len(transactions) < len(batches)


async def test_a_domain_that_brings_too_much_for_one_mailbox_is_asked_to_come_later(
    database: Database, bob: Member, tmp_path: Path
) -> None:
    for member in (bob, add_member(database, "carol@b.example")):
        _asks_for(database, member, 0)
    receiver = _receiver(database, tmp_path, rates=Rates(stranger_burst=2))
    items = [_item(), _item(), _item()]

    assert await _statuses(receiver, *items) == [ACCEPTED, ACCEPTED, RATE_LIMITED]
    assert await _statuses(receiver, items[0], items[2]) == [DUPLICATE, RATE_LIMITED]
    assert await _statuses(receiver, _item(route=b"carol@b.example")) == [ACCEPTED]
    [reply] = await receiver.take("c.example", [_item()])
    assert reply.status == ACCEPTED


def _asks_for(database: Database, member: Member, bits: int) -> None:
    profile = Profile(postage_bits=bits)
    database.write_at_start(lambda tx: doorway.take_profile(tx, member.mailbox_id, profile))


async def test_what_is_not_let_in_leaves_neither_row_nor_file(
    database: Database, bob: Member, tmp_path: Path
) -> None:
    receiver = _receiver(database, tmp_path, rates=Rates())
    large = _item(body=b"MXB1" + os.urandom(100_000))

    [asked] = await receiver.take("a.example", [large])

    assert (asked.status, asked.postage_bits) == (POSTAGE, 20)
    assert [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()] == []
    for table in (SEEN, DELIVERY):
        assert await database.read(lambda tx, table=table: tx.execute(table.select()).all()) == []  # type: ignore[misc]  # bound now
    _asks_for(database, bob, 0)
    assert await _statuses(receiver, large, _item()) == [TOO_LARGE, ACCEPTED]


async def test_what_was_let_in_before_is_known_whatever_is_asked_now(
    database: Database, bob: Member, tmp_path: Path
) -> None:
    _asks_for(database, bob, 0)
    receiver, item = _receiver(database, tmp_path, rates=Rates()), _item()
    assert await _statuses(receiver, item) == [ACCEPTED]

    _asks_for(database, bob, 20)

    assert await _statuses(receiver, item, _item()) == [DUPLICATE, POSTAGE]


@pytest.mark.usefixtures("bob")
async def test_what_was_taken_before_is_never_refused_for_its_date_or_a_limit(
    database: Database, tmp_path: Path
) -> None:
    """Or a lost answer would become a false report of failure."""
    item = _item()
    assert await _statuses(_receiver(database, tmp_path), item) == [ACCEPTED]

    full = _receiver(database, tmp_path, mailbox_octets=1, floor=1 << 62)
    assert await _statuses(full, item, _item()) == [DUPLICATE, DEFERRED]
    item.deliver_by = int(time.time()) - 1
    assert await _statuses(full, item, _item(deliver_by=1)) == [DUPLICATE, EXPIRED]


async def test_streams_are_woken_before_the_sender_is_answered(
    database: Database, bob: Member, tmp_path: Path
) -> None:
    arrivals = Arrivals()
    receiver = _receiver(database, tmp_path, arrivals=arrivals)
    with arrivals.listen(bob.mailbox_id) as mine, arrivals.listen(bob.mailbox_id + 1) as other:
        await receiver.take("a.example", [_item(), _item()])

        assert mine.is_set()
        assert not other.is_set()
