"""Forms in runs are those that arrived: read, kept beside rows, forgotten, and checked."""

import asyncio
import random
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import pytest
import sqlalchemy as sa

from mx_core.db import writer
from mx_core.mime.listed import halves
from mx_core.mime.prepare import prepare
from mx_core.model.errors import MessageGone
from mx_core.model.flags import DELETED
from mx_core.model.ids import MessageId, Uid
from mx_core.model.mailbox_name import INBOX
from mx_core.model.message import Fact, MessageForm
from mx_core.ports import FlagChange, MailReader, NewMail
from mx_core.store.account_store import AccountStore
from mx_core.store.forms import runs
from mx_core.store.forms.packed import Packed
from mx_core.store.forms.runs import RUN, Piece, Runs
from mx_core.store.fsck.check import check_store
from mx_core.store.fsck.finding import Damage
from mx_core.store.mail.writer import Writer
from tests.support.stores import STORE_KEY, Clock, open_store

COUNT = 3 * RUN
LONG = 200  # this message has a header that no run takes, the next one a form that none takes
FACTS = tuple(Fact)
PIECES = ("form_list", "form_head", "form_told", "form_rest")


def octets_of(number: int) -> bytes:
    more = b""
    if number == LONG:
        more = b"X-Long: " + b"x" * 20_000 + b"\r\n"
    if number == LONG + 1:  # the first Subject is the one that counts
        more = b"Subject: " + b"s" * 20_000 + b"\r\n"
    date = b"Date: Mon, 1 Jan 2024 00:00:%02d +0000\r\n" % (number % 60)
    dated = date if number % 3 else b""
    return (
        b"%bFrom: a%d@a.example\r\nSubject: m%d \xc3\xa9\r\n%bMessage-ID: <%d@a>\r\n\r\nbody %d\r\n"
        % (more, number, number, dated, number, number)
    )


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filled")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "pack_next", lambda *_: False)
        store = open_store(folder)
        asyncio.run(append(store, range(COUNT)))
        store.close()
    return folder


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(
    filled: Path, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[AccountStore]:
    """All forms are rows still, and nobody has time."""
    monkeypatch.setattr(writer, "_IDLE_SECONDS", 3_600)
    shutil.copy(filled / "mail.db", tmp_path)
    opened = open_store(tmp_path, clock)
    yield opened
    opened.close()


async def append(store: AccountStore, numbers: range) -> None:
    inbox = (await store.mail.read(lambda reader: reader.mailbox(INBOX))).id
    new = [
        NewMail(octets, prepare(octets), frozenset(), 1000 + number)
        for number in numbers
        for octets in [octets_of(number)]
    ]
    await store.mail.write(lambda writer: writer.append_all(inbox, new))


def pack_all(store: AccountStore) -> int:
    steps = 0
    while store._database.write_at_start(store.mail.riding.pack_some):
        steps += 1
    return steps


def ask(store: AccountStore, statement: str) -> list[int]:
    def job(connection: sa.Connection) -> list[int]:
        return list(connection.exec_driver_sql(statement).scalars())

    return store._database.write_at_start(job)


def everything(reader: MailReader, messages: list[MessageId]) -> list[object]:
    asked = (FACTS, (Fact.SIZE, Fact.INTERNAL_DATE, Fact.LISTED), (Fact.SIZE, Fact.ENVELOPE))
    return [*(told(reader, messages, facts) for facts in asked), reader.forms(messages)]


def told(
    reader: MailReader, messages: list[MessageId], facts: Sequence[Fact]
) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    while len(rows) < len(messages):
        rows += zip(*reader.facts(messages[len(rows) :], facts), strict=True)
    return rows


def ids(store: AccountStore) -> list[MessageId]:
    inbox = store.mail.glance(lambda reader: reader.mailbox(INBOX)).id
    return list(store.mail.glance(lambda reader: reader.snapshot(inbox)).messages)


def test_packed_or_not_a_form_tells_the_same(store: AccountStore) -> None:
    messages = ids(store)
    shuffled = random.Random(3).sample(messages, 150)
    orders = (messages, messages[::-1], messages[5::7], shuffled, messages[LONG : LONG + 1])

    before = [store.mail.glance(lambda r, o=o: everything(r, o)) for o in orders]  # type: ignore[misc]  # bound now
    assert ask(store, "SELECT count(*) FROM form") == [COUNT]
    assert pack_all(store) > 0
    loose = ask(store, "SELECT message FROM form ORDER BY message")
    after = [store.mail.glance(lambda r, o=o: everything(r, o)) for o in orders]  # type: ignore[misc]  # bound now

    assert after == before
    # the run of the newest is not whole yet; one is too long
    assert loose == [LONG + 2, *range(COUNT, COUNT + 1)]
    forms = cast("list[MessageForm]", before[0][-1])
    assert [each.fields for each in forms] == [prepare(octets_of(n)).fields for n in range(COUNT)]


def test_one_step_packs_one_run_and_old_rows_stand_beside_it(store: AccountStore) -> None:
    messages = ids(store)
    before = store.mail.glance(lambda reader: everything(reader, messages))
    store._database.write_at_start(store.mail.riding.pack_some)
    loose = ask(store, "SELECT count(*) FROM form")

    assert loose == [COUNT - (RUN - 1)]  # ids begin with 1
    assert store.mail.glance(lambda reader: everything(reader, messages)) == before


def test_a_row_counts_where_there_is_a_run_too(store: AccountStore) -> None:
    pack_all(store)
    message = ids(store)[10]

    def mend(_writer: Writer, connection: sa.Connection) -> None:
        connection.exec_driver_sql(
            "INSERT INTO form SELECT ?, size, header_end, fields, CAST('told' AS BLOB), bodystructure, body,"
            " parts, sent, message_id, base_subject, header FROM form LIMIT 1",
            (message,),
        )

    asyncio.run(store.mail.write_with(mend))
    near = ids(store)[8:13]
    envelopes = store.mail.glance(lambda reader: told(reader, near, [Fact.ENVELOPE]))
    [form] = store.mail.glance(lambda reader: reader.forms([message]))

    assert [envelope == b"told" for (envelope,) in envelopes] == [False, False, True, False, False]
    assert form.envelope == b"told"


def test_arrivals_pack_what_is_older_when_nobody_has_time(store: AccountStore) -> None:
    asyncio.run(append(store, range(COUNT, COUNT + 2)))
    asyncio.run(append(store, range(COUNT + 2, COUNT + RUN)))

    [oldest] = ask(store, "SELECT min(message) FROM form")
    assert oldest >= RUN
    assert ask(store, "SELECT count(*) FROM form")[0] < COUNT + RUN


def test_many_arrivals_at_once_pack_as_many_runs_as_they_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_IDLE_SECONDS", 3_600)
    store = open_store(tmp_path)
    for first in range(0, 10 * RUN, 5 * RUN):
        asyncio.run(append(store, range(first, first + 5 * RUN)))

    [loose] = ask(store, "SELECT count(*) FROM form")
    messages = ids(store)
    rows = store.mail.glance(lambda reader: told(reader, messages, FACTS))
    behind = messages[LONG + 100 :]
    [many] = store.mail.glance(lambda reader: reader.facts(behind[: 4 * RUN], [Fact.LISTED]))
    [few] = store.mail.glance(lambda reader: reader.facts(behind[: 3 * RUN], [Fact.LISTED]))
    store.close()
    assert len(many) > 3 * RUN
    assert behind[len(many)] % RUN == 0  # whoever asks for many goes on where a run begins
    assert len(few) == 3 * RUN
    assert loose <= 3 * RUN + 1  # one is too long for any run
    assert (
        rows
        == [  # in the order of FACTS
            (len(octets), 1000 + n, form.envelope, form.bodystructure, form.body, table[0], table)
            for n in range(10 * RUN)
            for octets in [octets_of(n)]
            for form in [prepare(octets)]
            for table in [halves(octets[: form.header_end], form.fields)]
        ]
    )


@pytest.mark.parametrize(("octets_max", "ahead"), [(1, [0]), (1 << 20, [0, 1, 2])])
def test_runs_that_are_read_together_are_those_of_each_alone(
    store: AccountStore, octets_max: int, ahead: list[int]
) -> None:
    pack_all(store)

    def opened(connection: sa.Connection) -> tuple[list[Packed | None], list[int]]:
        runs, asked = Runs(connection), list[str]()
        runs.read_ahead([Piece.LIST, Piece.HEAD], 0, 2, octets_max)
        connection.driver_connection.set_trace_callback(asked.append)  # type: ignore[attr-defined]  # the driver itself
        pieces = [runs.open(piece, run) for piece in (Piece.LIST, Piece.HEAD) for run in range(3)]
        connection.driver_connection.set_trace_callback(None)  # type: ignore[attr-defined]
        alone = {int(each.rsplit(" ", 1)[1]) for each in asked}
        return pieces, [run for run in range(3) if run not in alone]

    def each_alone(connection: sa.Connection) -> list[Packed | None]:
        pieces = (Piece.LIST, Piece.HEAD)
        return [Runs(connection).open(piece, run) for piece in pieces for run in range(3)]

    pieces, found = store._database.write_at_start(opened)
    assert found == ahead
    assert pieces == store._database.write_at_start(each_alone)
    assert None not in pieces


def test_what_is_expunged_is_in_no_run_any_more(store: AccountStore, clock: Clock) -> None:
    pack_all(store)
    messages = ids(store)
    gone = [*range(50, 60), *range(RUN - 1, 2 * RUN - 1), COUNT - 1]  # a whole run, and the newest
    kept = [message for at, message in enumerate(messages) if at not in gone]
    before = store.mail.glance(lambda reader: everything(reader, kept))
    inbox = store.mail.glance(lambda reader: reader.mailbox(INBOX)).id

    async def expunge() -> None:
        uids = [Uid(at + 1) for at in gone]
        await store.mail.write(
            lambda w: w.store_flags(inbox, uids, FlagChange.ADD, frozenset({DELETED}))
        )
        await store.mail.write(lambda writer: writer.expunge(inbox))
        clock.at += 120
        await store.mail.sweep()

    asyncio.run(expunge())
    assert store.mail.glance(lambda reader: everything(reader, kept)) == before
    for piece in PIECES:
        assert ask(store, f"SELECT run FROM {piece} ORDER BY run") == [0, 2]
    for at in (50, RUN):
        with pytest.raises(MessageGone):
            store.mail.glance(lambda reader, at=at: reader.facts([messages[at]], FACTS))  # type: ignore[misc]  # bound now
        with pytest.raises(MessageGone):
            store.mail.glance(lambda reader, at=at: reader.forms([messages[at]]))  # type: ignore[misc]  # bound now
    [some] = store.mail.glance(lambda reader: reader.facts(messages[48:60], [Fact.HEADER]))
    assert len(some) == 2


def test_a_job_that_fails_undoes_its_packing(store: AccountStore) -> None:
    messages = ids(store)
    before = store.mail.glance(lambda reader: everything(reader, messages))

    def fail(_writer: Writer, connection: sa.Connection) -> None:
        store.mail.riding.pack_some(connection)
        raise MessageGone("on purpose")

    with pytest.raises(MessageGone):
        asyncio.run(store.mail.write_with(fail))

    assert ask(store, "SELECT count(*) FROM form") == [COUNT]
    assert store.mail.glance(lambda reader: everything(reader, messages)) == before
    assert pack_all(store) > 0


def test_a_large_sweep_takes_few_runs_at_once() -> None:
    spread = list(range(0, 40 * RUN, RUN))

    assert list(runs.of_few_runs(spread, 3)) == spread[:3]
    assert list(runs.of_few_runs(spread, 40)) == spread
    assert list(runs.of_few_runs(range(RUN), 1)) == list(range(RUN))


def test_packing_is_done_when_there_is_time(
    store: AccountStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_IDLE_SECONDS", 0.01)
    asyncio.run(append(store, range(COUNT, COUNT + 1)))
    while ask(store, "SELECT count(*) FROM form")[0] > RUN:
        asyncio.run(asyncio.sleep(0.02))  # the test's time limit ends this


DAMAGES = {
    "a run that does not open": ["UPDATE form_told SET octets = substr(octets, 2) WHERE run = 1"],
    "a run that is gone": ["DELETE FROM form_rest WHERE run = 1"],
    "a run of messages that are gone": [
        f"INSERT INTO {piece} SELECT 900, size, coding, octets FROM {piece} WHERE run = 1"
        for piece in PIECES
    ],
    "a run that tells what is in another": [
        "DELETE FROM form_head WHERE run = 0",
        "UPDATE form_head SET run = 0 WHERE run = 1",
    ],
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_of_a_run_is_found_mended_and_gone(filled: Path, tmp_path: Path, name: str) -> None:
    shutil.copy(filled / "mail.db", tmp_path)
    store = open_store(tmp_path)
    messages = ids(store)
    before = store.mail.glance(lambda reader: everything(reader, messages))
    pack_all(store)
    for statement in DAMAGES[name]:
        store._database.write_at_start(lambda c, s=statement: c.exec_driver_sql(s).rowcount)  # type: ignore[misc]  # bound now
    store.close()

    def check(*, repair: bool, deep: bool) -> set[Damage]:
        report = check_store(tmp_path, STORE_KEY, Clock(), repair=repair, deep=deep)
        assert report.is_sound or not repair
        return {finding.damage for finding in report.findings}

    assert check(repair=False, deep=True) == {Damage.FORM}
    assert check(repair=True, deep=True) == {Damage.FORM}
    assert check(repair=False, deep=True) == set()
    again = open_store(tmp_path)
    assert again.mail.glance(lambda reader: everything(reader, messages)) == before
    again.close()


def test_of_a_run_that_does_not_open_a_form_beside_it_is_looked_at_alone(
    filled: Path, tmp_path: Path
) -> None:
    """One of its octets is sound, one of another message is not; the others have none."""
    shutil.copy(filled / "mail.db", tmp_path)
    store = open_store(tmp_path)
    inside = [message for message in ids(store) if message >> runs.RUN_BITS == 1]
    beside = "CREATE TEMP TABLE beside AS SELECT * FROM form WHERE message BETWEEN ? AND ?"

    def damage(connection: sa.Connection) -> None:
        connection.exec_driver_sql(beside, (inside[0], inside[1]))
        while store.mail.riding.pack_some(connection):
            pass
        connection.exec_driver_sql("INSERT INTO form SELECT * FROM beside")
        connection.exec_driver_sql(
            "UPDATE form SET envelope = 'told' WHERE message = ?", (inside[1],)
        )
        connection.exec_driver_sql(DAMAGES["a run that does not open"][0])

    store._database.write_at_start(damage)
    store.close()

    found = check_store(tmp_path, STORE_KEY, Clock(), deep=True).findings
    said = [finding.sentence for finding in found]

    assert f"message {inside[1]} has a prepared form that is not of its octets" in said
    assert not any(one.startswith(f"message {inside[0]} ") for one in said)
    # these two have a form, and the one that was too long for a run
    assert len([one for one in said if one.endswith("has no prepared form")]) == len(inside) - 3
