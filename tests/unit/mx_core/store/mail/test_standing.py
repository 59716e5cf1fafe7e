"""What a job leaves to the next one holds exactly as long as nothing was changed after it."""

import asyncio
import resource
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import pytest
import sqlalchemy as sa

from mx_core.db import lone
from mx_core.model.errors import DiskFull, NoSuchMailbox, NotPermitted, StoreDamaged
from mx_core.model.flags import DELETED, SEEN
from mx_core.model.ids import Uid
from mx_core.model.mailbox_name import INBOX, MailboxName
from mx_core.ports import FlagChange, MailWriter
from mx_core.store.account_store import AccountStore
from mx_core.store.mail import standing
from tests.support.folder_audit import audited
from tests.support.mail_calls import WORK
from tests.support.mail_steps import box, snapshot
from tests.support.stores import form_of
from tests.support.writing_thread import come_to_rest

pytestmark = pytest.mark.anyio
T = TypeVar("T")
OCTETS = b"Subject: hello\r\n\r\nbody\r\n"


@pytest.fixture(autouse=True)
def _whatever_the_disk_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lone, "HELD_SECONDS", 60)


def put(writer: MailWriter, name: MailboxName = INBOX) -> Uid:
    return writer.append(writer.mailbox_id(name), OCTETS, form_of(OCTETS), frozenset()).uid


def put_and_fail(writer: MailWriter) -> Uid:
    put(writer)
    raise NotPermitted("after all")


def mark(writer: MailWriter, uid: int = 1) -> None:
    flags = frozenset({SEEN})
    writer.store_flags(writer.mailbox(INBOX).id, [Uid(uid)], FlagChange.ADD, flags)


def turn(writer: MailWriter, change: FlagChange, uid: int = 1) -> None:
    inbox = writer.mailbox(INBOX).id
    writer.store_flags(inbox, [Uid(uid)], change, frozenset({SEEN}))


def turn_and_fail(writer: MailWriter, change: FlagChange) -> None:
    turn(writer, change)
    raise NotPermitted("after all")


def expunge(writer: MailWriter, uid: int) -> None:
    inbox = writer.mailbox(INBOX).id
    writer.store_flags(inbox, [Uid(uid)], FlagChange.ADD, frozenset({DELETED}))
    writer.expunge(inbox, [Uid(uid)])


async def seen(store: AccountStore) -> list[Uid]:
    """Return what is seen in INBOX, as read from the disk, which live snapshots agree with."""
    shot = await snapshot(store.mail)
    inbox = (await box(store.mail)).id
    stored = await store.mail.write(lambda writer: writer.snapshot(inbox))
    assert shot == stored
    return [uid for uid, flags in zip(stored.uids, stored.flags, strict=True) if SEEN in flags]


def here(store: AccountStore, job: Callable[[MailWriter], T]) -> T:
    """Do *job* on this thread; raises what it raises."""
    come_to_rest(store._database)
    done = store.mail.write_here(job)
    assert done is not None
    return done[0]


def at_once(store: AccountStore, name: MailboxName = INBOX) -> Uid:
    """Append on this thread."""
    return here(store, partial(put, name=name))


def statements(
    store: AccountStore,
    name: MailboxName = INBOX,
    job: Callable[[MailWriter], object] | None = None,
) -> list[str]:
    """Return the verbs of what *job* (None: appending) at once asks of the database."""
    said: list[str] = []
    raw = store._database._writer._raw

    def traced(writer: MailWriter) -> None:
        raw.set_trace_callback(lambda statement: said.append(statement.split()[0]))
        (job or partial(put, name=name))(writer)

    try:
        here(store, traced)
    finally:
        raw.set_trace_callback(None)
    return said


async def begun(store: AccountStore) -> None:
    """Make what the first jobs of a store make, so that lone ones may follow."""
    await store.mail.write(lambda writer: writer.create(WORK))
    for _ in range(3):
        await store.mail.write(put)


async def test_an_append_that_follows_another_reads_nothing(store: AccountStore) -> None:
    await begun(store)

    assert "SELECT" not in statements(store)
    assert "SELECT" in statements(store, WORK), "another mailbox is looked for"
    assert "SELECT" not in statements(store, WORK)
    await store.mail.write(mark)
    assert "SELECT" not in statements(store, WORK), "and a change of flags moves no UID"
    assert list((await snapshot(store.mail)).uids) == [1, 2, 3, 4]
    assert list((await snapshot(store.mail, WORK)).uids) == [1, 2, 3]
    assert await audited(store) == []


