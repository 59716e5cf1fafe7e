"""Who asks to write is answered by a move and by nothing else, from the page as from a mail program."""

from itertools import count

import pytest

from gateway.people.requests import Requests
from mx_core.mime.prepare import prepare
from mx_core.model.address import Address
from mx_core.model.errors import Refused
from mx_core.model.flags import DELETED
from mx_core.model.ids import EnvId, MsgId, Pid
from mx_core.model.mailbox_name import INBOX, REQUESTS, MailboxName
from mx_core.ports import FlagChange, MailWriter
from mx_core.store.account_store import AccountStore
from mx_core.store.arriving.inbox import ComeFrom
from mx_core.store.people.relation import Author, Relation
from tests.support.stores import START, Clock

pytestmark = pytest.mark.anyio

BOB = Author(Pid(b"b" * 32), Address("bob", "b.example"))
EVE = Author(Pid(b"e" * 32), Address("eve", "e.example"))
BOB_ID, EVE_ID = BOB.pid.hex(), EVE.pid.hex()
JUNK = MailboxName("Junk")
_NUMBERS = count(1)


async def comes(store: AccountStore, author: Author = BOB, subject: bytes = b"may I?") -> None:
    octets = b"Subject: %s\r\n\r\nhello\r\n" % subject
    number = next(_NUMBERS)
    assert await store.inbox.receive(
        msg_id=MsgId(number.to_bytes(16, "big")),
        env_id=EnvId(number.to_bytes(32, "big")),
        octets=octets,
        form=prepare(octets),
        epoch=1,
        come_from=ComeFrom(author),
    )


async def holds(store: AccountStore, *names: MailboxName) -> list[int]:
    return [
        (await store.mail.read(lambda reader, name=name: reader.mailbox(name))).messages  # type: ignore[misc]  # bound now
        for name in names
    ]


async def empties(store: AccountStore, name: MailboxName) -> None:
    def job(writer: MailWriter) -> None:
        box = writer.mailbox(name).id
        uids = list(writer.snapshot(box).uids)
        writer.store_flags(box, uids, FlagChange.ADD, frozenset({DELETED}))
        writer.expunge(box)

    await store.mail.write(job)


async def test_who_waits_is_told_with_what_they_wrote_the_newest_first(
    store: AccountStore, clock: Clock
) -> None:
    await comes(store, EVE, b"=?utf-8?q?gr=C3=BC=C3=9Fe?=")
    clock.at += 60
    for subject in (b"one", b"two", b"three", b"x" * 500):
        await comes(store, BOB, subject)
    bob, eve = (await Requests(store).state())["waiting"]

    assert await Requests(store).count() == 2
    assert (bob["id"], bob["address"], bob["messages"]) == (BOB_ID, "bob@b.example", 4)
    assert bob["subjects"] == ["x" * 120 + "…", "three", "two"]
    assert (bob["since"], eve["since"]) == (START + 60, START)
    assert eve["subjects"] == ["grüße"]


async def test_who_is_accepted_comes_to_inbox_with_all_that_waited(store: AccountStore) -> None:
    await comes(store)
    await comes(store)
    await comes(store, EVE)
    await Requests(store).accept(BOB_ID)
    await comes(store)

    assert await store.relations.of(BOB.pid) is Relation.ACCEPTED
    assert await store.relations.of(EVE.pid) is Relation.UNDECIDED
    assert await holds(store, INBOX, REQUESTS) == [3, 1]
    assert [one["id"] for one in (await Requests(store).state())["waiting"]] == [EVE_ID]


async def test_who_is_blocked_goes_to_junk_until_that_is_undone(store: AccountStore) -> None:
    desk = Requests(store)
    await comes(store)
    await desk.block(BOB_ID)
    await comes(store)
    state = await desk.state()

    assert state["waiting"] == []
    (one,) = state["blocked"]
    assert (one["address"], one["can_undo"]) == ("bob@b.example", True)
    assert await holds(store, JUNK, REQUESTS) == [2, 0]

    await desk.undo(BOB_ID)
    assert await store.relations.of(BOB.pid) is Relation.UNDECIDED
    assert await holds(store, JUNK, REQUESTS) == [0, 2]
    assert [each["id"] for each in (await desk.state())["waiting"]] == [BOB_ID]


async def test_who_was_accepted_when_they_were_blocked_is_accepted_again(
    store: AccountStore,
) -> None:
    await store.relations.accept(BOB.pid)
    await comes(store)
    await store.mail.write(
        lambda writer: writer.move(
            writer.mailbox(INBOX).id, list(writer.snapshot(writer.mailbox(INBOX).id).uids), JUNK
        )
    )
    await Requests(store).undo(BOB_ID)

    assert await store.relations.of(BOB.pid) is Relation.ACCEPTED
    assert await holds(store, INBOX, JUNK) == [1, 0]


async def test_a_block_is_told_once_as_if_a_mail_program_had_moved_the_message(
    store: AccountStore,
) -> None:
    await comes(store)
    await Requests(store).block(BOB_ID)

    assert [(one.topic.value, one.author) for one in await store.relations.news()] == [
        ("blocked", BOB)
    ]


async def test_of_whom_nothing_is_left_nothing_can_be_answered(store: AccountStore) -> None:
    desk = Requests(store)
    await comes(store)
    await desk.block(BOB_ID)
    await empties(store, JUNK)
    (one,) = (await desk.state())["blocked"]

    assert one["can_undo"] is False
    for answer in (desk.accept, desk.block, desk.undo):
        with pytest.raises(Refused, match="look at the page again"):
            await answer(BOB_ID)
    assert await store.relations.of(BOB.pid) is Relation.BLOCKED


async def test_who_is_not_named_rightly_or_not_blocked_is_refused(store: AccountStore) -> None:
    desk = Requests(store)
    await comes(store)
    for answer, who in ((desk.accept, "bob"), (desk.undo, BOB_ID), (desk.block, EVE_ID)):
        with pytest.raises(Refused):
            await answer(who)
    assert await holds(store, REQUESTS) == [1]
    assert await store.relations.of(BOB.pid) is Relation.UNDECIDED


async def test_without_a_mailbox_for_junk_the_next_step_is_said(store: AccountStore) -> None:
    await comes(store)
    await store.mail.write(lambda writer: writer.delete(JUNK))

    with pytest.raises(Refused, match="make one of special use"):
        await Requests(store).block(BOB_ID)


async def test_what_a_mail_program_put_into_requests_asks_for_nobody(store: AccountStore) -> None:
    octets = b"Subject: copy\r\n\r\nx\r\n"
    await store.mail.write(
        lambda writer: writer.append(
            writer.mailbox(REQUESTS).id, octets, prepare(octets), frozenset()
        )
    )

    assert await Requests(store).count() == 0
