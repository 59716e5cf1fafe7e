"""The flow in, over a real store, with a carrier and a discovery that do as they are told."""

import asyncio
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from gateway.arriving.inbound import Inbound
from mx_core import carrier_port
from mx_core.envelope.ext import Ext, SignedReceipt
from mx_core.envelope.receipt import claimed
from mx_core.envelope.seal import env_id
from mx_core.envelope.statement import Kind
from mx_core.model.ids import MsgId
from mx_core.passport.op import Profile
from mx_core.trust.log_memory import LogMemory
from tests.support.arriving import Room, arrival, in_mailbox, running
from tests.support.door_mail import from_the_door
from tests.support.people import NOW, make_person


@pytest.mark.anyio
async def test_what_is_stored_is_acknowledged_and_what_comes_twice_is_stored_once(
    room: Room,
) -> None:
    first = arrival(1, make_person(), room.bob)
    room.carrier.gives = [
        first,
        carrier_port.Arrival(2, first.env_id, first.envelope, first.body, "x"),
    ]

    async def story(_: Inbound) -> None:
        while sorted(room.carrier.acknowledged) != [1, 2]:
            room.carrier.acked.clear()
            await room.carrier.acked.wait()

    await running(room, story)

    assert await room.inbox() == 1


@pytest.mark.anyio
async def test_after_an_interruption_mail_comes_over_a_new_connection_though_the_old_one_is_silent(
    room: Room,
) -> None:
    """A connection that was lost in sleep says nothing; a pause between two tries ends, too."""
    room.carrier.gives = [carrier_port.QueueEmpty()]

    async def story(inbound: Inbound) -> None:
        while not inbound.connected:
            await asyncio.sleep(0)
        room.carrier.gives = [arrival(1, make_person(), room.bob)]
        inbound.interrupted()
        await room.carrier.acked.wait()
        room.carrier.acked.clear()
        inbound.hurry = lambda: None  # type: ignore[method-assign]  # nothing else wakes it
        room.carrier.gives = [arrival(2, make_person(), room.bob, b"Subject: two\r\n\r\n")]
        inbound.interrupted()
        await room.carrier.acked.wait()

    await running(room, story)

    assert room.carrier.acknowledged == [1, 2]
    assert await room.inbox() == 2


@pytest.mark.anyio
async def test_mail_of_a_domain_that_cannot_be_found_waits_and_holds_up_nobody(
    room: Room,
) -> None:
    """It is kept as ciphertext, acknowledged, and stored once the domain can be judged."""
    room.discovery.answers = False
    room.carrier.gives = [arrival(1, make_person(), room.bob), carrier_port.QueueEmpty()]

    async def waits(_: Inbound) -> None:
        await room.carrier.acked.wait()

    await running(room, waits)
    assert room.carrier.acknowledged == [1]
    assert await room.inbox() == 0
    assert not await room.store.intake.is_empty()

    room.discovery.answers = True
    room.clock.at += 61
    room.carrier.gives = []

    async def arrives(_: Inbound) -> None:
        while not await room.store.intake.is_empty():
            await asyncio.sleep(0.01)

    room.bob.first.epochs.clear()  # the store holds them already
    await running(room, arrives)
    assert await room.inbox() == 1


@pytest.mark.anyio
async def test_mail_of_a_domain_in_doubt_is_kept_until_the_person_has_judged(room: Room) -> None:
    """Its log contradicts itself; the message may be good, and is not lost."""
    await room.store.carrier_state.put(
        "native", "log a.example", LogMemory(b"k" * 32, b"v" * 32, doubt="two faces").encode()
    )
    room.carrier.gives = [arrival(1, make_person(), room.bob)]

    async def waits(_: Inbound) -> None:
        await room.carrier.acked.wait()

    await running(room, waits)

    assert await room.inbox() == 0
    assert await room.store.inbox.refusals() == []
    assert not await room.store.intake.is_empty()


@pytest.mark.anyio
async def test_what_can_not_be_judged_for_five_days_is_refused(room: Room) -> None:
    room.discovery.answers = False
    envelope = arrival(1, make_person(), room.bob)
    await room.store.intake.keep(
        envelope.env_id, "a.example", envelope.envelope, envelope.body, NOW
    )
    await room.store.intake.put_off(envelope.env_id, NOW)
    room.clock.at += 5 * 86_400 + 1

    async def refused(_: Inbound) -> None:
        while not await room.store.intake.is_empty():
            await asyncio.sleep(0.01)

    await running(room, refused)

    assert [r.failure for r in await room.store.inbox.refusals()] == ["domain-unreachable"]
    assert await room.inbox() == 0


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("damage", "failure"),
    [
        (lambda a: (a.envelope[:-1] + bytes([a.envelope[-1] ^ 1]), a.body), "control"),
        (lambda a: (a.envelope, a.body[:-1] + bytes([a.body[-1] ^ 1])), "body-hash"),
        (lambda a: (b"MXE1" + a.envelope[4:40], a.body), "canonical"),
    ],
)
async def test_what_does_not_prove_itself_is_refused_acknowledged_and_never_shown(
    room: Room, damage: Callable[[carrier_port.Arrival], tuple[bytes, bytes]], failure: str
) -> None:
    good = arrival(1, make_person(), room.bob)
    envelope, body = damage(good)
    room.carrier.gives = [carrier_port.Arrival(1, env_id(envelope), envelope, body, "a.example")]

    async def story(_: Inbound) -> None:
        await room.carrier.acked.wait()

    await running(room, story)

    assert [r.failure for r in await room.store.inbox.refusals()] == [failure]
    assert await room.inbox() == 0
    assert room.carrier.acknowledged == [1]


