"""Receipts: signed for accepted contacts alone, by who opted in; taken for what was truly sent alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.arriving.senders import JudgedSender
from gateway.own.identity import OwnIdentity
from gateway.receipts.alone import ReceiptsAlone
from gateway.receipts.owing import LATEST_SECONDS, SOONEST_SECONDS, owed_for
from gateway.receipts.taking import TakingReceipts
from gateway.writing.sender_reports import SenderReports
from mx_core.carrier_port import Parcel
from mx_core.envelope.ext import Ext, SignedReceipt
from mx_core.envelope.identity import EpochSecret
from mx_core.envelope.open import open_control, verify_statement
from mx_core.envelope.receipt import Receipt, claimed, digest_of
from mx_core.envelope.seal import Sender
from mx_core.envelope.statement import Kind
from mx_core.mime.prepare import prepare
from mx_core.model.address import Address
from mx_core.model.errors import PeerUnreachable
from mx_core.model.flags import Flag
from mx_core.model.ids import EnvId, MsgId, Pid, QueueId
from mx_core.model.mailbox_name import INBOX, MailboxName
from mx_core.model.message import Submission
from mx_core.model.notify import Notify, NotifyRequest
from mx_core.model.secret import Secret
from mx_core.passport.op import Profile
from mx_core.store.account_store import AccountStore
from mx_core.store.outbox.reader import State
from tests.support.people import DAY, NOW, Person, make_person
from tests.support.sending import ALICE, sending_account
from tests.support.stores import Clock, open_store
from tests.unit.gateway.arriving.test_arrival_status import judged, statement

pytestmark = pytest.mark.anyio

BOB, CAROL = Address.parse("bob@a.example"), Address.parse("carol@a.example")
BOBS, CAROLS = make_person(str(BOB)), make_person(str(CAROL))
S = b"what alice's device has signed"
LETTER = (
    b"From: alice@a.example\r\nTo: bob@a.example\r\nSubject: tea\r\n"
    b"Message-ID: <tea@a.example>\r\n\r\nhello\r\n"
)


def signed(person: Person = BOBS, **other: Any) -> SignedReceipt:
    """Return bob's receipt of what alice has sent, with *other* instead of what is true."""
    key = other.pop("key", person.first.key)
    true = Receipt(other.pop("msg_id"), digest_of(S), person.pid, person.first.id, NOW // DAY)
    return replace(true, **other).signed(key)


def in_a_letter(*receipts: SignedReceipt, of: Person = BOBS) -> JudgedSender:
    return replace(judged(of, None), receipts=receipts)


@dataclass
class Sent:
    """Alice's store, with one message that has left for bob."""

    store: AccountStore
    clock: Clock
    queue_id: QueueId
    msg_id: MsgId

    async def take(self, *receipts: SignedReceipt, of: Person = BOBS) -> None:
        reports = SenderReports(self.store.outbox, self.clock)
        taking = TakingReceipts(self.store.receipts, self.store.outbox, reports)
        await taking.take(in_a_letter(*receipts, of=of))

    async def reports(self) -> list[bytes]:
        def job(reader: Any) -> list[bytes]:
            box = reader.mailbox(INBOX).id
            return [reader.octets(each) for each in reader.snapshot(box).messages]

        return list(await self.store.mail.read(job))

    async def keywords(self) -> set[Flag]:
        """Return what the copy in Sent says."""

        def job(reader: Any) -> set[Flag]:
            box = reader.mailbox(MailboxName("Sent")).id
            view = reader.snapshot(box)
            return {flag for flags in view.flags for flag in flags}

        return set(await self.store.mail.read(job))


@asynccontextmanager
async def sent(folder: Path, *, relayed: bool = True, asked: bool = True) -> AsyncIterator[Sent]:
    clock = Clock(NOW)
    store = open_store(folder, clock)
    when = frozenset({Notify.SUCCESS}) if asked else frozenset()
    queue_id = await store.outbox.enqueue(
        Submission(ALICE, (BOB,), LETTER, wanted={BOB: NotifyRequest(when)}), form=prepare(LETTER)
    )
    env_id = EnvId(b"e" * 32)
    parcel = Parcel(BOB, env_id, b"envelope", b"body", NOW + DAY)
    assert await store.outbox.seal(queue_id, BOB, parcel, BOBS.pid, digest_of_s=digest_of(S))
    assert await store.outbox.sent(queue_id, BOB)
    if relayed:
        assert await store.outbox.relayed(env_id)
    item = await store.outbox.item(queue_id, BOB)
    assert item is not None
    yield Sent(store, clock, queue_id, item.msg_id)
    store.close()


# ── taken ───────────────────────────────────────────────────────────────────────────
async def test_a_receipt_is_reported_as_delivered_once_under_the_sent_message(
    tmp_path: Path,
) -> None:
    async with sent(tmp_path) as alice:
        for _ in range(2):
            await alice.take(signed(msg_id=alice.msg_id), signed(msg_id=alice.msg_id))

        [report] = await alice.reports()
        assert b"Action: delivered\r\n" in report
        assert b"In-Reply-To: <tea@a.example>\r\n" in report
        assert Flag("$MXDelivered") in await alice.keywords()


async def test_who_did_not_ask_to_be_told_finds_it_at_the_copy_in_sent(tmp_path: Path) -> None:
    async with sent(tmp_path, asked=False) as alice:
        assert Flag("$MXDelivered") not in await alice.keywords()
        await alice.take(signed(msg_id=alice.msg_id))

        assert await alice.reports() == []
        assert Flag("$MXDelivered") in await alice.keywords()


async def test_a_receipt_that_is_quicker_than_the_notice_of_the_server_settles_it(
    tmp_path: Path,
) -> None:
    async with sent(tmp_path, relayed=False) as alice:
        await alice.take(signed(msg_id=alice.msg_id))

        item = await alice.store.outbox.item(alice.queue_id, BOB)
        assert item is not None
        assert item.state is State.RELAYED
        assert [b"Action: delivered\r\n" in each for each in await alice.reports()] == [True]


async def test_a_report_comes_too_when_the_copy_in_sent_was_deleted(tmp_path: Path) -> None:
    async with sent(tmp_path) as alice:
        await alice.store.mail.write(lambda w: w.delete(MailboxName("Sent")))
        await alice.take(signed(msg_id=alice.msg_id))

        assert [b"Action: delivered\r\n" in each for each in await alice.reports()] == [True]


FORGED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("an id that was never sent", {"msg_id": MsgId(b"x" * 16)}),
    ("an envelope that was never sealed", {"digest": digest_of(b"other")}),
    ("another person's mailbox", {"pid": CAROLS.pid}),
    ("another person's key", {"key": CAROLS.first.key}),
    ("another person's device", {"device_id": CAROLS.first.id}),
)


