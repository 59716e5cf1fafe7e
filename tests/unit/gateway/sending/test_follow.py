"""What is held for an address whose person is known to have left it is tried again, by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from mx_core.model.address import Address
from mx_core.model.ids import QueueId
from mx_core.model.message import Submission
from mx_core.passport import make
from mx_core.store.outbox.reader import State
from tests.support.arriving import Room, arrival
from tests.support.people import NOW, make_person
from tests.support.sending import BOB, sending_account
from tests.support.stores import Clock, open_store

pytestmark = pytest.mark.anyio

CAROL = Address.parse("carol@b.example")
OLD, NEW = Address.parse("dora@a.example"), Address.parse("dora@c.example")


async def test_what_is_held_for_a_former_address_is_queued_and_nothing_else() -> None:
    async with sending_account(people=(BOB, CAROL)) as account:
        await account.know(BOB, CAROL)
        queue_id = QueueId(await account.submit(BOB, CAROL))
        for who in (BOB, CAROL):
            assert await account.store.outbox.hold(queue_id, who, "another passport")

        await account.outbound.follow([Address.parse("elsewhere@b.example")])
        none = [one.state for one in await account.store.outbox.unsettled()]
        await account.outbound.follow([BOB])
        states = {one.recipient: one.state for one in await account.store.outbox.unsettled()}

    assert none == [State.HELD, State.HELD]
    assert states == {BOB: State.QUEUED, CAROL: State.HELD}


async def test_a_letter_from_a_new_address_sets_free_what_is_held_for_the_old_one(
    tmp_path: Path,
) -> None:
    dora, clock = make_person(str(OLD)), Clock(NOW)
    store = open_store(tmp_path, clock)
    room = Room(store, make_person("bob@b.example"), clock)
    inbound = await room.inbound()
    await inbound.receive(arrival(1, dora, room.bob))
    bob = room.bob.address
    octets = f"From: {bob}\r\n\r\nhello\r\n".encode()
    held = await store.outbox.enqueue(Submission(bob, (OLD,), octets))
    assert await store.outbox.hold(held, OLD, "another passport")

    dora.entries.append(make.move(dora.state, dora.writer(), NEW, dora.recovery, NOW))
    dora.address = NEW
    await inbound.receive(arrival(2, dora, room.bob))

    item = await store.outbox.item(held, OLD)
    assert item is not None
    assert item.state is State.QUEUED
    store.close()
