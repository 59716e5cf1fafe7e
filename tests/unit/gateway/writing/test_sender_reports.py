"""Which reports come: as RFC 3461 §4.1 has it, and what needs a decision always."""

import pytest

from gateway.writing.sender_reports import DELAY_TOLD_SECONDS, SenderReports
from mx_core.model.address import Address
from mx_core.model.mailbox_name import INBOX
from mx_core.model.message import Submission
from mx_core.model.notify import Notify, NotifyRequest
from mx_core.store.account_store import AccountStore
from mx_core.store.outbox.reader import OutboxItem
from tests.support.stores import START, Clock

pytestmark = pytest.mark.anyio

ALICE = Address("alice", "a.example")
BOB = Address("bob", "b.example")
TEXT = b"Subject: x\r\nMessage-ID: <1@a.example>\r\n\r\nbody\r\n"


async def queued(store: AccountStore, *when: Notify, whole: bool = False) -> OutboxItem:
    wanted = NotifyRequest(frozenset(when), "rfc822;Bob@B.example")
    await store.outbox.enqueue(
        Submission(ALICE, (BOB,), TEXT, envid="QQ 314159", return_full=whole, wanted={BOB: wanted})
    )
    (item,) = await store.outbox.due(START, 10)
    return item


async def inbox(store: AccountStore) -> int:
    return (await store.mail.read(lambda reader: reader.mailbox(INBOX))).messages


async def test_who_wants_nothing_is_told_of_nothing_but_a_decision(
    store: AccountStore, clock: Clock
) -> None:
    item = await queued(store)
    reports = SenderReports(store.outbox, clock)
    clock.at += DELAY_TOLD_SECONDS

    assert await reports.failed(item, "no", "5.1.1") is None
    assert await reports.relayed(item) is None
    assert await reports.delayed(item, "away") is None
    assert await reports.held(item, "another key", "other-pid") is not None


async def test_success_is_told_to_who_asked_and_says_relayed(
    store: AccountStore, clock: Clock
) -> None:
    item = await queued(store, Notify.SUCCESS)
    report = await SenderReports(store.outbox, clock).relayed(item)

    assert report is not None
    assert b"\r\nAction: relayed\r\nStatus: 2.0.0\r\n" in report.octets
    assert b"\r\nOriginal-Envelope-Id: QQ 314159\r\n" in report.octets
    assert b"\r\nOriginal-Recipient: rfc822; Bob@B.example\r\n" in report.octets


async def test_a_delay_is_told_after_four_hours_and_once(store: AccountStore, clock: Clock) -> None:
    item = await queued(store, Notify.DELAY)
    reports = SenderReports(store.outbox, clock)
    clock.at += DELAY_TOLD_SECONDS - 1
    early = await reports.delayed(item, "away")
    clock.at += 1
    told = await reports.delayed(item, "away")
    await store.outbox.defer(item.queue_id, BOB, START, "away", report=told)
    (again,) = await store.outbox.due(clock.at, 10)

    assert early is None
    assert told is not None
    assert b"\r\nAction: delayed\r\n" in told.octets
    assert await reports.delayed(again, "away") is None
    assert await inbox(store) == 1


async def test_what_must_be_decided_can_be_decided_in_the_mail_program(
    store: AccountStore, clock: Clock
) -> None:
    item = await queued(store, Notify.FAILURE)
    reports = SenderReports(store.outbox, clock)
    held = await reports.held(item, "the key has changed", "other-pid")
    undecided = reports.undecided(
        Submission(ALICE, (BOB,), b"Subject: x\r\n\r\n"), item.queue_id, BOB, "not on the network"
    )

    assert held is not None
    for report, ways in (
        (held, ("mx-gateway contact accept", "delete it in Outbox")),
        (undecided, ("from Outbox to Outbox/Send as ordinary email", "delete it in Outbox")),
    ):
        words = report.octets.replace(b"=\r\n", b"").decode()
        assert [way for way in ways if way not in words] == []


@pytest.mark.parametrize("whole", [True, False])
async def test_the_message_comes_back_whole_with_a_failure_if_that_was_asked(
    store: AccountStore, clock: Clock, whole: bool
) -> None:
    item = await queued(store, Notify.FAILURE, whole=whole)
    report = await SenderReports(store.outbox, clock).failed(item, "nobody", "5.1.1")

    assert report is not None
    assert (b"\r\n\r\nbody\r\n" in report.octets) == whole
