"""Queued mail in mailboxes: seen, taken back, let leave, and kept once in Sent."""

from collections.abc import AsyncIterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

import pytest

from mx_core.carrier_port import Parcel
from mx_core.mime.prepare import prepare
from mx_core.model.address import Address
from mx_core.model.errors import NotPermitted
from mx_core.model.flags import DELETED, DRAFT, FLAGGED, SEEN, Flag
from mx_core.model.ids import EnvId, QueueId, Uid
from mx_core.model.mailbox_name import OUTBOX, SEND_ORDINARY, MailboxName
from mx_core.model.message import Submission
from mx_core.ports import Appended, FlagChange, MailReader, MailWriter
from mx_core.store.account_store import AccountStore
from mx_core.store.fsck.check import check_store
from mx_core.store.outbox.accept import Asked
from mx_core.store.outbox.reader import State
from tests.support.stores import START, STORE_KEY, Clock, memory_store, open_store

pytestmark = pytest.mark.anyio

ALICE, BOB, CAROL = (Address.parse(f"{who}@a.example") for who in ("alice", "bob", "carol"))
SENT, DRAFTS, TRASH, ARCHIVE = map(MailboxName, ("Sent", "Drafts", "Trash", "Archive"))
OCTETS = b"Message-ID: <1@a.example>\r\nSubject: x\r\n\r\n" + b"a line of text\r\n" * 8
LARGE = OCTETS + b"another line\r\n" * 30_000
PENDING, SUBMITTED = Flag("$SubmitPending"), Flag("$Submitted")


@dataclass
class Room:
    """A store, looked at as a mail program does."""

    store: AccountStore

    async def queue(
        self, *to: Address, octets: bytes = OCTETS, asked: Asked | None = None
    ) -> QueueId:
        to = to or (BOB,)
        return await self.store.outbox.enqueue(
            Submission(ALICE, to, octets),
            form=prepare(octets),
            asked=dict.fromkeys(to, asked) if asked else None,
        )

    async def shows(self, name: MailboxName) -> list[tuple[int, AbstractSet[Flag]]]:
        """UIDs and flags."""

        def job(reader: MailReader) -> list[tuple[int, AbstractSet[Flag]]]:
            view = reader.snapshot(reader.mailbox(name).id)
            return list(zip(view.uids, view.flags, strict=True))

        return await self.store.mail.read(job)

    async def octets(self, name: MailboxName) -> list[bytes]:
        def job(reader: MailReader) -> list[bytes]:
            return [
                reader.octets(each) for each in reader.snapshot(reader.mailbox(name).id).messages
            ]

        return await self.store.mail.read(job)

    async def move(self, source: MailboxName, target: MailboxName, *uids: int) -> None:
        def job(writer: MailWriter) -> None:
            box = writer.mailbox(source).id
            chosen = [Uid(uid) for uid in uids] or list(writer.snapshot(box).uids)
            writer.move(box, chosen, target)

        await self.store.mail.write(job)

    async def expunge(self, name: MailboxName) -> None:
        def job(writer: MailWriter) -> None:
            box = writer.mailbox(name).id
            writer.store_flags(box, writer.snapshot(box).uids, FlagChange.ADD, frozenset({DELETED}))
            writer.expunge(box)

        await self.store.mail.write(job)

    async def append(self, name: MailboxName, octets: bytes = OCTETS) -> Appended:
        form = prepare(octets)
        return await self.store.mail.write(
            lambda writer: writer.append(writer.mailbox(name).id, octets, form, frozenset({SEEN}))
        )

    async def sealed(self, queue_id: QueueId, who: Address = BOB, mark: bytes = b"1") -> EnvId:
        parcel = Parcel(who, EnvId(mark * 32), b"envelope", b"body", START + 86400)
        assert await self.store.outbox.seal(queue_id, who, parcel)
        return parcel.env_id

    async def relayed(self, queue_id: QueueId) -> None:
        env_id = await self.sealed(queue_id)
        assert await self.store.outbox.sent(queue_id, BOB)
        assert await self.store.outbox.relayed(env_id)

    async def state(self, queue_id: QueueId, who: Address = BOB) -> tuple[State, str]:
        item = await self.store.outbox.item(queue_id, who)
        assert item is not None
        return item.state, item.reason


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    with memory_store() as store:
        yield Room(store)


@pytest.mark.parametrize("octets", [OCTETS, LARGE])
async def test_queued_mail_stands_in_outbox_and_then_in_sent_with_the_same_octets(
    room: Room, octets: bytes
) -> None:
    queue_id = await room.queue(octets=octets)
    waiting = await room.shows(OUTBOX)
    seen = await room.octets(OUTBOX)
    queued = await room.store.outbox.octets(queue_id)
    await room.relayed(queue_id)

    assert waiting == [(1, {SEEN, PENDING})]
    assert seen == [queued] == [octets]
    assert await room.shows(OUTBOX) == []
    assert await room.shows(SENT) == [(1, {SEEN, SUBMITTED})]
    assert await room.octets(SENT) == [octets]


