"""What lists show of a header is that header's, however it is kept and however odd it is."""

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa

from mx_core.db import writer
from mx_core.mime import field_table, listed
from mx_core.mime.header import fields_subset
from mx_core.mime.listed import LISTED
from mx_core.mime.prepare import prepare
from mx_core.model.ids import MessageId
from mx_core.model.mailbox_name import INBOX
from mx_core.model.message import Fact
from mx_core.ports import NewMail
from mx_core.store.account_store import AccountStore
from mx_core.store.bodies import coding
from mx_core.store.forms import runs
from mx_core.store.forms.packed import pack
from mx_core.store.forms.runs import RUN, Piece, Runs
from mx_core.store.fsck.check import check_store
from mx_core.store.fsck.finding import Damage
from tests.support.odd_messages import odd_messages
from tests.support.stores import STORE_KEY, Clock, open_store

LONG = b"Subject: s\r\nX-Long: " + b"x" * 20_000 + b"\r\nTo: t\r\n\r\nbody"
SHORT = [message.octets for message in odd_messages() if len(message.octets) < 3_000]
ODD = [LONG, *SHORT, LONG]
ASKED = ([Fact.LISTED], [Fact.HEADER, Fact.SIZE], [Fact.SIZE, Fact.LISTED, Fact.ENVELOPE])


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All messages whose run is whole are in one."""
    folder = tmp_path_factory.mktemp("packed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "_IDLE_SECONDS", 3_600)
        store = open_store(folder)
        asyncio.run(append(store, ODD))
        while store._database.write_at_start(store.mail.riding.pack_some):
            pass
        store.close()
    return folder


@pytest.fixture
def folder(packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(writer, "_IDLE_SECONDS", 3_600)
    shutil.copytree(packed, tmp_path / "store", copy_function=shutil.copy)
    return tmp_path / "store"


async def append(store: AccountStore, messages: Sequence[bytes]) -> None:
    inbox = (await store.mail.read(lambda reader: reader.mailbox(INBOX))).id
    new = [NewMail(octets, prepare(octets), frozenset(), 7) for octets in messages]
    await store.mail.write(lambda writer: writer.append_all(inbox, new))


def ids(store: AccountStore) -> list[MessageId]:
    inbox = store.mail.glance(lambda reader: reader.mailbox(INBOX)).id
    return list(store.mail.glance(lambda reader: reader.snapshot(inbox)).messages)


def told(store: AccountStore, messages: Sequence[MessageId], asked: Sequence[Fact]) -> list[object]:
    rows: list[object] = []
    while len(rows) < len(messages):
        left = messages[len(rows) :]
        columns = store.mail.glance(lambda reader, left=left: reader.facts(left, asked))  # type: ignore[misc]  # bound now
        rows += zip(*columns, strict=True)
    return rows


def test_what_is_listed_is_the_cut_of_those_fields(folder: Path) -> None:
    store = open_store(folder)
    messages = ids(store)
    rows = [told(store, messages, asked) for asked in ASKED]
    in_runs = store.mail.glance(lambda reader: Runs(reader._connection).end())  # type: ignore[attr-defined]  # the reader of a real store
    store.close()

    forms = [prepare(octets) for octets in ODD]
    cuts = [fields_subset(o, f, LISTED, exclude=False) for o, f in zip(ODD, forms, strict=True)]
    headers = [
        (listed.halves(o[: f.header_end], f.fields), len(o))
        for o, f in zip(ODD, forms, strict=True)
    ]
    assert in_runs >= 2 * RUN
    assert rows[0] == [(cut,) for cut in cuts]
    assert rows[1] == headers
    assert rows[2] == [(f.size, c, f.envelope) for f, c in zip(forms, cuts, strict=True)]


def undo_halves(connection: sa.Connection, _store: object = None) -> None:
    """Make runs as they were before there were halves."""
    ask = connection.exec_driver_sql
    for run in ask("SELECT run FROM form_head").scalars().all():
        lists, head = Runs(connection).open_all([Piece.LIST, Piece.HEAD], run)
        headers = [
            None if one is None else listed.header_of(one, rest or b"", table or b"")
            for one, rest, table in zip(lists.texts(0), head.texts(0), head.texts(1), strict=True)
        ]
        tables = [field_table.pack(listed.fields_of(table or b"")) for table in head.texts(1)]
        octets = pack(list(head.slots), [], [headers, tables])
        how, stored = coding.encode(octets)
        ask(
            "UPDATE form_head SET size = ?, coding = ?, octets = ? WHERE run = ?",
            (len(octets), how, stored, run),
        )
    ask("DROP TABLE form_list")
    ask("DROP INDEX body_to_move")  # of a later one
    ask("UPDATE alembic_version SET version_num = '0030'")


def test_runs_of_before_tell_the_same_after_the_migration(folder: Path) -> None:
    store = open_store(folder)
    messages = ids(store)
    before = [told(store, messages, asked) for asked in ASKED]
    store._database.write_at_start(undo_halves)
    store.close()

    store = open_store(folder)
    after = [told(store, messages, asked) for asked in ASKED]
    store.close()

    assert after == before
    assert check_store(folder, STORE_KEY, Clock(), deep=True).findings == []


def test_a_run_of_before_that_does_not_open_is_left_to_fsck(folder: Path) -> None:
    store = open_store(folder)
    store._database.write_at_start(undo_halves)
    damage = "UPDATE form_head SET octets = substr(octets, 2) WHERE run = 1"
    store._database.write_at_start(lambda c: c.exec_driver_sql(damage).rowcount)
    store.close()
    open_store(folder).close()

    found = check_store(folder, STORE_KEY, Clock(), repair=True).findings

    assert {finding.damage for finding in found} == {Damage.FORM}
    store = open_store(folder)
    assert told(store, ids(store), ASKED[1]) == [
        (listed.halves(octets[: form.header_end], form.fields), len(octets))
        for octets in ODD
        for form in [prepare(octets)]
    ]
    store.close()


@pytest.mark.parametrize("column", ["texts", "sizes", "dates"])
def test_fsck_finds_what_lists_show_of_another_message(folder: Path, column: str) -> None:
    store = open_store(folder)

    def change(connection: sa.Connection) -> None:
        there = Runs(connection).open(Piece.LIST, 1)
        assert there is not None
        numbers, texts = [list(there.numbers(n)) for n in (0, 1)], list(there.texts(0))
        if column == "texts":
            texts[5] = b"Subject: another\r\n\r\n"
        else:
            numbers[column == "dates"][5] += 1
        runs._store(connection, Piece.LIST, 1, pack(list(there.slots), numbers, [texts]))

    before = told(store, ids(store), [Fact.SIZE, Fact.INTERNAL_DATE, Fact.LISTED])
    store._database.write_at_start(change)
    store.close()

    found = check_store(folder, STORE_KEY, Clock(), repair=True, deep=True).findings
    store = open_store(folder)
    after = told(store, ids(store), [Fact.SIZE, Fact.INTERNAL_DATE, Fact.LISTED])
    store.close()

    assert [finding.damage for finding in found] == [Damage.FORM]
    assert after == before
