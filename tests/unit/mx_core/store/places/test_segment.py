"""Segments on their own: where a place lives, splitting, joining, gaps."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
import sqlalchemy as sa

from mx_core.mime.prepare import prepare
from mx_core.model.flags import FLAGGED
from mx_core.model.ids import MailboxId, Uid
from mx_core.model.mailbox_name import INBOX
from mx_core.ports import FlagChange, NewMail
from mx_core.store.fsck.check import check_store
from mx_core.store.places import segment
from tests.support.stores import STORE_KEY, Clock, open_store

T = TypeVar("T")
BOX = MailboxId(999)


def on_store(folder: Path, job: Callable[[sa.Connection], T]) -> T:
    store = open_store(folder)
    try:
        return store._database.write_at_start(job)
    finally:
        store.close()


def put(connection: sa.Connection, *runs: tuple[int, int]) -> None:
    """One segment for each run of UIDs [first, last]."""
    for first, last in runs:
        part = segment.empty(first)
        for uid in range(first, last + 1):
            part.add(uid, uid * 10, 1, uid + 5)
        segment.save(connection, BOX, part)


def shape(connection: sa.Connection) -> list[tuple[int, int, int]]:
    rows = connection.exec_driver_sql(
        "SELECT first_uid, entries, max_modseq FROM segment WHERE mailbox = ? ORDER BY first_uid",
        (BOX,),
    )
    return [(row[0], row[1], row[2]) for row in rows]


def test_columns_come_back_as_they_were_stored(tmp_path: Path) -> None:
    def job(connection: sa.Connection) -> segment.Segment:
        part = segment.empty(3)
        part.add(3, 2**63 - 1, 2**32 - 1, 2**62)
        part.add(2**32 - 1, 1, 0, 1)
        segment.save(connection, BOX, part)
        return segment.load_all(connection, BOX)

    loaded = on_store(tmp_path, job)
    assert list(loaded.uids) == [3, 2**32 - 1]
    assert list(loaded.modseqs) == [2**63 - 1, 1]
    assert list(loaded.flag_sets) == [2**32 - 1, 0]
    assert list(loaded.messages) == [2**62, 1]


@pytest.mark.parametrize(
    ("uids", "found"),
    [
        ([1], [1]),
        ([10], [1]),
        ([15], [1]),
        ([20, 25], [20]),
        ([5, 45], [1, 40]),
        ([0], []),
        ([0, 99], [40]),
        (None, [1, 20, 40]),
        ([], []),
        ([1, 2, 3, 41], [1, 20, 40]),
        ([41, 42, 43, 44], [40]),
        ([0, 1, 2, 3, 4], [1]),
    ],
)
def test_only_segments_that_may_hold_the_uids_are_read(
    tmp_path: Path, uids: list[int] | None, found: list[int]
) -> None:
    def job(connection: sa.Connection) -> list[int]:
        put(connection, (1, 10), (20, 30), (40, 50))
        return [part.first_uid for part in segment.holding(connection, BOX, uids)]

    assert on_store(tmp_path, job) == found


def test_an_empty_segment_is_not_kept(tmp_path: Path) -> None:
    def job(connection: sa.Connection) -> list[tuple[int, int, int]]:
        put(connection, (1, 2), (3, 4))
        first = next(segment.holding(connection, BOX, [1]))
        segment.save(connection, BOX, first.without({0, 1}))
        return shape(connection)

    assert on_store(tmp_path, job) == [(3, 2, 40)]


def test_small_neighbours_join_and_large_ones_stay(tmp_path: Path) -> None:
    def job(connection: sa.Connection) -> list[tuple[int, int, int]]:
        put(connection, (1, 100), (301, 350), (401, 500), (601, 610), (701, 1200))
        segment.compact(connection, BOX, [301, 401])
        return shape(connection)

    assert on_store(tmp_path, job) == [(1, 150, 3500), (401, 110, 6100), (701, 500, 12000)]


def test_another_mailbox_is_never_touched(tmp_path: Path) -> None:
    def job(connection: sa.Connection) -> int:
        put(connection, (1, 3))
        return len(segment.load_all(connection, MailboxId(998)))

    assert on_store(tmp_path, job) == 0


def test_places_added_one_by_one_come_to_full_segments_and_a_short_last(tmp_path: Path) -> None:
    def job(connection: sa.Connection) -> tuple[segment.Segment, list[tuple[int, int, int]]]:
        for uid in range(1, 1_301):
            segment.append(connection, BOX, (uid, 10 + uid, 7, 2**40 + uid))
        return segment.load_all(connection, BOX), shape(connection)

    there, rows = on_store(tmp_path, job)

    uids = range(1, 1_301)
    assert list(there.uids) == list(uids)
    assert list(there.modseqs) == [10 + uid for uid in uids]
    assert set(there.flag_sets) == {7}
    assert list(there.messages) == [2**40 + uid for uid in uids]
    full = [(first, 320, first + 329) for first in (1, 321, 641, 961)]
    assert rows == [*full, (1281, 20, 1310)]


def test_a_full_segment_is_one_page(tmp_path: Path) -> None:
    def job(connection: sa.Connection) -> tuple[int, int]:
        before = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        for first in range(1, 16 * segment.ENTRIES_MAX, segment.ENTRIES_MAX):
            put(connection, (2**31 + first, 2**31 + first + segment.ENTRIES_MAX - 1))
        return before, connection.exec_driver_sql("PRAGMA page_count").scalar_one()

    before, after = on_store(tmp_path, job)

    assert after - before <= 16 + 2  # the pages above them and of the index


def test_a_segment_of_a_store_made_before_may_be_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    octets = b"Subject: x\r\n\r\n"
    new = [NewMail(octets, prepare(octets), frozenset())] * segment.STORED_MAX
    store = open_store(tmp_path)
    try:
        monkeypatch.setattr(segment, "ENTRIES_MAX", segment.STORED_MAX)
        asyncio.run(store.mail.write(lambda w: w.append_all(w.mailbox(INBOX).id, new)))
        monkeypatch.undo()
        one, added = [Uid(300)], frozenset({FLAGGED})
        asyncio.run(
            store.mail.write(
                lambda w: w.store_flags(w.mailbox(INBOX).id, one, FlagChange.ADD, added)
            )
        )
    finally:
        store.close()

    assert check_store(tmp_path, STORE_KEY, Clock(), repair=False, deep=True).findings == []
