"""Messages whose forms are made after the answer: nobody who reads can tell, and all are made."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from mx_core.db import writer
from mx_core.mime import listed
from mx_core.mime.prepare import prepare
from mx_core.model.errors import MessageGone, NotPermitted
from mx_core.model.flags import DELETED
from mx_core.model.header_keys import OrderText, TextField
from mx_core.model.ids import MessageId, Uid
from mx_core.model.mailbox_name import INBOX, MailboxName
from mx_core.model.message import Fact
from mx_core.ports import Appended, FlagChange, MailWriter, NewMail
from mx_core.store.account_store import BODIES, AccountStore
from mx_core.store.bodies.body import BodyReader
from mx_core.store.forms import runs
from mx_core.store.forms.late import (
    AT_ONCE,
    LONG_OCTETS,
    LOOKED_AT_AGAIN,
    WAITING_MAX,
    LateForms,
)
from mx_core.store.fsck.check import check_store
from mx_core.store.ledger import pulls
from tests.support.stores import STORE_KEY, Clock, open_store

pytestmark = pytest.mark.anyio
SENT = MailboxName("Sent")
PULLED = "imaps://someone@b.example"
FACTS = (Fact.HEADER, Fact.ENVELOPE, Fact.SIZE, Fact.INTERNAL_DATE, Fact.BODYSTRUCTURE, Fact.BODY)


@pytest.fixture(autouse=True)
def _no_leisure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is made because a test pauses."""
    monkeypatch.setattr(writer, "_IDLE_SECONDS", 3_600.0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AccountStore]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


def octets_of(number: int) -> bytes:
    return (
        b"Subject: Late %d\r\nFrom: a@b.example\r\nMessage-ID: <%d@c.example>\r\n\r\n"
        b"body %d\r\n" % (number, number, number)
    )


def late(number: int) -> NewMail:
    return NewMail(octets_of(number), None, frozenset(), 1_600_000_000 + number)


async def add(store: AccountStore, *new: NewMail, box: MailboxName = INBOX) -> list[Appended]:
    def job(writer: MailWriter) -> list[Appended]:
        return writer.append_all(writer.mailbox(box).id, list(new))

    return await store.mail.write(job)


async def messages(store: AccountStore, box: MailboxName = INBOX) -> list[MessageId]:
    shot = await store.mail.read(lambda reader: reader.snapshot(reader.mailbox(box).id))
    return list(shot.messages)


def asked(store: AccountStore, job: Callable[[sa.Connection], object]) -> object:
    return store._database.write_at_start(job)


def made(store: AccountStore) -> int:
    """Return how many messages have a form, and keys, that are kept."""

    def job(connection: sa.Connection) -> int:
        ids = connection.exec_driver_sql("SELECT id FROM message ORDER BY id").scalars().all()
        keyed = connection.exec_driver_sql("SELECT count(*) FROM header_key").scalar_one()
        assert keyed == len(runs.forms(connection, ids))
        return int(keyed)

    count = asked(store, job)
    assert isinstance(count, int)
    return count


async def test_whoever_reads_is_told_the_same(store: AccountStore) -> None:
    await add(store, late(0))
    await add(store, NewMail(octets_of(1), prepare(octets_of(1)), frozenset(), 1_600_000_001))
    await add(store, late(2), late(3))
    ids = await messages(store)
    read = store.mail.read
    forms = [prepare(octets_of(number)) for number in range(4)]

    assert made(store) == 1
    assert await read(lambda reader: reader.forms(ids)) == forms
    told: list[tuple[object, ...]] = []
    while len(told) < len(ids):
        left = ids[len(told) :]
        columns = await read(lambda reader, left=left: reader.facts(left, FACTS))  # type: ignore[misc]  # bound now
        told += zip(*columns, strict=True)
    assert told == [
        (
            listed.halves(octets_of(number)[: form.header_end], form.fields),
            form.envelope, form.size, 1_600_000_000 + number, form.bodystructure, form.body,
        )
        for number, form in enumerate(forms)
    ]  # fmt: skip
    hits = await read(lambda reader: reader.holding(TextField.SUBJECT, "LATE", ids))
    assert hits.sure | hits.open == set(ids)
    orders = await read(lambda reader: reader.order_texts(OrderText.SUBJECT, ids))
    assert len(set(orders)) == 4


async def test_they_are_made_when_there_is_time(store: AccountStore) -> None:
    await add(store, *(late(number) for number in range(AT_ONCE + 5)))
    before = made(store)
    while asked(store, store.mail.riding.pack_some):
        pass

    assert (before, made(store)) == (0, AT_ONCE + 5)
    ids = await messages(store)
    assert await store.mail.read(lambda reader: reader.forms(ids)) == [
        prepare(octets_of(number)) for number in range(AT_ONCE + 5)
    ]


