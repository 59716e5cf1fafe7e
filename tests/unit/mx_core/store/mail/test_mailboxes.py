"""Mailboxes and their names: made, renamed, removed, subscribed."""

from collections.abc import Callable

import pytest

from mx_core.model.change import MailboxGone
from mx_core.model.errors import (
    MailboxExists,
    NoSuchMailbox,
    NotPermitted,
)
from mx_core.model.flags import SEEN
from mx_core.model.ids import MailboxId, Uid
from mx_core.model.mailbox_name import INBOX, MailboxName
from mx_core.ports import FlagChange, MailWriter
from mx_core.store.account_store import AccountStore
from mx_core.store.mail.mail import Mail
from tests.support.mail_steps import OCTETS, SENT, TRASH, box, fill
from tests.support.stores import Clock, form_of


@pytest.mark.anyio
async def test_a_mailbox_that_is_gone_is_not_remembered(mail: Mail) -> None:
    name = MailboxName("Short")
    with pytest.raises(NoSuchMailbox):
        mail.mailbox(name)
    made = await mail.write(lambda writer: writer.create(name))
    assert mail.mailbox(name).id == made.id
    await mail.write(lambda writer: writer.delete(name))
    with pytest.raises(NoSuchMailbox):
        mail.mailbox(name)


@pytest.mark.anyio
async def test_a_new_account_has_the_usual_mailboxes_subscribed(mail: Mail) -> None:
    boxes = await mail.read(lambda reader: reader.mailboxes())

    assert {(each.name, each.special_use) for each in boxes} == {
        ("INBOX", ""),
        ("Archive", "\\Archive"),
        ("Drafts", "\\Drafts"),
        ("Junk", "\\Junk"),
        ("Sent", "\\Sent"),
        ("Trash", "\\Trash"),
        ("Key changed", ""),
        ("Not encrypted", ""),
        ("Unverified", ""),
        ("Requests", ""),
        ("Gateway", ""),
        ("Outbox", ""),
        ("Outbox/Send as ordinary email", ""),
    }
    assert all(each.subscribed and each.uid_next == 1 for each in boxes)
    assert len({each.uid_validity for each in boxes}) == 13
    assert len({each.global_id for each in boxes}) == 13


@pytest.mark.anyio
async def test_an_unknown_mailbox_is_refused_everywhere(mail: Mail) -> None:
    gone = MailboxId(999)
    jobs: list[Callable[[MailWriter], object]] = [
        lambda writer: writer.snapshot(gone),
        lambda writer: writer.append(gone, OCTETS, form_of(OCTETS), frozenset()),
        lambda writer: writer.store_flags(gone, [Uid(1)], FlagChange.ADD, frozenset({SEEN})),
        lambda writer: writer.expunge(gone),
        lambda writer: writer.copy(gone, [Uid(1)], TRASH),
        lambda writer: writer.move(gone, [Uid(1)], TRASH),
        lambda writer: writer.forget_recent(gone),
        lambda writer: writer.copy(writer.mailbox(INBOX).id, [], MailboxName("nope")),
        lambda writer: writer.move(writer.mailbox(INBOX).id, [], MailboxName("nope")),
        lambda writer: writer.delete(MailboxName("nope")),
        lambda writer: writer.rename(MailboxName("nope"), MailboxName("x")),
        lambda writer: writer.mailbox(MailboxName("nope")),
    ]

    for job in jobs:
        with pytest.raises(NoSuchMailbox):
            await mail.write(job)


@pytest.mark.anyio
async def test_renaming_inbox_moves_its_mail_and_inbox_lives_on(mail: Mail) -> None:
    await fill(mail, 2)
    before = await box(mail)
    await mail.write(lambda writer: writer.rename(INBOX, MailboxName("old/mail")))

    assert (await box(mail)).uid_validity == before.uid_validity
    assert (await box(mail)).messages == 0
    assert await fill(mail) == [3]
    assert (await box(mail, MailboxName("old/mail"))).messages == 2
    assert (await box(mail, MailboxName("old"))).messages == 0