@pytest.mark.parametrize(("what", "other"), FORGED, ids=[name for name, _ in FORGED])
async def test_a_forged_receipt_changes_nothing_and_the_true_one_still_counts(
    tmp_path: Path, what: str, other: dict[str, Any]
) -> None:
    async with sent(tmp_path) as alice:
        await alice.take(signed(**{"msg_id": alice.msg_id, **other}))
        assert await alice.reports() == [], what
        assert Flag("$MXDelivered") not in await alice.keywords()

        await alice.take(signed(msg_id=alice.msg_id))
        assert len(await alice.reports()) == 1


async def test_a_receipt_counts_in_the_letter_of_whom_the_mail_was_sealed_to_alone(
    tmp_path: Path,
) -> None:
    """Somebody who got hold of it, or signs one of their own, says nothing of bob's mailbox."""
    async with sent(tmp_path) as alice:
        await alice.take(signed(msg_id=alice.msg_id), of=CAROLS)
        await alice.take(signed(CAROLS, msg_id=alice.msg_id), of=CAROLS)

        assert await alice.reports() == []


async def test_what_is_no_receipt_at_all_is_passed_over_and_the_next_is_read(
    tmp_path: Path,
) -> None:
    async with sent(tmp_path) as alice:
        await alice.take(SignedReceipt(b"\xff", bytes(64)), signed(msg_id=alice.msg_id))

        assert len(await alice.reports()) == 1


async def test_a_removed_device_signs_for_nothing(tmp_path: Path) -> None:
    bob = make_person(str(BOB))
    lost = bob.add()
    bob.remove(lost)
    async with sent(tmp_path) as alice:
        await alice.take(signed(bob, msg_id=alice.msg_id, device_id=lost.id, key=lost.key), of=bob)

        assert await alice.reports() == []


# ── owed ────────────────────────────────────────────────────────────────────────────
def own_of(person: Person, store: AccountStore, *, receipts: bool) -> OwnIdentity:
    state = replace(person.state, profile=Profile(receipts=receipts))
    return OwnIdentity(state, person.first.id, Secret(person.first.key), store, Clock(NOW))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AccountStore]:
    opened = open_store(tmp_path, Clock(NOW))
    yield opened
    opened.close()


def test_nothing_is_signed_before_the_owner_has_opted_in(store: AccountStore) -> None:
    sender = judged(BOBS, None)
    said = statement(sender)

    assert owed_for(own_of(CAROLS, store, receipts=False), sender, said, S) is None
    assert owed_for(own_of(BOBS, store, receipts=True), sender, said, S) is None  # one's own mail
    owed = owed_for(own_of(CAROLS, store, receipts=True), sender, said, S)
    assert owed is not None
    assert claimed(owed.receipt) == Receipt(
        said.msg_id, digest_of(S), CAROLS.pid, CAROLS.first.id, NOW // DAY
    )
    assert SOONEST_SECONDS <= owed.due - NOW <= LATEST_SECONDS