async def test_its_keywords_follow_what_happens_to_it(room: Room) -> None:
    queue_id = await room.queue(BOB, CAROL)
    seen = []
    for step in (
        room.store.outbox.defer(queue_id, BOB, START + 60, "away"),
        room.store.outbox.hold(queue_id, CAROL, "who are they?"),
        room.sealed(queue_id, BOB),
        room.store.outbox.sent(queue_id, BOB),
        room.store.outbox.failed(queue_id, CAROL, "no"),
        room.store.outbox.relayed(EnvId(b"1" * 32)),
    ):
        assert await step
        seen += [sorted(flags - {SEEN}) for _, flags in await room.shows(OUTBOX)]

    assert seen == [
        ["$MXDeferred", "$SubmitPending"],
        ["$MXDeferred", "$MXHeld", "$SubmitPending"],
        ["$MXDeferred", "$MXHeld", "$SubmitPending"],
        ["$MXHeld"],
        ["$MXFailed", "$Submitted"],
    ]
    assert await room.shows(SENT) == [(1, {SEEN, SUBMITTED, Flag("$MXFailed")})]


@pytest.mark.parametrize(
    ("target", "flags"), [(TRASH, {SEEN}), (ARCHIVE, {SEEN}), (DRAFTS, {SEEN, DRAFT})]
)
@pytest.mark.parametrize("held", ["", "wait"])
async def test_moving_it_out_takes_it_back(
    room: Room, target: MailboxName, flags: set[Flag], held: str
) -> None:
    queue_id = await room.queue(BOB, CAROL, asked=Asked(held=held))
    await room.move(OUTBOX, target)

    assert await room.shows(OUTBOX) == []
    assert await room.shows(target) == [(1, flags)]
    assert await room.octets(target) == [OCTETS]
    for who in (BOB, CAROL):
        assert await room.state(queue_id, who) == (State.FAILED, "cancelled by you")
    assert not await room.store.outbox.seal(
        queue_id, BOB, Parcel(BOB, EnvId(b"1" * 32), b"", b"", START + 9)
    )
    assert not await room.store.outbox.claim(queue_id, BOB)


async def test_expunging_it_takes_it_back(room: Room) -> None:
    queue_id = await room.queue(octets=LARGE)
    await room.expunge(OUTBOX)

    assert await room.state(queue_id) == (State.FAILED, "cancelled by you")
    assert await room.shows(OUTBOX) == []


@pytest.mark.parametrize("how", ["move", "expunge", "ordinary"])
@pytest.mark.parametrize("step", ["sealed", "sent", "claimed"])
async def test_what_may_have_left_is_not_taken_back_and_nothing_of_the_command_happens(
    room: Room, how: str, step: str
) -> None:
    queue_id, other = await room.queue(), await room.queue(CAROL)
    if step == "claimed":
        assert await room.store.outbox.claim(queue_id, BOB)
    else:
        await room.sealed(queue_id)
    if step == "sent":
        assert await room.store.outbox.sent(queue_id, BOB)
    before = await room.shows(OUTBOX)
    command = (
        room.expunge(OUTBOX)
        if how == "expunge"
        else room.move(OUTBOX, TRASH if how == "move" else SEND_ORDINARY)
    )
    with pytest.raises(NotPermitted, match="already sent"):
        await command

    assert await room.shows(OUTBOX) == before
    assert await room.shows(TRASH) == await room.shows(SEND_ORDINARY) == []
    assert (await room.state(other, CAROL))[0] is State.QUEUED


async def test_copying_it_out_takes_nothing_back(room: Room) -> None:
    queue_id = await room.queue()
    await room.store.mail.write(
        lambda writer: writer.copy(writer.mailbox(OUTBOX).id, [Uid(1)], ARCHIVE)
    )

    assert (await room.state(queue_id))[0] is State.QUEUED
    assert len(await room.shows(OUTBOX)) == len(await room.shows(ARCHIVE)) == 1


@pytest.mark.parametrize("name", [OUTBOX, SEND_ORDINARY])
async def test_nothing_else_can_be_put_there_or_done_to_it(room: Room, name: MailboxName) -> None:
    """A mail program that synchronises mailboxes can neither send nor cancel by it."""
    await room.append(ARCHIVE)

    with pytest.raises(NotPermitted):
        await room.append(name)
    with pytest.raises(NotPermitted):
        await room.move(ARCHIVE, name)
    with pytest.raises(NotPermitted):
        await room.store.mail.write(
            lambda writer: writer.copy(writer.mailbox(ARCHIVE).id, [Uid(1)], name)
        )
    with pytest.raises(NotPermitted):
        await room.store.mail.write(lambda writer: writer.delete(name))
    with pytest.raises(NotPermitted):
        await room.store.mail.write(lambda writer: writer.rename(name, MailboxName("Other")))
    assert await room.shows(name) == []
    assert len(await room.shows(ARCHIVE)) == 1


