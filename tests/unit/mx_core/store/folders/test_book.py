from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from mx_core.model.errors import NotPermitted
from mx_core.model.flags import FLAGGED
from mx_core.model.mailbox_name import MailboxName
from mx_core.ports import MailWriter
from mx_core.store.account_store import AccountStore
from mx_core.store.folders.book import Shelf
from mx_core.store.mail.writer import Writer
from tests.support.folder_audit import audited
from tests.support.mail_calls import add, snapshot
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
    """Then the modseq at which the next job begins is below what was seen."""

    def job(writer: Writer, connection: sa.Connection) -> list[int]:
        shelf = Shelf()
        known = [len(shelf.book(connection, 10).folders)]
        writer.add_folder(STARRED, "FLAGGED")
        for begins_at in (10, 9):
            shelf.begin(begins_at)
            known.append(len(shelf.book(connection, begins_at).folders))
        return known

    assert await store.mail.write_with(job) == [3, 3, 4]


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