async def test_a_change_of_flags_that_follows_another_reads_no_segment(
    store: AccountStore,
) -> None:
    await begun(store)
    inbox = (await box(store.mail)).id
    asked = []
    for uid, change in (
        (1, FlagChange.ADD),
        (2, FlagChange.ADD),
        (1, FlagChange.REMOVE),
        (2, FlagChange.REMOVE),
    ):

        def job(writer: MailWriter, uid: int = uid, change: FlagChange = change) -> None:
            writer.store_flags(inbox, [Uid(uid)], change, frozenset({SEEN}))

        asked.append("SELECT" in statements(store, job=job))
        assert (uid in await seen(store)) is (change is FlagChange.ADD)
    assert asked == [True, False, False, False]
    assert await audited(store) == []


async def test_flags_of_a_job_that_was_undone_are_as_they_were(store: AccountStore) -> None:
    await begun(store)
    for change, there in ((FlagChange.ADD, [1]), (FlagChange.REMOVE, []), (FlagChange.ADD, [1])):
        before = await seen(store)
        with pytest.raises(NotPermitted):
            here(store, partial(turn_and_fail, change=change))
        assert await seen(store) == before
        await store.mail.write(partial(turn, change=change))
        assert await seen(store) == there
        jobs = [partial(turn, change=FlagChange.ADD, uid=2), partial(turn_and_fail, change=change)]
        jobs += [partial(turn, change=FlagChange.REMOVE, uid=2)]
        await asyncio.gather(*map(store.mail.write, jobs), return_exceptions=True)
        assert await seen(store) == there
    assert await audited(store) == []


async def test_flags_of_what_came_and_went_between_are_those_of_the_right_message(
    store: AccountStore,
) -> None:
    await begun(store)
    await store.mail.write(partial(turn, change=FlagChange.ADD, uid=3))
    await store.mail.write(partial(expunge, uid=2))
    assert await seen(store) == [3]
    await store.mail.write(partial(turn, change=FlagChange.REMOVE, uid=3))
    assert at_once(store) == 4
    await store.mail.write(partial(turn, change=FlagChange.ADD, uid=4))
    assert await seen(store) == [4]
    await store.mail.write(lambda w: w.move(w.mailbox(INBOX).id, [Uid(1)], WORK))
    await store.mail.write(partial(turn, change=FlagChange.ADD, uid=3))
    await store.mail.write(partial(turn, change=FlagChange.ADD, uid=1))
    assert await seen(store) == [3, 4]
    assert await audited(store) == []