async def test_moving_it_below_lets_it_leave_as_ordinary_mail_at_once(room: Room) -> None:
    woken: list[int] = []
    room.store.mail.queue_changed = lambda: woken.append(1)
    queue_id = await room.queue(asked=Asked(held="you decide"))
    await room.move(OUTBOX, SEND_ORDINARY)
    item = await room.store.outbox.item(queue_id, BOB)

    assert item is not None
    assert (item.state, item.policy, item.reason) == (State.QUEUED, "override", "")
    assert item.decision == "you moved it to Send as ordinary email"
    assert await room.shows(SEND_ORDINARY) == [(1, {SEEN, PENDING})]
    assert woken == [1]
    with pytest.raises(NotPermitted):
        await room.move(SEND_ORDINARY, OUTBOX)
    assert await room.store.outbox.claim(queue_id, BOB)
    assert await room.store.outbox.handed_to_relay(queue_id, BOB)
    assert await room.shows(SEND_ORDINARY) == []
    assert await room.shows(SENT) == [(1, {SEEN, SUBMITTED, Flag("$NotEncrypted")})]


async def test_it_can_be_taken_back_from_there_too(room: Room) -> None:
    queue_id = await room.queue()
    await room.move(OUTBOX, SEND_ORDINARY)
    await room.move(SEND_ORDINARY, TRASH)

    assert await room.state(queue_id) == (State.FAILED, "cancelled by you")
    assert await room.shows(TRASH) == [(1, {SEEN})]


async def test_what_is_cancelled_by_command_is_a_draft_again(room: Room) -> None:
    queue_id = await room.queue()
    assert await room.store.outbox.failed(queue_id, BOB, "cancelled by you")

    assert await room.shows(OUTBOX) == []
    assert await room.shows(DRAFTS) == [(1, {SEEN, DRAFT})]


async def test_folders_with_a_rule_do_not_show_what_waits(room: Room) -> None:
    everything = MailboxName("Everything")
    await room.store.folders.add(everything, "ALL")
    queue_id = await room.queue()
    waiting = await room.shows(everything)
    await room.relayed(queue_id)

    assert waiting == []
    assert len(await room.shows(everything)) == 1


async def test_a_store_with_queued_and_sent_mail_is_sound(tmp_path: Path) -> None:
    store = open_store(tmp_path / "account")
    room = Room(store)
    for octets in (OCTETS, LARGE):
        await room.queue(octets=octets)
    await room.relayed(await room.queue(octets=LARGE))
    await room.append(SENT)
    await room.move(OUTBOX, SEND_ORDINARY, 1)
    store.close()
    report = check_store(tmp_path / "account", STORE_KEY, Clock(), deep=True)

    assert report.findings == []


# ── one copy in Sent ─────────────────────────────────────────────────────────────────
async def test_a_copy_that_the_mail_program_puts_there_takes_the_place_of_ours(room: Room) -> None:
    await room.relayed(await room.queue())
    own = OCTETS.replace(b"Subject: x", b"Bcc: eve@e.example\r\nSubject: x")
    appended = await room.append(SENT, own)

    assert appended.uid == 2
    assert await room.shows(SENT) == [(2, {SEEN, SUBMITTED})]
    assert await room.octets(SENT) == [own]


async def test_one_that_is_there_before_it_has_left_gets_the_keywords_when_it_has(
    room: Room,
) -> None:
    queue_id = await room.queue()
    await room.append(SENT)
    before = await room.shows(SENT)
    await room.relayed(queue_id)

    assert before == [(1, {SEEN})]
    assert await room.shows(SENT) == [(1, {SEEN, SUBMITTED})]
    assert await room.shows(OUTBOX) == []


async def test_nothing_a_person_has_touched_or_a_program_has_written_ever_goes(room: Room) -> None:
    await room.relayed(await room.queue())
    await room.store.mail.write(
        lambda writer: writer.store_flags(
            writer.mailbox(SENT).id, [Uid(1)], FlagChange.ADD, frozenset({FLAGGED})
        )
    )
    await room.append(SENT)
    await room.append(SENT)

    assert [uid for uid, _ in await room.shows(SENT)] == [1, 2, 3]


async def test_look_alikes_and_mail_without_an_id_stay(room: Room) -> None:
    await room.relayed(await room.queue())
    await room.append(SENT, OCTETS.replace(b"<1@", b"<2@"))
    await room.append(SENT, b"Subject: x\r\n\r\n" + b"a line of text\r\n" * 8)
    await room.append(ARCHIVE)

    assert [uid for uid, _ in await room.shows(SENT)] == [1, 2, 3]


async def test_a_copy_that_was_moved_away_before_is_not_made_again(room: Room) -> None:
    queue_id = await room.queue()
    await room.append(SENT)
    await room.move(SENT, ARCHIVE)
    await room.relayed(queue_id)

    assert await room.shows(SENT) == await room.shows(OUTBOX) == []
    assert len(await room.shows(ARCHIVE)) == 1
