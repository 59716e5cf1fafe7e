from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from mx_core.model.errors import NoSuchMailbox, NotPermitted
from mx_core.model.flags import FLAGGED, KEY_CHANGED, NOT_ENCRYPTED, SEEN, Flag, FlagSet
from mx_core.model.mailbox_name import INBOX, MailboxName
from mx_core.ports import FlagChange, MailWriter
from mx_core.store.account_store import AccountStore
from mx_core.store.folders import book as books
from mx_core.store.folders.book import Shelf
from mx_core.store.mail.writer import Writer
from tests.support.folder_audit import audited
from tests.support.mail_calls import WORK, add, box, snapshot
from tests.support.stores import memory_store

STARRED, FIRST = MailboxName("Starred"), MailboxName("Not encrypted")
pytestmark = pytest.mark.anyio


@pytest.fixture
def store() -> Iterator[AccountStore]:
    with memory_store() as opened:
        yield opened


async def test_a_folder_of_a_job_that_failed_is_forgotten(store: AccountStore) -> None:
    def job(writer: MailWriter) -> None:
        writer.add_folder(STARRED, "FLAGGED")
        raise NotPermitted("after all")

    with pytest.raises(NotPermitted):
        await store.mail.write(job)

    await add(store.mail, frozenset({FLAGGED}))
    assert len((await snapshot(store.mail)).uids) == 1
    assert await audited(store) == []


async def test_what_was_learnt_in_a_commit_that_failed_is_forgotten(store: AccountStore) -> None:
    """Then the moment at which the next job begins is below what was seen."""

    def job(writer: Writer, connection: sa.Connection) -> list[int]:
        shelf = Shelf()
        known = [len(shelf.book(connection, 10).folders)]
        writer.add_folder(STARRED, "FLAGGED")
        for begins_at in (10, 9):
            shelf.begin(begins_at)
            known.append(len(shelf.book(connection, begins_at).folders))
        return known

    assert await store.mail.write_with(job) == [3, 3, 4]


async def test_a_name_that_a_commit_that_failed_had_changed_is_forgotten(
    store: AccountStore,
) -> None:
    def job(writer: Writer, connection: sa.Connection) -> None:
        shelf, before = Shelf(), writer.log.moment
        writer.rename(MailboxName("Trash"), WORK)
        shelf.begin(writer.log.moment)
        assert shelf.book(connection, writer.log.moment).trash == WORK
        writer.rename(WORK, MailboxName("Trash"))  # as it is after the failure
        shelf.begin(before)
        assert shelf.book(connection, before).trash == "Trash"

    await store.mail.write_with(job)


async def test_a_mailbox_that_a_commit_that_failed_had_made_is_forgotten(
    store: AccountStore,
) -> None:
    def job(writer: Writer, connection: sa.Connection) -> None:
        shelf, made = Shelf(), writer.create(WORK)
        assert shelf.global_id(connection, made.id, 10) == made.global_id
        connection.exec_driver_sql("DELETE FROM mailbox WHERE id = ?", (made.id,))
        shelf.begin(10)
        assert shelf.global_id(connection, made.id, 10) == made.global_id
        shelf.begin(9)
        with pytest.raises(NoSuchMailbox):
            shelf.global_id(connection, made.id, 9)
        raise NotPermitted("after all")

    with pytest.raises(NotPermitted):
        await store.mail.write_with(job)


async def test_a_mailbox_that_was_removed_is_not_found_by_whoever_changed_it_before(
    store: AccountStore,
) -> None:
    await store.mail.write(lambda writer: writer.create(WORK))
    work, uid = await box(store.mail, WORK), await add(store.mail, name=WORK)

    def seen(writer: MailWriter) -> None:
        writer.store_flags(work, [uid], FlagChange.ADD, frozenset({SEEN}))

    await store.mail.write(seen)
    await store.mail.write(lambda writer: writer.delete(WORK))
    for job in (
        seen,
        lambda writer: writer.expunge(work),
        lambda writer: writer.copy(work, [uid], INBOX),
        lambda writer: writer.move(work, [uid], INBOX),
    ):
        with pytest.raises(NoSuchMailbox):
            await store.mail.write(job)


@pytest.mark.parametrize("kept_sets", [1, 10_000])
async def test_folders_that_may_show_flags_are_those_whose_rules_hold_for_them(
    store: AccountStore, monkeypatch: pytest.MonkeyPatch, kept_sets: int
) -> None:
    monkeypatch.setattr(books, "_CACHED_SETS_MAX", kept_sets)
    subject = MailboxName("Of a subject")

    def job(writer: MailWriter) -> None:
        writer.add_folder(STARRED, "FLAGGED UNSEEN")
        writer.add_folder(subject, "SUBJECT hello")

    await store.mail.write(job)
    names = {
        frozenset({FLAGGED}): {STARRED, subject},
        frozenset({FLAGGED, SEEN}): {subject},
        frozenset({NOT_ENCRYPTED, SEEN}): {FIRST, subject},
        frozenset({KEY_CHANGED, NOT_ENCRYPTED, Flag("Old")}): {FIRST, "Key changed", subject},
    }

    def showing(writer: Writer, _connection: sa.Connection) -> list[set[str]]:
        book, judging = writer.places.book, writer.places.judging
        boxes = {each.id: each.name for each in writer.mailboxes()}
        sets: list[FlagSet] = [*names, *names]
        return [
            {boxes[each] for each in book.showing(flags, judging.holds_for_flags)} for flags in sets
        ]

    assert await store.mail.write_with(showing) == [*names.values(), *names.values()]


async def test_a_moment_is_news_once_and_again_after_it_was_forgotten(store: AccountStore) -> None:
    box = await store.mail.read(lambda reader: reader.mailbox(FIRST).id)
    shelf = Shelf()

    assert [shelf.is_news(box, second, 10) for second in (1, 1, 2)] == [True, False, True]
    shelf.begin(9)
    assert shelf.is_news(box, 2, 9)


async def test_a_message_in_a_folder_has_the_date_at_which_it_came_there(
    store: AccountStore,
) -> None:
    await store.mail.write(lambda writer: writer.add_folder(STARRED, "FLAGGED"))
    for _ in range(3):
        await add(store.mail, frozenset({FLAGGED}))

    dates = await store.mail.read(
        lambda reader: reader.save_dates(
            reader.mailbox(STARRED).id, list(reader.snapshot(reader.mailbox(STARRED).id).uids)
        )
    )

    assert len(dates) == 3
    assert len(set(dates)) == 1
