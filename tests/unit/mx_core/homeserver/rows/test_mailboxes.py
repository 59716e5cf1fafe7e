"""Rows of mailboxes: what arrives is given to each device, and deleted once."""

from __future__ import annotations

from typing import Any

import pytest

from mx_core.homeserver.mailboxes import appending, deliveries
from mx_core.homeserver.mailboxes.deliveries import Notice
from mx_core.homeserver.people.accounts import Member
from mx_core.homeserver.queue import outgoing, taking
from mx_core.homeserver.queue.retry import Relayed
from mx_core.homeserver.queue.taking import Taken
from mx_core.homeserver.storage import bodies
from mx_core.homeserver.storage.bodies import BlobMissing, Body
from tests.support.queue_rows import (
    BLOB,
    DAY,
    NOW,
    PLACE,
    A,
    B,
    Do,
    arrive,
    envelope_of,
    leaving_of,
    register,
    sequences,
)


# ── arriving ─────────────────────────────────────────────────────────────────────────
def test_an_envelope_arrives_once_even_after_it_was_deleted(do: Do[Any], bob: Member) -> None:
    assert do(lambda tx: arrive(tx, bob, envelope_of(b"1"))) is True
    assert do(lambda tx: arrive(tx, bob, envelope_of(b"1"))) is False
    for device in (A, B):
        do(lambda tx, d=device: deliveries.acknowledge(tx, bob.mailbox_id, d, [1], NOW))  # type: ignore[misc]  # bound now

    assert do(lambda tx: arrive(tx, bob, envelope_of(b"1"))) is False
    assert do(lambda tx: sequences(tx, bob, A)) == []


def test_mailboxes_are_found_by_their_addresses_and_held_in_the_order_of_their_numbers(
    do: Do[Any], bob: Member
) -> None:
    others = [do(lambda tx, n=n: register(tx, f"p{n}@b.example", [A])) for n in range(3)]  # type: ignore[misc]  # bound now
    asked = ["p2@b.example", "nobody@b.example", "bob@b.example", "p0@b.example"]

    found = do(lambda tx: appending.boxes(tx, asked))

    numbers = [box.mailbox_id for box in found.values()]
    assert numbers == [each.mailbox_id for each in (bob, others[0], others[2])]
    assert [*found] == ["bob@b.example", "p0@b.example", "p2@b.example"]
    if do(lambda tx: tx.dialect.name) != "sqlite":
        text = appending._BOXES.server._text
        plan = do(lambda tx: tx.exec_driver_sql(f"EXPLAIN {text}", (asked,)).scalars().all())
        assert any("mailbox_address_key" in line for line in plan)  # and nobody else is looked at
        assert not any("Sort" in line or "Filter" in line for line in plan)


def test_a_tombstone_outlives_deliver_by_for_a_day(do: Do[Any], bob: Member) -> None:
    do(lambda tx: arrive(tx, bob, envelope_of(b"1")))

    assert do(lambda tx: deliveries.forget_tombstones(tx, NOW + 2 * DAY)) == 0
    assert do(lambda tx: deliveries.forget_tombstones(tx, NOW + 2 * DAY + 1)) == 1


def test_every_device_gets_an_envelope_and_the_last_ack_deletes_it(
    do: Do[Any], bob: Member
) -> None:
    for name in (b"1", b"2"):
        do(lambda tx, n=name: arrive(tx, bob, envelope_of(n)))  # type: ignore[misc]  # bound now

    assert do(lambda tx: deliveries.acknowledge(tx, bob.mailbox_id, A, [1], NOW)) == 0
    assert do(lambda tx: sequences(tx, bob, A)) == [2]
    assert do(lambda tx: sequences(tx, bob, B)) == [1, 2]
    assert do(lambda tx: deliveries.acknowledge(tx, bob.mailbox_id, B, [1, 1, 99], NOW)) == 1
    assert do(lambda tx: sequences(tx, bob, B)) == [2]


