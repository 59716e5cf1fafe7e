"""Rows of people: addresses, devices."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from mx_core.homeserver.mailboxes import appending, deliveries
from mx_core.homeserver.mailboxes.deliveries import Notice
from mx_core.homeserver.people import accounts, doorway
from mx_core.homeserver.people.accounts import Member, NewDevice, NewEpoch
from mx_core.model.errors import Refused
from tests.support.queue_rows import (
    NOW,
    A,
    B,
    Do,
    arrive,
    envelope_of,
    held_by,
    register,
    sequences,
)


@pytest.mark.usefixtures("bob")
def test_an_address_has_one_owner(do: Do[Member]) -> None:
    with pytest.raises(Refused, match="taken"):
        do(lambda tx: register(tx, "bob@b.example", [A]))


def test_tags_are_found_for_many_tokens_at_once_each_in_its_place(do: Do[Any], bob: Member) -> None:
    eve = do(lambda tx: register(tx, "eve@b.example", [A]))
    tags = [bytes([n]) * 32 for n in range(1, 5)]
    alike = tags[0][:31] + b"\x00"  # begins as the first of them
    for member, some in ((bob, [alike, *tags]), (eve, tags[2:])):
        do(lambda tx, m=member, s=some: doorway.replace_tags(tx, m.mailbox_id, s, 9))  # type: ignore[misc]  # bound now
    box, other = bob.mailbox_id, eve.mailbox_id

    asked = [(other, tags[0]), (box, tags[3]), (box, tags[0]), (other, tags[3]), (box, bytes(24))]
    found = do(lambda tx: doorway.hinted(tx, [(at, tag[:24]) for at, tag in asked]))

    assert [sorted(each) for each in found] == [[], [tags[3]], [alike, tags[0]], [tags[3]], []]
    assert do(lambda tx: doorway.hinted(tx, [])) == []


def test_a_device_has_two_epochs_at_most_and_numbers_only_grow(do: Do[Any], bob: Member) -> None:
    for n in (2, 3):
        do(lambda tx, n=n: accounts.put_epoch(tx, bob.mailbox_id, NewEpoch(A, n, b"new %d" % n)))  # type: ignore[misc]  # bound now

    assert do(lambda tx: accounts.epochs(tx, bob.mailbox_id)) == [b"new 2", b"new 3", B + b" 1"]
    do(lambda tx: accounts.put_epoch(tx, bob.mailbox_id, NewEpoch(A, 3, b"new 3")))  # again: fine
    with pytest.raises(Refused, match="epoch 3"):
        do(lambda tx: accounts.put_epoch(tx, bob.mailbox_id, NewEpoch(A, 3, b"other")))
    with pytest.raises(Refused, match="epoch 1"):
        do(lambda tx: accounts.put_epoch(tx, bob.mailbox_id, NewEpoch(A, 1, b"older")))


def test_a_device_that_is_gone_takes_its_acks_notices_and_epochs_along(
    do: Do[Any], bob: Member
) -> None:
    do(lambda tx: arrive(tx, bob, envelope_of(b"1")))
    do(lambda tx: appending.notify(tx, [(bob.mailbox_id, Notice(B, b"x", True, "2.0.0", ""))]))
    do(lambda tx: deliveries.acknowledge(tx, bob.mailbox_id, A, [1], NOW))

    def remove(tx: sa.Connection) -> None:
        gone = accounts.append_entry(
            tx,
            bob.mailbox_id,
            seq=1,
            signed_entry=b"entry 1",
            active=[NewDevice(A, A * 2)],
            now=NOW,
        )
        assert gone == {B}
        deliveries.forget_device(tx, bob.mailbox_id, B, NOW)

    do(remove)

    # the one device left has acked, so the envelope went with the removal
    assert do(lambda tx: sequences(tx, bob, A)) == []
    assert do(lambda tx: held_by(tx, bob)) == 0
    assert do(lambda tx: accounts.device_key(tx, bob.mailbox_id, B)) is None
    assert do(lambda tx: accounts.epochs(tx, bob.mailbox_id)) == [A + b" 1"]