@pytest.mark.anyio
async def test_rename_takes_those_below_along_and_makes_those_above(mail: Mail) -> None:
    def job(writer: MailWriter) -> dict[str, int]:
        writer.create(MailboxName("a/b/c"))
        writer.create(MailboxName("a/b-not-below"))
        before = {each.name: each.uid_validity for each in writer.mailboxes()}
        writer.rename(MailboxName("a/b"), MailboxName("x/y"))
        return {name: before[MailboxName(name)] for name in ("a/b", "a/b/c")}

    before = await mail.write(job)
    names = {each.name: each for each in await mail.read(lambda reader: reader.mailboxes())}

    assert {"a", "a/b-not-below", "x", "x/y", "x/y/c"} <= names.keys()
    assert not {"a/b", "a/b/c"} & names.keys()
    assert names[MailboxName("x/y/c")].uid_validity == before["a/b/c"]


@pytest.mark.anyio
async def test_a_mailbox_can_be_renamed_below_itself(mail: Mail) -> None:
    def job(writer: MailWriter) -> None:
        writer.create(MailboxName("a/c"))
        writer.rename(MailboxName("a"), MailboxName("a/b"))

    await mail.write(job)
    names = {each.name for each in await mail.read(lambda reader: reader.mailboxes())}

    assert {"a", "a/b", "a/b/c"} <= names
    assert "a/c" not in names


@pytest.mark.anyio
async def test_what_can_not_be_done_to_a_mailbox(mail: Mail) -> None:
    await mail.write(lambda writer: writer.create(MailboxName("a/b")))

    for forbidden in ("INBOX", "a"):
        with pytest.raises(NotPermitted):
            await mail.write(lambda writer, name=forbidden: writer.delete(MailboxName(name)))  # type: ignore[misc]  # bound now
    with pytest.raises(MailboxExists):
        await mail.write(lambda writer: writer.create(TRASH))
    with pytest.raises(MailboxExists):
        await mail.write(lambda writer: writer.rename(TRASH, SENT))
    with pytest.raises(MailboxExists):
        await mail.write(lambda writer: writer.rename(TRASH, INBOX))


@pytest.mark.anyio
async def test_a_name_that_comes_back_has_another_uid_validity(mail: Mail) -> None:
    seen = set()
    for _ in range(3):
        made = await mail.write(lambda writer: writer.create(MailboxName("again")))
        seen.add(made.uid_validity)
        await mail.write(lambda writer: writer.delete(MailboxName("again")))

    assert len(seen) == 3
    assert sorted(seen) == sorted(seen, key=int)


@pytest.mark.anyio
async def test_a_deleted_mailbox_keeps_nothing_and_says_so(
    store: AccountStore, clock: Clock
) -> None:
    mail = store.mail
    made = await mail.write(lambda writer: writer.create(MailboxName("gone")))
    await mail.write(lambda w: w.append(made.id, OCTETS, form_of(OCTETS), frozenset({SEEN})))
    with mail.watch(made.id) as watch:
        await mail.write(lambda writer: writer.delete(MailboxName("gone")))
        [change] = watch.take()
    clock.at += 61
    await mail.sweep()

    assert isinstance(change, MailboxGone)
    tables = ("segment", "tombstone", "message", "form", "body", "expunged")
    left = await store._database.read(
        lambda c: [c.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() for table in tables]
    )
    assert left == [0] * 6


@pytest.mark.anyio
async def test_a_subscription_needs_no_mailbox(mail: Mail) -> None:
    name = MailboxName("not/there")
    await mail.write(lambda writer: writer.subscribe(name, subscribed=True))
    await mail.write(lambda writer: writer.subscribe(INBOX, subscribed=False))

    names = await mail.read(lambda reader: reader.subscriptions())
    assert name in names
    assert INBOX not in names
    assert not (await box(mail)).subscribed
