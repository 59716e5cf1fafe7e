"""Accepted first and shown right after: nothing is lost, doubled or sent in between."""

import asyncio
from collections.abc import Set as AbstractSet
from pathlib import Path

import pytest

from mx_core.carrier_port import Parcel
from mx_core.mime.prepare import prepare
from mx_core.model.address import Address
from mx_core.model.flags import SEEN, Flag
from mx_core.model.ids import EnvId, QueueId
from mx_core.model.mailbox_name import OUTBOX, MailboxName
from mx_core.model.message import Submission
from mx_core.ports import MailReader
from mx_core.store.account_store import AccountStore
from mx_core.store.fsck.check import check_store
from mx_core.store.outbox.accept import new_queue_id
from tests.support.stores import START, STORE_KEY, Clock, memory_store, open_store

pytestmark = pytest.mark.anyio

ALICE, BOB = (Address.parse(f"{who}@a.example") for who in ("alice", "bob"))
SENT = MailboxName("Sent")
PENDING = Flag("$SubmitPending")


def letter(number: int, lines: int = 3) -> bytes:
    return b"Message-ID: <%d@a.example>\r\nSubject: x\r\n\r\n" % number + b"a line\r\n" * lines


async def accept(store: AccountStore, number: int, lines: int = 3) -> QueueId:
    return await store.outbox.accept(
        Submission(ALICE, (BOB,), letter(number, lines)), message_id=b"%d@a.example" % number
    )


async def seen(store: AccountStore, name: MailboxName) -> list[tuple[bytes, AbstractSet[Flag]]]:
    def job(reader: MailReader) -> list[tuple[bytes, AbstractSet[Flag]]]:
        view = reader.snapshot(reader.mailbox(name).id)
        octets = [reader.octets(each) for each in view.messages]
        return list(zip(octets, view.flags, strict=True))

    return await store.mail.read(job)


async def test_what_was_accepted_is_not_due_before_outbox_shows_it() -> None:
    with memory_store() as store:
        await accept(store, 1)
        before = await store.outbox.due(START, 10), await seen(store, OUTBOX)
        shown = await store.outbox.show_new(), await store.outbox.show_new()

        assert before == ([], [])
        assert shown == (1, 0)
        assert len(await store.outbox.due(START, 10)) == 1
        assert await seen(store, OUTBOX) == [(letter(1), {SEEN, PENDING})]


@pytest.mark.parametrize("lines", [3, 40_000])  # in a row, and in a file of its own
async def test_many_are_shown_together_in_their_order_with_the_octets_kept_once(lines: int) -> None:
    with memory_store() as store:
        for number in range(40):
            await accept(store, number, lines if number == 7 else 3)  # any of them
        first, second = await store.outbox.show_new(), await store.outbox.show_new()
        bodies = await store.outbox._database.read(
            lambda connection: connection.exec_driver_sql("SELECT count(*) FROM body").scalar_one()
        )

        assert (first, second) == (32, 8)
        assert bodies == 40
        assert [octets for octets, _ in await seen(store, OUTBOX)] == [
            letter(number, lines if number == 7 else 3) for number in range(40)
        ]


async def test_what_a_dead_process_had_accepted_is_shown_by_the_next(tmp_path: Path) -> None:
    first = open_store(tmp_path)
    queue_id = await accept(first, 1)
    first.close()

    again = open_store(tmp_path)
    unshown = await seen(again, OUTBOX)
    await again.outbox.show_new()

    assert unshown == []
    assert [octets for octets, _ in await seen(again, OUTBOX)] == [letter(1)]
    assert [item.queue_id for item in await again.outbox.due(START, 10)] == [queue_id]
    again.close()
    assert check_store(tmp_path, STORE_KEY, Clock(), deep=True).findings == []


