"""What a person is told by mail of the gateway's own, and how often."""

from email import message_from_bytes, policy

import pytest

from gateway.writing.note import keys_note, waiting_note
from gateway.writing.notices import Notices, noted_change
from mx_core.model.address import Address
from mx_core.model.ids import Pid
from mx_core.model.mailbox_name import GATEWAY, INBOX, MailboxName
from mx_core.store.account_store import AccountStore
from mx_core.store.people.relation import Author, Topic
from mx_core.trust.decide import Cause, Decision, Level
from tests.support.stores import START, Clock

ALICE = Address("alice", "a.example")
BOB = Author(Pid(b"b" * 32), Address("bob", "b.example"))
CAROL = Author(Pid(b"c" * 32), Address("carol", "c.example"))


async def texts(store: AccountStore, name: MailboxName) -> list[str]:
    shot = await store.mail.read(lambda reader: reader.snapshot(reader.mailbox(name).id))
    octets = await store.mail.read(lambda reader: [reader.octets(m) for m in shot.messages])
    return [text_of(each) for each in octets]


def text_of(octets: bytes) -> str:
    read = message_from_bytes(octets, policy=policy.SMTP)
    return f"{read['Subject']}\n{read.get_content()}"


@pytest.mark.anyio
async def test_who_waits_is_named_at_once_and_then_once_a_day(
    store: AccountStore, clock: Clock
) -> None:
    notices = Notices(store.relations, ALICE, clock)
    await store.relations.tell(Topic.ASKS, BOB)
    await notices.write()
    await store.relations.tell(Topic.ASKS, BOB)
    await store.relations.tell(Topic.ASKS, CAROL)
    clock.at += 86_399
    await notices.write()

    [first] = await texts(store, INBOX)
    assert "bob@b.example wrote to you for the first time" in first

    clock.at += 1
    await notices.write()
    _, second = await texts(store, INBOX)
    assert "carol@c.example" in second
    assert "bob@b.example" not in second


@pytest.mark.anyio
async def test_who_was_accepted_meanwhile_is_not_named(store: AccountStore, clock: Clock) -> None:
    await store.relations.tell(Topic.ASKS, BOB)
    await store.relations.accept(BOB.pid)
    await Notices(store.relations, ALICE, clock).write()

    assert await texts(store, INBOX) == []


@pytest.mark.anyio
async def test_each_block_and_each_change_of_keys_is_noted_apart_with_what_to_do(
    store: AccountStore, clock: Clock
) -> None:
    notices = Notices(store.relations, ALICE, clock)
    change = noted_change(Decision(Level.HOLD, (Cause.RECOVERED,)), 3)
    await store.relations.tell(Topic.BLOCKED, BOB)
    await store.relations.tell(Topic.KEYS, BOB, change)
    await notices.write()
    await store.relations.tell(Topic.KEYS, BOB, change)
    await notices.write()

    blocked, keys = await texts(store, GATEWAY)
    assert "bob@b.example is blocked" in blocked
    assert "move one message of theirs from Junk" in blocked
    assert "recovered their account" in keys
    assert await texts(store, INBOX) == []

    await store.relations.tell(Topic.BLOCKED, BOB)
    await notices.write()
    assert len(await texts(store, GATEWAY)) == 3, "another block is noted again"


@pytest.mark.parametrize("level", [Level.QUIET, Level.STATUS])
def test_what_is_for_the_status_line_only_makes_no_note(level: Level) -> None:
    assert noted_change(Decision(level, (Cause.DEVICE_ADDED,)), 1) == ""


def test_every_cause_has_its_words() -> None:
    for cause in Cause:
        assert "bob@b.example " in text_of(keys_note(ALICE, BOB.address, [cause], START))


def test_a_crowd_does_not_make_a_large_note() -> None:
    crowd = [Address(f"p{n}", "b.example") for n in range(1000)]
    note = text_of(waiting_note(ALICE, crowd, START))

    assert "1000 people" in note
    assert "and 900 more" in note