def test_a_receipt_is_never_given_for_a_receipt(store: AccountStore) -> None:
    sender = judged(BOBS, None)

    said = replace(statement(sender), kind=Kind.RECEIPT)
    assert owed_for(own_of(CAROLS, store, receipts=True), sender, said, S) is None


async def receive(store: AccountStore, mark: bytes) -> None:
    sender = judged(BOBS, None)
    said = replace(statement(sender), msg_id=MsgId(mark * 16))
    assert await store.inbox.receive(
        msg_id=said.msg_id,
        env_id=EnvId(mark * 32),
        octets=LETTER,
        form=prepare(LETTER),
        epoch=1,
        come_from=sender.come_from,
        owed=owed_for(own_of(CAROLS, store, receipts=True), sender, said, S),
    )


async def test_only_an_accepted_contact_is_owed_one_and_whoever_was_blocked_gets_none(
    store: AccountStore,
) -> None:
    late = NOW + LATEST_SECONDS
    await receive(store, b"1")
    assert await store.receipts.due(late) == []  # it stands in Requests

    await store.relations.accept(BOBS.pid)
    await receive(store, b"2")
    assert [each.msg_id for each in await store.receipts.due(late)] == [b"2" * 16]
    assert await store.receipts.due(NOW + SOONEST_SECONDS - 1) == []
    assert [each.msg_id for each in await store.receipts.owed_to(BOBS.pid)] == [b"2" * 16]
    assert await store.receipts.owed_to(Pid(bytes(32))) == []

    def block(writer: Any) -> None:
        inbox = writer.mailbox(INBOX).id
        writer.move(inbox, list(writer.snapshot(inbox).uids), MailboxName("Junk"))

    await store.mail.write(block)
    assert await store.receipts.due(late) == []
    assert await store.receipts.owed_to(BOBS.pid) == []


# ── alone ───────────────────────────────────────────────────────────────────────────
async def test_what_no_letter_took_along_is_sent_alone_and_holds_nothing_else() -> None:
    """It opens for whom it is meant, of kind 3, and is no longer owed."""
    async with sending_account(people=(BOB,)) as carol:
        store = carol.store
        await store.relations.accept(BOBS.pid)
        await receive(store, b"1")
        await receive(store, b"2")
        me = Sender(
            CAROL, CAROLS.pid, CAROLS.first.id, 0, CAROLS.state.head, CAROLS.first.key, None
        )

        async def sender() -> Sender:
            return me

        class Carrier:
            away = True

            async def send(self, parcel: Parcel, stamp: Any) -> None:
                if self.away:
                    raise PeerUnreachable("away")
                await carol.network.send(parcel, stamp)

        carrier: Any = Carrier()
        alone = ReceiptsAlone(
            store.receipts, carol.recipients, carol.outbound._franking, carrier, sender, carol.clock
        )
        assert not await alone.step()  # not yet
        carol.clock.at += LATEST_SECONDS
        while await store.receipts.due(carol.clock()):
            assert await alone.step()  # the server is away: later
        assert len(await store.receipts.owed_to(BOBS.pid)) == 2

        carrier.away = False
        carol.clock.at += LATEST_SECONDS
        assert await alone.step()
        assert not await alone.step()
        [parcel] = carol.network.parcels
        assert await store.receipts.owed_to(BOBS.pid) == []

    n, private, _ = BOBS.first.epochs[-1]
    opened = open_control(parcel.envelope, [EpochSecret(BOBS.first.id, n, private)])
    said = verify_statement(opened, sign_pk=CAROLS.first.device.sign_pk, my_pid=BOBS.pid)
    assert (said.kind, said.length) == (Kind.RECEIPT, 0)
    given = {claimed(each).msg_id for each in Ext.decode(opened.ext).receipts}
    assert given == {b"1" * 16, b"2" * 16}


async def test_after_some_days_a_receipt_that_can_not_be_sent_is_given_up() -> None:
    async with sending_account(people=(BOB,)) as carol:
        store = carol.store
        await store.relations.accept(BOBS.pid)
        await receive(store, b"1")
        unreachable: Any = SimpleNamespace(verified=_away)
        alone = ReceiptsAlone(
            store.receipts, unreachable, carol.outbound._franking, carol.network, _nobody, carol.clock  # type: ignore[arg-type]
        )  # fmt: skip
        carol.clock.at += 3 * DAY
        assert await alone.step()
        assert len(await store.receipts.owed_to(BOBS.pid)) == 1
        carol.clock.at += 4 * DAY
        assert await alone.step()
        assert await store.receipts.owed_to(BOBS.pid) == []


async def _away(_address: Address) -> None:
    raise PeerUnreachable("away")


async def _nobody() -> Sender:
    raise AssertionError("nothing is sealed here")