async def test_what_came_alone_is_shown_by_the_commit_that_seals_it() -> None:
    with memory_store() as store:
        await store.outbox.show_new()  # nothing was left
        queue_id = await accept(store, 1)
        alone = store.outbox.lone()
        due = await store.outbox.due(START, 10), await store.outbox.due(START, 10, with_new=alone)
        parcel = Parcel(BOB, EnvId(b"1" * 32), b"envelope", b"body", START + 86400)

        assert await store.outbox.seal(queue_id, BOB, parcel)
        assert (due[0], [item.queue_id for item in due[1]]) == ([], [queue_id])
        assert await seen(store, OUTBOX) == [(letter(1), {SEEN, PENDING})]
        assert (store.outbox.lone(), store.outbox._held_octets) == (None, 0)
        assert await store.outbox.show_new() == 0
        assert [item.queue_id for item in await store.outbox.due(START, 10)] == [queue_id]


async def test_a_copy_put_into_sent_before_it_is_shown_stays_the_only_one() -> None:
    with memory_store() as store:
        queue_id = await accept(store, 1)
        form = prepare(letter(1))
        await store.mail.write(
            lambda writer: writer.append(
                writer.mailbox(SENT).id, letter(1), form, frozenset({SEEN})
            )
        )
        await store.outbox.show_new()
        parcel = Parcel(BOB, EnvId(b"1" * 32), b"envelope", b"body", START + 86400)
        await store.outbox.seal(queue_id, BOB, parcel)
        await store.outbox.sent(queue_id, BOB)
        await store.outbox.relayed(parcel.env_id)

        assert len(await seen(store, SENT)) == 1
        assert await seen(store, OUTBOX) == []


async def test_it_counts_as_encrypted_mail_once_it_is_shown() -> None:
    with memory_store() as store:
        await accept(store, 1)
        await store.outbox.show_new()

        assert await store.policy.any_encrypted([b"1@a.example"])


def test_queue_ids_rise_with_time_and_never_repeat() -> None:
    at_once = {new_queue_id(START) for _ in range(1_000)}

    assert len(at_once) == 1_000
    assert max(at_once) < min(new_queue_id(START + 1) for _ in range(10))


async def test_a_dated_message_stands_in_outbox_and_is_due_when_its_time_has_come() -> None:
    clock = Clock()
    with memory_store(clock) as store:
        submission = Submission(ALICE, (BOB,), letter(1), not_before=START + 60)
        queue_id = await store.outbox.accept(submission, message_id=b"1@a.example")
        await store.outbox.show_new()
        waiting = await seen(store, OUTBOX)
        early, next_due = await store.outbox.due(START + 59, 10), await store.outbox.next_due()
        [item] = await store.outbox.due(START + 60, 10)

        assert waiting == [(letter(1), {SEEN, PENDING})]
        assert (early, next_due) == ([], START + 60)
        assert (item.queue_id, item.created, item.released) == (queue_id, START, START + 60)
        assert await store.outbox.hasten(queue_id, BOB)  # the person may let it leave now
        assert len(await store.outbox.due(START, 10)) == 1


async def test_two_who_show_at_once_show_each_message_once() -> None:
    with memory_store() as store:
        for number in range(5):
            await accept(store, number, 40_000 if number == 2 else 3)
        await asyncio.gather(*(store.outbox.show_new() for _ in range(3)))

        assert await store.outbox.show_new() == 0
        assert len(await seen(store, OUTBOX)) == 5
        assert store.outbox._held_octets == 0


async def test_what_was_given_up_before_it_was_shown_is_not_shown(tmp_path: Path) -> None:
    first = open_store(tmp_path)
    queue_id = await accept(first, 1, 40_000)
    await first.outbox.failed(queue_id, BOB, "given up")
    shown = await first.outbox.show_new(), await seen(first, OUTBOX)
    first.close()

    again = open_store(tmp_path)
    assert shown == (1, [])
    assert (await again.outbox.show_new(), await seen(again, OUTBOX)) == (0, [])
    again.close()