@pytest.mark.anyio
async def test_what_was_sealed_to_another_device_does_not_hold_up_what_follows(
    room: Room,
) -> None:
    """It is noted, and acknowledged once its sender's server has heard of it."""
    stranger = make_person("carol@b.example")
    stranger.publish_epoch()
    alice = make_person()
    foreign = arrival(1, alice, stranger)
    room.carrier.gives = [foreign, arrival(2, alice, room.bob)]
    before: list[int] = []

    async def story(inbound: Inbound) -> None:
        while room.carrier.acknowledged != [2]:
            await asyncio.sleep(0.01)
        before.extend(room.carrier.acknowledged)
        inbound.acknowledge_said(foreign.env_id)
        inbound.acknowledge_said(foreign.env_id)
        while room.carrier.acknowledged != [2, 1]:
            await asyncio.sleep(0.01)

    await running(room, story)

    assert before == [2]
    assert await room.store.inbox.refusals() == []
    assert [one.env_id for one in await room.store.unreadable.due()] == [foreign.env_id]
    assert await room.inbox() == 1


@pytest.mark.anyio
async def test_a_stranger_stops_no_stream_with_envelopes_that_nobody_opens(room: Room) -> None:
    """Half a window waits until it is said; what comes beyond is acknowledged at once."""
    stranger = make_person("carol@b.example")
    stranger.publish_epoch()
    alice = make_person()
    foreign = [arrival(n, alice, stranger) for n in range(1, 41)]
    room.carrier.gives = [*foreign, arrival(41, alice, room.bob)]

    async def story(_: Inbound) -> None:
        while 41 not in room.carrier.acknowledged:
            await asyncio.sleep(0.01)

    await running(room, story)

    assert room.carrier.acknowledged == [*range(33, 41), 41]


@pytest.mark.anyio
async def test_mail_of_a_time_that_has_not_come_by_this_clock_is_kept_until_it_has(
    room: Room,
) -> None:
    room.clock.at -= 86_400
    room.carrier.gives = [arrival(1, make_person(), room.bob)]

    async def waits(_: Inbound) -> None:
        await room.carrier.acked.wait()

    await running(room, waits)
    before = (await room.inbox(), await room.store.inbox.refusals())
    room.clock.at += 86_400
    room.carrier.gives = []

    async def arrives(_: Inbound) -> None:
        while not await room.store.intake.is_empty():
            await asyncio.sleep(0.01)

    room.bob.first.epochs.clear()  # the store holds them already
    await running(room, arrives)

    assert before == (0, [])
    assert await room.inbox() == 1


@pytest.mark.anyio
async def test_what_the_door_sealed_goes_to_inbox_once_and_is_no_answer_to_be_guarded(
    room: Room,
) -> None:
    """A stranger's ordinary mail is no request, and its Message-ID is not one of encrypted mail."""
    text = b"Message-ID: <1@c.example>\r\nFrom: carol@c.example\r\n\r\nhello\r\n"
    sealed = [from_the_door(text, room.bob) for _ in range(2)]  # heard twice, with one msg_id
    inbound = await room.inbound()
    for number, (envelope, body) in enumerate(sealed):
        await inbound.receive(
            carrier_port.Arrival(number, env_id(envelope), envelope, body, "b.example")
        )

    [octets] = await in_mailbox(room, "INBOX")
    assert octets.startswith(b"MX-Status: 1; mail=ordinary; trust=none;")
    assert await in_mailbox(room, "Requests") == []
    assert not await room.store.policy.any_encrypted([b"1@c.example"])


@pytest.mark.anyio
async def test_a_letter_that_holds_receipts_alone_is_acknowledged_and_shown_nowhere(
    room: Room,
) -> None:
    """Whatever it claims; and mail that brings a shape which is no receipt is refused as before."""
    alice = make_person()
    receipt = SignedReceipt(b"no receipt", bytes(64))
    room.carrier.gives = [
        arrival(1, alice, room.bob, b"", kind=Kind.RECEIPT, ext=Ext(receipts=(receipt,)).encode()),
        arrival(2, alice, room.bob),
    ]

    async def story(_: Inbound) -> None:
        while sorted(room.carrier.acknowledged) != [1, 2]:
            room.carrier.acked.clear()
            await room.carrier.acked.wait()

    await running(room, story)

    assert await room.inbox() == 1
    assert await room.store.inbox.refusals() == []


@pytest.mark.anyio
@pytest.mark.parametrize("given", [False, True])
async def test_who_opted_in_owes_a_receipt_for_mail_of_a_contact_and_nobody_else_does(
    room: Room, given: bool
) -> None:
    alice = make_person()
    room.carrier.gives = [arrival(1, alice, room.bob)]
    inbound = await room.inbound()
    own = inbound._own
    own.state = replace(own.state, profile=Profile(receipts=given))
    await inbound.receive(arrival(1, alice, room.bob))

    owed = await room.store.receipts.owed_to(alice.pid)
    assert [claimed(each.receipt).msg_id for each in owed] == [MsgId(bytes([1]) * 16)] * given
