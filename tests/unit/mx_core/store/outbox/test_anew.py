"""What left is kept for a while, comes back once for each envelope, and goes in the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mx_core.mime.prepare import prepare
from mx_core.model.errors import MessageGone
from mx_core.model.flags import SEEN, Flag
from mx_core.model.ids import EnvId, QueueId
from mx_core.model.mailbox_name import INBOX, OUTBOX, MailboxName
from mx_core.store.account_store import AccountStore
from mx_core.store.fsck.check import check_store
from mx_core.store.outbox.anew import Anew
from mx_core.store.outbox.reader import State
from mx_core.store.outbox.state import Report
from tests.support.stores import START, STORE_KEY, Clock, memory_store, open_store
from tests.unit.mx_core.store.outbox.test_box import BOB, LARGE, OCTETS, SENT, Room

pytestmark = pytest.mark.anyio
OTHER = OCTETS.replace(b"<1@", b"<2@")
WORD = b"a word"


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    with memory_store() as store:
        yield Room(store)


def note() -> Report:
    octets = b"Subject: they can not read it\r\n\r\n"
    return Report(octets, prepare(octets))


async def bodies(store: AccountStore) -> int:
    return await store._database.read(
        lambda connection: connection.exec_driver_sql("SELECT count(*) FROM body").scalar_one()
    )


async def left(room: Room, queue_id: QueueId, mark: bytes = b"1") -> EnvId:
    env_id = await room.sealed(queue_id, mark=mark)
    assert await room.store.outbox.sent(queue_id, BOB)
    assert await room.store.outbox.relayed(env_id)
    return env_id


@pytest.mark.parametrize("octets", [OCTETS, LARGE])
async def test_what_left_comes_back_with_its_octets_and_its_msg_id(
    room: Room, octets: bytes
) -> None:
    queue_id = await room.queue(octets=octets)
    before = await room.store.outbox.item(queue_id, BOB)
    env_id = await left(room, queue_id)
    with pytest.raises(MessageGone):
        await room.store.outbox.octets(queue_id)
    came = await room.store.outbox.ask_anew(env_id, WORD)
    [item] = await room.store.outbox.due(START, 10)

    assert before is not None
    assert came is Anew.QUEUED
    assert (item.msg_id, item.policy, item.asked) == (before.msg_id, before.policy, WORD)
    assert await room.store.outbox.octets(queue_id) == octets
    assert await room.shows(OUTBOX) == []
    assert await room.shows(SENT) == [(1, {SEEN, Flag("$SubmitPending")})]


async def test_an_envelope_brings_its_item_back_once_and_is_not_heard_of_again(room: Room) -> None:
    queue_id = await room.queue()
    env_id = await left(room, queue_id)
    outbox = room.store.outbox
    came = [await outbox.ask_anew(env_id, WORD) for _ in range(2)]
    late = await outbox.relayed(env_id)
    again = await left(room, queue_id, b"2")

    assert came == [Anew.QUEUED, Anew.KNOWN]
    assert not late
    assert await outbox.by_env_id(env_id) is None
    assert await room.shows(SENT) == [(1, {SEEN, Flag("$Submitted")})]
    item = await outbox.by_env_id(again)
    assert item is not None
    assert (item.state, item.asked, item.sealed_anew) == (State.RELAYED, b"", 1)


@pytest.mark.parametrize("state", [State.SEALED, State.SENT, State.HELD])
async def test_it_comes_back_from_wherever_it_stands_and_what_a_person_decides_waits(
    room: Room, state: State
) -> None:
    queue_id = await room.queue()
    env_id = await room.sealed(queue_id)
    outbox = room.store.outbox
    if state is State.SENT:
        assert await outbox.sent(queue_id, BOB)
    elif state is State.HELD:
        assert await outbox.hold(queue_id, BOB, "keys changed")
    came = await outbox.ask_anew(env_id, WORD)

    assert came is Anew.QUEUED
    expected = State.HELD if state is State.HELD else State.QUEUED
    assert (await room.state(queue_id))[0] is expected


async def test_after_three_times_and_without_octets_it_fails_with_a_note_and_once(
    room: Room,
) -> None:
    outbox = room.store.outbox
    queue_id = await room.queue()
    env_id = await left(room, queue_id, b"0")
    for mark in (b"1", b"2", b"3"):
        assert await outbox.ask_anew(env_id, WORD) is Anew.QUEUED
        env_id = await left(room, queue_id, mark)
    spent = await outbox.ask_anew(env_id, WORD)
    told = [await outbox.cannot_be_read(env_id, "why", note()) for _ in range(2)]
    forgotten = await room.queue(octets=OTHER)
    gone = await left(room, forgotten, b"9")
    await outbox.forget_kept(START + 1)

    assert (spent, told) == (Anew.SPENT, [True, False])
    assert await room.state(queue_id) == (State.FAILED, "why")
    assert await outbox.ask_anew(gone, WORD) is Anew.GONE
    assert len(await room.shows(INBOX)) == 1
    assert (1, {SEEN, Flag("$MXFailed")}) in await room.shows(SENT)


async def test_a_word_that_does_not_hold_leaves_everything_as_it_was(room: Room) -> None:
    queue_id = await room.queue()
    env_id = await left(room, queue_id)
    shown = await room.shows(SENT)
    await room.store.outbox.ask_anew(env_id, WORD)

    assert await room.store.outbox.leave_as_it_was(queue_id, BOB)
    assert await room.store.outbox.unsettled() == []
    assert await room.shows(SENT) == shown


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "account"


async def test_octets_outlive_the_copy_in_sent_and_go_after_their_time(folder: Path) -> None:
    clock = Clock()
    store = open_store(folder, clock)
    room = Room(store)
    queue_id = await room.queue(octets=LARGE)
    env_id = await left(room, queue_id)
    await room.expunge(SENT)
    clock.at += 1_000
    await store.mail.sweep()
    kept = await bodies(store)
    store.close()
    store = open_store(folder, clock)
    came = await store.outbox.ask_anew(env_id, WORD)
    octets = await store.outbox.octets(queue_id)
    room = Room(store)
    await left(room, queue_id, b"2")
    await store.outbox.forget_kept(clock.at)
    still = await bodies(store)
    await store.outbox.forget_kept(clock.at + 1)

    assert (kept, still, await bodies(store)) == (1, 1, 0)
    assert came is Anew.QUEUED
    assert octets == LARGE
    store.close()


async def test_what_is_let_go_of_while_its_copy_stands_in_sent_stays_there(room: Room) -> None:
    queue_id = await room.queue()
    await left(room, queue_id)
    await room.store.outbox.forget_kept(START + 1)

    assert await room.octets(SENT) == [OCTETS]


async def test_a_store_whose_kept_octets_have_no_copy_is_sound(folder: Path) -> None:
    clock = Clock()
    store = open_store(folder, clock)
    room = Room(store)
    await left(room, await room.queue())
    await room.expunge(SENT)
    clock.at += 1_000
    await store.mail.sweep()
    store.close()

    report = check_store(folder, STORE_KEY, Clock(), deep=True)
    assert report.findings == []


async def test_ordinary_mail_and_what_failed_is_not_kept(room: Room) -> None:
    outbox = room.store.outbox
    clear, failed = await room.queue(), await room.queue(octets=OTHER)
    assert await outbox.claim(clear, BOB)
    assert await outbox.handed_to_relay(clear, BOB)
    assert await outbox.failed(failed, BOB, "nobody")
    for name in (SENT, MailboxName("Drafts")):
        await room.expunge(name)

    assert await outbox.forget_kept(START + 1) == 0