async def test_none_is_made_late_while_mail_is_pulled(tmp_path: Path) -> None:
    """Copies are found by what is made."""
    store = open_store(tmp_path)
    await add(store, late(0))
    assert made(store) == 0
    await store.pulls.add(PULLED, "{}")
    await add(store, late(1))
    assert made(store) == 1
    store.close()

    again = open_store(tmp_path)
    before = made(again)
    await add(again, late(2))
    assert made(again) == before + 1
    assert await again.pulls.remove(PULLED)
    assert not await again.pulls.remove(PULLED)
    again.close()

    at_last = open_store(tmp_path)
    before = made(at_last)
    await add(at_last, late(3))
    assert made(at_last) == before
    at_last.close()


async def test_a_removal_that_was_undone_leaves_mail_pulled(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    await store.pulls.add(PULLED, "{}")
    await add(store, late(0))
    store.close()

    def job(connection: sa.Connection) -> None:
        mail = again.mail
        mail.run(connection, partial(pulls.remove, location=PULLED))
        mail.run(connection, lambda tx, _: tx.expunge(tx.mailbox(INBOX).id))
        raise NotPermitted("after all")

    again = open_store(tmp_path)
    with pytest.raises(NotPermitted):
        await again._database.write(job)
    await add(again, late(1))
    assert made(again) == 2
    again.close()


async def test_those_of_before_are_made_at_the_next_open(tmp_path: Path) -> None:
    """A kill leaves them as they are: the octets are there, and what follows from them is made."""
    store = open_store(tmp_path)
    await add(store, late(0), late(1))
    left = made(store)
    store.close()
    again = open_store(tmp_path)

    assert (left, made(again)) == (0, 2)
    again.close()


@pytest.mark.parametrize(("opens", "looked_at"), [(1, True), (2, False)])
async def test_an_open_looks_no_further_back_than_one_that_found_none_missing(
    tmp_path: Path, opens: int, looked_at: bool
) -> None:
    """The first open after they came looks at all of them, and notes it; what is newer is looked at."""
    store = open_store(tmp_path)
    count = LOOKED_AT_AGAIN + 10
    await add(
        store, *(NewMail(octets_of(n), prepare(octets_of(n)), frozenset(), n) for n in range(count))
    )
    for _ in range(opens - 1):
        store.close()
        store = open_store(tmp_path)
    await add(store, late(count))

    def lost(connection: sa.Connection) -> None:
        for table in ("header_key", "header_text"):
            connection.exec_driver_sql(f"DELETE FROM {table} WHERE message IN (1, {count + 1})")

    await store._database.write(lost)
    store.close()
    again = open_store(tmp_path)
    with_keys = again._database.glance(
        lambda connection: set(
            connection.exec_driver_sql("SELECT message FROM header_key").scalars()
        )
    )
    again.close()

    assert (1 in with_keys, count + 1 in with_keys) == (looked_at, True)


async def test_no_run_is_packed_past_one_that_waits(store: AccountStore) -> None:
    await add(store, late(0))
    for number in range(1, 3 * runs.RUN):
        octets = octets_of(number)
        await add(store, NewMail(octets, prepare(octets), frozenset(), 0))

    def end(connection: sa.Connection) -> int:
        return runs.Runs(connection).end()

    assert asked(store, end) == 0
    while asked(store, store.mail.riding.pack_some):
        pass
    assert asked(store, end) == 3 * runs.RUN
    ids = await messages(store)
    assert await store.mail.read(lambda reader: reader.forms(ids[:2])) == [
        prepare(octets_of(0)),
        prepare(octets_of(1)),
    ]


async def test_so_many_may_wait_and_then_some_are_made_with_what_comes(
    store: AccountStore,
) -> None:
    assert store.mail.forms_may_wait([LONG_OCTETS, LONG_OCTETS + 1]) == [True, False]
    assert store.mail.forms_may_wait([1] * (WAITING_MAX + 9)).count(True) == WAITING_MAX
    assert store.mail.forms_may_wait([LONG_OCTETS] * 200).count(True) == 32
    for start in range(0, WAITING_MAX - 1, 73):
        await add(store, *(late(start + at) for at in range(73)))
    assert made(store) == 0
    assert store.mail.forms_may_wait([1, 1]) == [True, False]

    await add(store, late(WAITING_MAX - 1))

    assert made(store) == AT_ONCE
    assert store.mail.forms_may_wait([1]) == [True]


def test_many_octets_are_enough_too() -> None:
    waiting = LateForms()
    waiting.note((MessageId(n), LONG_OCTETS) for n in range(31))
    assert waiting.may_wait([1]) == [True]
    waiting.note([(MessageId(31), LONG_OCTETS)])

    assert waiting.full
    assert waiting.may_wait([1]) == [False]


async def test_long_ones_are_made_few_at_a_time(store: AccountStore) -> None:
    octets = [b"Subject: %d\r\n\r\n" % n + b"x" * (LONG_OCTETS - 14) for n in range(5)]
    await add(store, *(NewMail(each, None, frozenset(), 0) for each in octets))

    steps = []
    for _ in range(2):
        asked(store, store.mail.riding.pack_some)
        steps.append(made(store))
    assert steps == [4, 5]


async def test_of_what_was_undone_or_expunged_nothing_is_made(store: AccountStore) -> None:
    await add(store, late(0))
    [message] = await messages(store)
    form = prepare(octets_of(1))
    await add(store, NewMail(octets_of(1), form, frozenset(), 0))  # took an id that was undone
    waiting = LateForms()
    waiting.note([(message, 10), (MessageId(message + 1), 10), (MessageId(999), 10)])

    def job(connection: sa.Connection) -> bool:
        return waiting.make(connection, BodyReader(connection, store.folder / BODIES))

    assert asked(store, job) is False
    assert made(store) == 2
    assert not waiting.full
    assert asked(store, job) is False


def expunged(writer: MailWriter, first: int, last: int) -> None:
    """Expunge the messages of these UIDs."""
    inbox, uids = writer.mailbox(INBOX).id, [Uid(uid) for uid in range(first, last + 1)]
    writer.store_flags(inbox, uids, FlagChange.ADD, frozenset({DELETED}))
    writer.expunge(inbox)


async def test_what_is_expunged_waits_no_more_and_whoever_sees_it_is_told_the_same(
    store: AccountStore,
) -> None:
    await add(store, *(late(number) for number in range(WAITING_MAX - 1)))
    ids = await messages(store)
    assert store.mail.forms_may_wait([1, 1]) == [True, False]

    await store.mail.write(partial(expunged, first=3, last=WAITING_MAX - 2))

    assert store.mail.forms_may_wait([1] * WAITING_MAX).count(True) == WAITING_MAX - 3
    while asked(store, store.mail.riding.pack_some):
        pass
    assert made(store) == 3
    forms = [prepare(octets_of(number)) for number in range(WAITING_MAX - 1)]
    assert await store.mail.read(lambda reader: reader.forms(ids)) == forms
    envelopes: list[bytes] = []
    while len(envelopes) < len(ids):
        left = ids[len(envelopes) :]
        [some] = await store.mail.read(lambda r, left=left: r.facts(left, [Fact.ENVELOPE]))  # type: ignore[misc]  # bound now
        envelopes += some
    assert envelopes == [form.envelope for form in forms]
    hits = await store.mail.read(lambda reader: reader.holding(TextField.SUBJECT, "LATE", ids))
    assert hits.sure | hits.open == set(ids)


async def test_an_expunge_that_was_undone_leaves_mail_that_is_made_at_the_next_open(
    tmp_path: Path,
) -> None:
    store = open_store(tmp_path)
    await add(store, late(0), late(1))
    ids = await messages(store)

    def job(connection: sa.Connection) -> None:
        store.mail.run(connection, lambda writer, _: expunged(writer, 1, 1))
        raise NotPermitted("after all")

    with pytest.raises(NotPermitted):
        await store._database.write(job)
    while asked(store, store.mail.riding.pack_some):
        pass
    forms = await store.mail.read(lambda reader: reader.forms(ids))
    before = made(store)
    store.close()
    again = open_store(tmp_path)

    assert forms == [prepare(octets_of(number)) for number in range(2)]
    assert (before, made(again)) == (1, 2)
    again.close()


async def test_a_store_with_some_expunged_before_they_were_made_is_whole(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    await add(store, late(0), late(1), late(2))
    await store.mail.write(partial(expunged, first=2, last=2))
    store.close()

    assert check_store(tmp_path, STORE_KEY, Clock(), repair=False, deep=True).findings == []


async def test_one_that_is_gone_has_neither_form_nor_facts(store: AccountStore) -> None:
    missing = MessageId(77)
    with pytest.raises(MessageGone):
        await store.mail.read(lambda reader: reader.forms([missing]))
    with pytest.raises(MessageGone):
        await store.mail.read(lambda reader: reader.facts([missing], FACTS))


async def test_where_the_form_is_asked_for_at_once_it_is_made_at_once(store: AccountStore) -> None:
    await add(store, late(0), box=SENT)
    assert made(store) == 1
    await store.folders.add(MailboxName("Lately"), "SUBJECT late")
    await add(store, late(1))

    assert made(store) == 2
    assert store.mail.mailbox(MailboxName("Lately")).messages == 2


async def test_what_claims_a_status_does_not_wait(store: AccountStore) -> None:
    claims = b"MX-Status: verified\r\nSubject: x\r\n\r\nbody\r\n"
    await add(store, late(0), NewMail(claims, None, frozenset(), 0))
    ids = await messages(store)
    forms = await store.mail.read(lambda reader: reader.forms(ids))

    assert made(store) == 1
    assert [form.foreign_status for form in forms] == [False, True]


@pytest.mark.parametrize("repair", [False, True])
async def test_a_store_with_some_waiting_is_whole(tmp_path: Path, repair: bool) -> None:
    store = open_store(tmp_path)
    await add(store, late(0), late(1))
    store.close()
    report = check_store(tmp_path, STORE_KEY, Clock(), repair=repair, deep=True)

    assert report.findings == []