async def test_flags_are_not_put_over_other_messages_even_if_what_is_known_were_not_so(
    store: AccountStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begun(store)
    mail = store.mail
    with monkeypatch.context() as patch:
        patch.setattr(standing, "changes_of", lambda _connection: 7)
        patch.setattr("mx_core.store.mail.mailboxes.changes_of", lambda _connection: 7)
        await mail.write(partial(turn, change=FlagChange.ADD, uid=2))
        counted = "UPDATE clock SET modseq = modseq - 2, device_seq = device_seq - 2"

        def unheard(connection: sa.Connection) -> None:
            mail.run(connection, lambda writer, _: expunge(writer, 1))
            connection.exec_driver_sql(counted).close()  # so that only the segment is not so

        await store._database.write(unheard)
        with pytest.raises(StoreDamaged, match="segment"):
            await mail.write(partial(turn, change=FlagChange.ADD, uid=3))


async def test_a_job_that_was_undone_gives_its_uid_to_the_next(store: AccountStore) -> None:
    await begun(store)
    for uid in range(4, 8):
        with pytest.raises(NotPermitted):
            here(store, put_and_fail)
        assert at_once(store) == uid
    assert await audited(store) == []


async def test_jobs_undone_in_a_transaction_that_stays_open_leave_nothing(
    store: AccountStore,
) -> None:
    """What the others made in it is then made again, and counted again."""
    await begun(store)
    inbox = (await box(store.mail)).id

    def star(writer: MailWriter, change: FlagChange, uid: int) -> None:
        writer.store_flags(inbox, [Uid(uid)], change, frozenset({SEEN}))

    def star_and_fail(writer: MailWriter) -> None:
        star(writer, FlagChange.ADD, 1)
        star(writer, FlagChange.REMOVE, 2)
        raise NotPermitted("after all")

    def fail(_writer: MailWriter) -> None:
        raise NotPermitted("before anything")

    at_once(store)
    open_transaction = store._database._writer._lone._open
    assert open_transaction is not None
    come_to_rest(store._database)
    uids: list[Uid] = []
    for undone in (fail, put_and_fail, star_and_fail, None, star_and_fail, put_and_fail, fail):
        done = store.mail.write_here(put)
        assert done is not None
        uids += done
        assert store.mail.write_here(partial(star, change=FlagChange.ADD, uid=2)) is not None
        assert open_transaction.is_open
        if undone is not None:
            with pytest.raises(NotPermitted):
                store.mail.write_here(undone)
        assert open_transaction.is_open
        assert store.mail.write_here(partial(star, change=FlagChange.ADD, uid=3)) is not None
        assert store.mail.write_here(partial(star, change=FlagChange.REMOVE, uid=2)) is not None
    assert uids == list(range(5, 12))
    assert await seen(store) == [3]
    assert await audited(store) == []


async def test_a_commit_that_failed_gives_its_uids_and_counters_to_the_next(
    store: AccountStore,
) -> None:
    await begun(store)
    at_once(store)
    before = await box(store.mail), (await snapshot(store.mail)).highest_modseq
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        for job in (put, mark):
            with pytest.raises(DiskFull):
                here(store, job)
            with pytest.raises(DiskFull):
                await store.mail.write(job)
        both = await asyncio.gather(
            store.mail.write(put), store.mail.write(put), return_exceptions=True
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert [type(each) for each in both] == [DiskFull, DiskFull]
    assert (await box(store.mail), (await snapshot(store.mail)).highest_modseq) == before
    assert [at_once(store) for _ in range(2)] == [5, 6]
    assert (await snapshot(store.mail)).highest_modseq == before[1] + 2
    assert await audited(store) == []


async def test_jobs_of_one_commit_see_what_the_one_before_them_did(store: AccountStore) -> None:
    await begun(store)
    at_once(store)
    jobs: list[Callable[[MailWriter], object]] = [
        *(put, put_and_fail, put),
        *(mark, put_and_fail, put),
    ]
    told: list[object] = [
        *await asyncio.gather(*(store.mail.write(job) for job in jobs), return_exceptions=True)
    ]

    assert [each for each in told if isinstance(each, int)] == [5, 6, 7]
    assert at_once(store) == 8
    assert await audited(store) == []


async def test_a_mailbox_of_the_same_name_is_another(store: AccountStore) -> None:
    await begun(store)
    assert at_once(store, WORK) == 1
    await store.mail.write(lambda writer: writer.rename(WORK, MailboxName("Old")))
    with pytest.raises(NoSuchMailbox):
        here(store, partial(put, name=WORK))
    await store.mail.write(lambda writer: writer.create(WORK))
    assert at_once(store, WORK) == 1
    assert at_once(store, MailboxName("Old")) == 2
    await store.mail.write(lambda writer: writer.delete(MailboxName("Old")))
    with pytest.raises(NoSuchMailbox):
        here(store, partial(put, name=MailboxName("Old")))

    def renames_between(writer: MailWriter) -> list[Uid]:
        first = put(writer, WORK)
        writer.rename(WORK, MailboxName("Old"))
        writer.create(WORK)
        return [first, put(writer, WORK), put(writer, MailboxName("Old"))]

    assert await store.mail.write(renames_between) == [2, 1, 3]
    assert [at_once(store, WORK), at_once(store, MailboxName("Old"))] == [2, 4]
    assert await audited(store) == []


async def test_what_others_change_is_noticed(store: AccountStore) -> None:
    """Jobs that announce nothing are seen by what the connection has counted."""
    await begun(store)
    at_once(store)
    for statement in ("UPDATE mailbox SET uid_next = 50", "UPDATE clock SET modseq = 900"):
        await store._database.write(lambda c, said=statement: c.exec_driver_sql(said).close())  # type: ignore[misc]

    assert at_once(store) == 50
    assert (await snapshot(store.mail)).highest_modseq == 901


@pytest.mark.parametrize(
    ("statement", "job", "what"),
    [
        ("UPDATE mailbox SET uid_next = 50", put, "mailbox"),
        ("UPDATE clock SET modseq = 900", mark, "counters"),
    ],
)
async def test_no_number_is_given_twice_even_if_what_is_known_were_not_so(
    store: AccountStore, monkeypatch: pytest.MonkeyPatch, statement: str, job: object, what: str
) -> None:
    await begun(store)
    at_once(store)
    before = await snapshot(store.mail)
    with monkeypatch.context() as patch:
        patch.setattr(standing, "changes_of", lambda _connection: 7)
        patch.setattr("mx_core.store.mail.mailboxes.changes_of", lambda _connection: 7)
        at_once(store)
        await store._database.write(lambda c: c.exec_driver_sql(statement).close())
        with pytest.raises(StoreDamaged, match=what):
            here(store, job)  # type: ignore[arg-type]
    assert len(await snapshot(store.mail)) == len(before) + 1
    await store.mail.write(mark)
    assert at_once(store) in (6, 50)