def test_a_notice_reaches_only_the_device_that_submitted(do: Do[Any], bob: Member) -> None:
    do(lambda tx: appending.notify(tx, [(bob.mailbox_id, Notice(A, b"x", True, "2.0.0", ""))]))

    assert do(lambda tx: sequences(tx, bob, A)) == [1]
    assert do(lambda tx: sequences(tx, bob, B)) == []
    assert do(lambda tx: deliveries.acknowledge(tx, bob.mailbox_id, B, [1], NOW)) == 0
    assert do(lambda tx: deliveries.acknowledge(tx, bob.mailbox_id, A, [1], NOW)) == 1


def test_nobody_acks_for_another_mailbox(do: Do[Any], bob: Member) -> None:
    eve = do(lambda tx: register(tx, "eve@b.example", [B]))
    do(lambda tx: arrive(tx, bob, envelope_of(b"1")))

    do(lambda tx: deliveries.acknowledge(tx, eve.mailbox_id, B, [1], NOW))

    assert do(lambda tx: sequences(tx, bob, B)) == [1]


def test_a_device_asleep_for_sixty_days_is_not_waited_for(do: Do[Any], bob: Member) -> None:
    do(lambda tx: arrive(tx, bob, envelope_of(b"1")))
    later = NOW + 61 * DAY

    assert do(lambda tx: deliveries.acknowledge(tx, bob.mailbox_id, A, [1], later)) == 1


def test_a_sequence_is_never_used_again(do: Do[Any], bob: Member) -> None:
    do(lambda tx: arrive(tx, bob, envelope_of(b"1")))
    for device in (A, B):
        do(lambda tx, d=device: deliveries.acknowledge(tx, bob.mailbox_id, d, [1], NOW))  # type: ignore[misc]  # bound now
    do(lambda tx: arrive(tx, bob, envelope_of(b"2")))

    assert do(lambda tx: sequences(tx, bob, A)) == [2]


# ── bodies in files ──────────────────────────────────────────────────────────────────
def test_a_row_is_never_made_without_the_blob_that_it_names(do: Do[Any], bob: Member) -> None:
    body = Body(None, BLOB, 10)

    with pytest.raises(BlobMissing):
        do(lambda tx: arrive(tx, bob, envelope_of(b"1", body)))
    assert do(lambda tx: taking.submit(tx, [leaving_of(bob, b"1", body)])) == [Taken.NO_BODY]

    # and the failure is not remembered as an arrival, or as a submission
    do(lambda tx: bodies.add(tx, BLOB, 10, PLACE, NOW))
    assert do(lambda tx: arrive(tx, bob, envelope_of(b"1", body))) is True
    assert do(lambda tx: taking.submit(tx, [leaving_of(bob, b"1", body)])) == [Taken.NEW]


def test_a_blob_goes_when_its_last_row_is_gone_for_an_hour(do: Do[Any], bob: Member) -> None:
    body = Body(None, BLOB, 10)
    do(lambda tx: bodies.add(tx, BLOB, 10, PLACE, NOW))
    do(lambda tx: arrive(tx, bob, envelope_of(b"1", body)))
    do(lambda tx: taking.submit(tx, [leaving_of(bob, b"2", body)]))
    for device in (A, B):
        do(lambda tx, d=device: deliveries.acknowledge(tx, bob.mailbox_id, d, [1], NOW))  # type: ignore[misc]  # bound now

    assert do(lambda tx: bodies.forget_unused(tx, NOW + DAY, 9)) == []
    leaving = leaving_of(bob, b"2", body)
    do(lambda tx: outgoing.record(tx, [(leaving, Relayed(), 0.0)], NOW))
    assert do(lambda tx: bodies.forget_unused(tx, NOW, 9)) == []
    assert do(lambda tx: bodies.forget_unused(tx, NOW + 1, 9)) == [PLACE]


def test_a_mailbox_may_fetch_only_what_waits_for_it(do: Do[Any], bob: Member) -> None:
    eve = do(lambda tx: register(tx, "eve@b.example", [B]))
    do(lambda tx: bodies.add(tx, BLOB, 10, PLACE, NOW))
    do(lambda tx: arrive(tx, bob, envelope_of(b"1", Body(None, BLOB, 10))))

    assert do(lambda tx: deliveries.holds_blob(tx, bob.mailbox_id, BLOB)) == 10
    assert do(lambda tx: deliveries.holds_blob(tx, eve.mailbox_id, BLOB)) is None
