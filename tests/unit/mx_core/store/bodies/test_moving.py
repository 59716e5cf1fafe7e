"""What came in a row and is too long to stay there gets its file, and no reader can tell."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from mx_core.db import failpoint, writer
from mx_core.mime.prepare import prepare
from mx_core.model.errors import DiskFull
from mx_core.model.mailbox_name import INBOX
from mx_core.ports import NewMail
from mx_core.store.account_store import BODIES, AccountStore
from mx_core.store.bodies import file as body_file
from mx_core.store.bodies.body import (
    FIRST_OCTETS_MAX,
    INLINE_OCTETS_MAX,
    BodyId,
    BodyReader,
    BodyWriter,
)
from mx_core.store.fsck.check import check_store
from tests.support.stores import STORE_KEY, Clock, open_store

STAYS = b"a line that is short\r\n" * 100
TEXT = b"a line of a long message\r\n" * (INLINE_OCTETS_MAX // 20)
NOISE = random.Random(1).randbytes(FIRST_OCTETS_MAX)
BORDER = TEXT[:INLINE_OCTETS_MAX]


@pytest.fixture(autouse=True)
def _no_leisure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here it is asked for step by step."""
    monkeypatch.setattr(writer, "_IDLE_SECONDS", 3_600)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AccountStore]:
    opened = open_store(tmp_path)
    try:
        yield opened
    finally:
        opened.close()


def add(store: AccountStore, *bodies: bytes) -> list[BodyId]:
    folder = store.folder / BODIES
    return store._database.write_at_start(lambda c: BodyWriter(c, folder).add_all(bodies))


def step(store: AccountStore) -> bool:
    return store._database.write_at_start(store.mail.riding.pack_some)


def files(store: AccountStore) -> int:
    return len(list((store.folder / BODIES).iterdir()))


def read(store: AccountStore, body: BodyId, start: int = 0, end: int | None = None) -> bytes:
    folder = store.folder / BODIES
    return store._database.read_blocking(lambda c: BodyReader(c, folder).octets(body, start, end))


def row(store: AccountStore, body: BodyId) -> tuple[int, int | None, int]:
    """Return size, octets in the row and coding."""

    def ask(connection: sa.Connection) -> tuple[int, int | None, int]:
        statement = "SELECT size, length(octets), coding FROM body WHERE id = ?"
        size, stored, coding = connection.exec_driver_sql(statement, (body,)).one()
        return size, stored, coding

    return store._database.read_blocking(ask)


def test_long_bodies_come_in_rows_and_go_to_files_one_a_step(store: AccountStore) -> None:
    bodies = add(store, STAYS, TEXT, BORDER, NOISE)
    assert files(store) == 0
    before = [(read(store, body), read(store, body, 70, 66_000)) for body in bodies]

    assert [step(store), files(store)] == [True, 1]
    assert [step(store), files(store)] == [True, 2]
    assert [step(store), files(store)] == [False, 2]

    assert [(read(store, body), read(store, body, 70, 66_000)) for body in bodies] == before
    assert [whole for whole, _ in before] == [STAYS, TEXT, BORDER, NOISE]
    assert row(store, bodies[1]) == (len(TEXT), None, 0)
    assert row(store, bodies[3]) == (len(NOISE), None, 0)
    assert row(store, bodies[2])[1] is not None


def test_one_that_came_under_an_old_id_goes_too(store: AccountStore) -> None:
    [body] = add(store, TEXT)
    assert step(store)
    store._database.write_at_start(lambda c: BodyWriter(c, store.folder / BODIES).drop([body]))
    assert add(store, NOISE) == [body]

    assert step(store)
    assert row(store, body)[1] is None
    assert read(store, body) == NOISE


def test_one_that_does_not_open_holds_up_nothing(store: AccountStore) -> None:
    damaged, other = add(store, TEXT, NOISE)
    store._database.write_at_start(
        lambda c: c.exec_driver_sql("UPDATE body SET octets = x'00' WHERE id = ?", (damaged,))
    )

    assert [step(store), step(store), step(store)] == [True, True, False]
    assert row(store, damaged)[1] == 1
    assert read(store, other) == NOISE
    assert files(store) == 1


def test_where_the_file_finds_no_room_the_row_stays(
    store: AccountStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    [body] = add(store, TEXT)

    def full(*_: object) -> None:
        raise DiskFull("no room")

    with monkeypatch.context() as patch:
        patch.setattr(body_file, "write", full)
        with pytest.raises(DiskFull):
            step(store)
    assert [read(store, body), files(store)] == [TEXT, 0]
    assert step(store)
    assert [read(store, body), files(store)] == [TEXT, 1]


def test_a_job_that_is_undone_leaves_the_row_and_no_file(
    store: AccountStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    [body] = add(store, TEXT)

    def fails(_step: str) -> None:
        raise DiskFull("at the worst moment")

    with monkeypatch.context() as patch:
        patch.setattr(failpoint, "reach", fails)
        with pytest.raises(DiskFull):
            step(store)
    assert [read(store, body), files(store)] == [TEXT, 0]


@pytest.mark.parametrize("moved", [False, True])
def test_fsck_finds_nothing_wrong_with_either(tmp_path: Path, *, moved: bool) -> None:
    opened = open_store(tmp_path)
    mails = [b"Subject: long\r\n\r\n" + each for each in (TEXT, NOISE[:-40])]
    opened._database.write_at_start(
        lambda c: opened.mail.run(
            c,
            lambda writer, _: writer.append_all(
                writer.mailbox(INBOX).id,
                [NewMail(octets, prepare(octets), frozenset()) for octets in mails],
            ),
        )
    )
    while moved and step(opened):
        pass
    assert files(opened) == 2 * moved
    opened.close()

    assert check_store(tmp_path, STORE_KEY, Clock(), deep=True).findings == []
