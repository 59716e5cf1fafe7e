"""Durable before yes; settled exactly once; nothing kept after."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from mx_core.carrier_port import Parcel
from mx_core.model.address import Address
from mx_core.model.errors import MessageGone
from mx_core.model.ids import EnvId
from mx_core.model.mailbox_name import INBOX
from mx_core.model.message import Submission
from mx_core.store.account_store import AccountStore
from mx_core.store.outbox.accept import Asked
from mx_core.store.outbox.reader import State
from mx_core.store.outbox.state import Report
from tests.support.stores import START, Clock, form_of, open_store

ALICE = Address("alice", "a.example")
BOB = Address("Bob+tag", "b.example")
CAROL = Address("carol", "c.example")
OCTETS = b"Subject: x\r\n\r\nhello\r\n"
LARGE = bytes(range(256)) * 1_200


def submission(octets: bytes = OCTETS) -> Submission:
    return Submission(ALICE, (BOB, CAROL), octets, hidden=frozenset({CAROL}))


def parcel(recipient: Address, mark: bytes = b"1", body: bytes = LARGE) -> Parcel:
    return Parcel(recipient, EnvId(mark * 32), b"envelope " + mark, body, START + 5 * 86400)


@pytest.mark.anyio
async def test_a_submission_is_due_at_once_for_each_recipient_in_order(store: AccountStore) -> None:
    queue_id = await store.outbox.enqueue(submission(), asked={CAROL: Asked(policy="relay")})

    bob, carol = await store.outbox.due(START, 10)

    assert (bob.recipient, bob.hidden, bob.policy, bob.state) == (
        BOB,
        False,
        "native",
        State.QUEUED,
    )
    assert (carol.recipient, carol.hidden, carol.policy) == (CAROL, True, "relay")
    assert bob.sender == ALICE
    assert len({bob.msg_id, carol.msg_id}) == 2
    assert len(bob.msg_id) == 16
    assert len(queue_id) == 20
    assert await store.outbox.octets(queue_id) == OCTETS


@pytest.mark.anyio
async def test_what_was_asked_postage_for_is_the_same_parcel_and_due_again(
    store: AccountStore,
) -> None:
    outbox = store.outbox
    queue_id = await outbox.enqueue(submission())
    first = parcel(BOB)
    assert await outbox.seal(queue_id, BOB, first)
    assert await outbox.sent(queue_id, BOB)

    assert await outbox.asked_for_postage(first.env_id, 20, START + 100)

    bob = next(item for item in await outbox.due(START, 10) if item.recipient == BOB)
    assert (bob.state, bob.next_at, bob.attempts) == (State.SEALED, START, 0)
    assert await outbox.parcel(queue_id, BOB) == replace(first, postage_bits=20)


@pytest.mark.anyio
async def test_asked_for_as_much_again_it_waits_and_counts(store: AccountStore) -> None:
    """The notice may have come twice, so it is no failure; and no peer makes us spin."""
    outbox = store.outbox
    queue_id = await outbox.enqueue(submission())
    first = parcel(BOB)
    await outbox.seal(queue_id, BOB, first)
    for bits in (20, 22):
        assert await outbox.asked_for_postage(first.env_id, bits, START + 100)
        assert await outbox.sent(queue_id, BOB)

    assert await outbox.asked_for_postage(first.env_id, 22, START + 100)

    bob = await outbox.item(queue_id, BOB)
    assert bob is not None
    assert (bob.state, bob.next_at, bob.attempts) == (State.SEALED, START + 100, 1)


@pytest.mark.anyio
async def test_an_envelope_that_was_sealed_anew_or_settled_is_paid_for_no_more(
    store: AccountStore,
) -> None:
    outbox = store.outbox
    queue_id = await outbox.enqueue(submission())
    old, new = parcel(BOB), parcel(BOB, b"2")
    await outbox.seal(queue_id, BOB, old)
    await outbox.seal(queue_id, BOB, new)
    assert not await outbox.asked_for_postage(old.env_id, 20, START)

    await outbox.sent(queue_id, BOB)
    await outbox.relayed(new.env_id)

    assert not await outbox.asked_for_postage(new.env_id, 20, START)


@pytest.mark.anyio
async def test_it_is_still_due_after_a_restart(tmp_path: Path) -> None:
    first = open_store(tmp_path)
    queue_id = await first.outbox.enqueue(submission(LARGE))
    before = await first.outbox.due(START, 10)
    first.close()

    again = open_store(tmp_path)
    assert await again.outbox.due(START, 10) == before
    assert await again.outbox.octets(queue_id) == LARGE
    again.close()


@pytest.mark.anyio
async def test_a_parcel_is_kept_as_sealed_until_everybody_is_settled(store: AccountStore) -> None:
    queue_id = await store.outbox.enqueue(submission())
    for_bob, for_carol = parcel(BOB, b"1"), parcel(CAROL, b"2")

    assert await store.outbox.seal(queue_id, BOB, for_bob)
    assert await store.outbox.seal(queue_id, CAROL, for_carol)
    assert await store.outbox.parcel(queue_id, BOB) == for_bob
    assert await store.outbox.parcel(queue_id, CAROL) == for_carol
    assert await store.outbox.sent(queue_id, BOB)
    assert [item.recipient for item in await store.outbox.due(START, 10)] == [CAROL]
    assert await store.outbox.relayed(for_bob.env_id)
    assert await store.outbox.octets(queue_id) == OCTETS
    assert await store.outbox.relayed(for_carol.env_id)

    assert await store.outbox.parcel(queue_id, BOB) is None
    with pytest.raises(MessageGone):
        await store.outbox.octets(queue_id)
    assert await store.outbox.unsettled() == []


@pytest.mark.anyio
async def test_recipients_share_one_sealed_body_on_the_disk(
    store: AccountStore, tmp_path: Path
) -> None:
    queue_id = await store.outbox.enqueue(submission())
    await store.outbox.seal(queue_id, BOB, parcel(BOB, b"1"))
    await store.outbox.seal(queue_id, CAROL, parcel(CAROL, b"2"))
    kept = len(list((tmp_path / "bodies").iterdir()))
    await store.outbox.relayed(EnvId(b"1" * 32))
    await store.outbox.relayed(EnvId(b"2" * 32))

    assert kept == 1
    assert list((tmp_path / "bodies").iterdir()) == []


@pytest.mark.anyio
async def test_a_transition_done_twice_changes_nothing(store: AccountStore) -> None:
    queue_id = await store.outbox.enqueue(submission())
    await store.outbox.seal(queue_id, BOB, parcel(BOB))

    assert await store.outbox.sent(queue_id, BOB)
    assert not await store.outbox.sent(queue_id, BOB)
    assert not await store.outbox.seal(queue_id, BOB, parcel(BOB, b"3"))
    assert await store.outbox.relayed(EnvId(b"1" * 32))
    assert not await store.outbox.relayed(EnvId(b"1" * 32))
    assert not await store.outbox.failed(queue_id, BOB, "late")
    assert not await store.outbox.defer(queue_id, BOB, START + 1, "late")
    assert not await store.outbox.relayed(EnvId(b"9" * 32))


@pytest.mark.anyio
async def test_a_failure_and_its_report_are_stored_once_together(store: AccountStore) -> None:
    queue_id = await store.outbox.enqueue(submission())
    report = Report(b"Subject: failed\r\n\r\n", form_of(b"Subject: failed\r\n\r\n"))

    assert await store.outbox.failed(queue_id, BOB, "no such user", status="5.1.1", report=report)
    assert not await store.outbox.failed(queue_id, BOB, "again", report=report)

    assert (await store.mail.read(lambda reader: reader.mailbox(INBOX))).messages == 1
    item = await store.outbox.item(queue_id, BOB)
    assert item is not None
    assert (item.state, item.reason, item.status) == (State.FAILED, "no such user", "5.1.1")


@pytest.mark.anyio
async def test_deferred_waits_for_time_and_held_for_a_person(store: AccountStore) -> None:
    queue_id = await store.outbox.enqueue(submission(), asked={CAROL: Asked(held="key changed")})

    assert await store.outbox.defer(queue_id, BOB, START + 300, "unreachable")
    assert await store.outbox.due(START + 299, 10) == []
    assert await store.outbox.next_due() == START + 300
    [bob] = await store.outbox.due(START + 300, 10)
    assert (bob.attempts, bob.reason) == (1, "unreachable")
    assert await store.outbox.hold(queue_id, BOB, "look at this")
    assert await store.outbox.due(START + 900, 10) == []
    assert await store.outbox.next_due() is None
    held = {item.recipient: item.reason for item in await store.outbox.unsettled()}
    assert held == {BOB: "look at this", CAROL: "key changed"}
    assert await store.outbox.release(queue_id, CAROL)
    assert [item.recipient for item in await store.outbox.due(START, 10)] == [CAROL]


@pytest.mark.anyio
async def test_what_the_network_says_is_found_by_any_envelope_ever_sealed(
    store: AccountStore,
) -> None:
    queue_id = await store.outbox.enqueue(submission())
    await store.outbox.seal(queue_id, BOB, parcel(BOB, b"1"))
    await store.outbox.seal(queue_id, BOB, parcel(BOB, b"2", b"sealed anew"))

    for mark in (b"1", b"2"):
        item = await store.outbox.by_env_id(EnvId(mark * 32))
        assert item is not None
        assert item.recipient == BOB
    sealed = await store.outbox.parcel(queue_id, BOB)
    assert sealed is not None
    assert sealed.body == b"sealed anew"
    assert await store.outbox.by_env_id(EnvId(b"3" * 32)) is None


@pytest.mark.anyio
async def test_settled_rows_are_forgotten_when_old_and_open_ones_never(tmp_path: Path) -> None:
    clock = Clock()
    store = open_store(tmp_path, clock)
    settled = await store.outbox.enqueue(submission())
    await store.outbox.failed(settled, BOB, "x")
    await store.outbox.failed(settled, CAROL, "x")
    waiting = await store.outbox.enqueue(submission())
    await store.outbox.forget_settled(START + 1)

    assert await store.outbox.item(settled, BOB) is None
    assert await store.outbox.item(waiting, BOB) is not None
    store.close()
