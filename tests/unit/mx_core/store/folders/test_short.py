"""What folders have to follow far is not done while the loop waits."""

import pytest

from mx_core.db import lone
from mx_core.model.flags import FLAGGED, SEEN, Flag, FlagSet
from mx_core.model.ids import MailboxId, Uid
from mx_core.model.mailbox_name import MailboxName
from mx_core.ports import FlagChange, MailWriter
from mx_core.store.account_store import AccountStore
from mx_core.store.mail.mail import Mail
from tests.support.mail_steps import box, fill, snapshot
from tests.support.writing_thread import come_to_rest

pytestmark = pytest.mark.anyio
STARRED = MailboxName("Starred")


@pytest.fixture(autouse=True)
def _whatever_the_disk_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lone, "HELD_SECONDS", 60)


@pytest.fixture
def mail(store: AccountStore) -> Mail:
    return store.mail


@pytest.fixture
async def inbox(mail: Mail) -> MailboxId:
    """A mailbox with messages, some of which a folder shows once they are starred."""
    for _ in range(20):
        await fill(mail)
    await mail.write(lambda writer: writer.add_folder(STARRED, "FLAGGED"))
    return (await box(mail)).id


def done_here(mail: Mail, mailbox: MailboxId, count: int, *flags: Flag) -> bool:
    """Give so many of *mailbox* these flags while the loop waits; tell whether it was done."""
    come_to_rest(mail._database)

    def job(writer: MailWriter) -> None:
        uids = [Uid(uid) for uid in range(1, count + 1)]
        writer.store_flags(mailbox, uids, FlagChange.ADD, frozenset(flags))

    return mail.write_here(job) is not None


async def flags(mail: Mail) -> list[FlagSet]:
    return list((await snapshot(mail)).flags)


async def test_what_no_folder_shows_is_done_however_many(mail: Mail, inbox: MailboxId) -> None:
    assert done_here(mail, inbox, 17, SEEN)
    assert (await flags(mail)).count(frozenset({SEEN})) == 17


async def test_few_are_followed_at_once_and_many_are_not(mail: Mail, inbox: MailboxId) -> None:
    assert done_here(mail, inbox, 3, SEEN)
    before = await flags(mail)
    assert not done_here(mail, inbox, 17, FLAGGED)
    assert await flags(mail) == before, "nothing of it is there"
    assert (await mail.read(lambda reader: reader.mailbox(STARRED))).messages == 0

    assert done_here(mail, inbox, 16, FLAGGED)
    assert (await mail.read(lambda reader: reader.mailbox(STARRED))).messages == 16


async def test_through_a_folder_it_is_the_same(mail: Mail, inbox: MailboxId) -> None:
    def star(writer: MailWriter) -> None:
        uids = [Uid(uid) for uid in range(1, 21)]
        writer.store_flags(inbox, uids, FlagChange.ADD, frozenset({FLAGGED}))

    await mail.write(star)
    starred = (await mail.read(lambda reader: reader.mailbox(STARRED))).id

    assert not done_here(mail, starred, 17, SEEN)
    assert await flags(mail) == [frozenset({FLAGGED})] * 20
    assert done_here(mail, starred, 16, SEEN)
    assert (await flags(mail)).count(frozenset({FLAGGED, SEEN})) == 16
