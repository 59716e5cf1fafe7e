"""A redo log, or a commit of what is open, on a disk that fails or is full: no promise is broken."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from mx_core.db.database import Database
from mx_core.db.frame_file import FrameFile
from mx_core.db.redo import again
from mx_core.db.redo.file import RedoFile
from mx_core.model.errors import DiskFull, MailError, StoreDamaged
from tests.support.redo_things import after_a_kill, lone_write, opened, put, rows
from tests.support.writing_thread import come_to_rest


def failing(code: int) -> Callable[..., NoReturn]:
    def fails(*_: object) -> NoReturn:
        raise OSError(code, os.strerror(code))

    return fails


@pytest.mark.anyio
async def test_where_the_log_is_not_synced_the_database_is_and_the_log_is_used_no_more(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    lone_write(database, put(b"one"))
    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", failing(errno.EIO))
        assert lone_write(database, put(b"two")) == 2
    assert lone_write(database, put(b"three")) == 3

    assert database._writer._lone._open is not None
    assert not database._writer._lone._open.is_open
    assert after_a_kill(database) == [(1, b"one"), (2, b"two"), (3, b"three")]


@pytest.mark.anyio
async def test_where_the_log_can_not_grow_the_database_is_committed_and_the_next_is_in_the_log(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr(os, "pwrite", failing(errno.ENOSPC))
        assert lone_write(database, put(b"one")) == 1
    assert lone_write(database, put(b"two")) == 2

    assert database._writer._lone._open is not None
    assert database._writer._lone._open.is_open
    assert after_a_kill(database) == [(1, b"one"), (2, b"two")]


@pytest.mark.anyio
async def test_where_the_name_of_the_log_is_not_synced_the_log_is_not_used(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("mx_core.db.frame_file.sync_directory", failing(errno.EIO))
        assert lone_write(database, put(b"one")) == 1
    assert lone_write(database, put(b"two")) == 2

    assert database._writer._lone._open is not None
    assert not database._writer._lone._open.is_open
    assert not database._writer._raw.in_transaction
    assert await database.write(put(b"three")) == 3
    assert after_a_kill(database) == [(1, b"one"), (2, b"two"), (3, b"three")]


@pytest.mark.anyio
async def test_whatever_is_wrong_with_the_log_no_transaction_is_left_behind(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(RedoFile, "add", broken_log)
        assert lone_write(database, put(b"one")) == 1
        assert not database._writer._raw.in_transaction
    assert await database.write(put(b"two")) == 2


def broken_log(*_: object) -> NoReturn:
    raise StoreDamaged("as the folder's sync says it")


class Full(Exception):
    """As the driver says it."""

    sqlite_errorcode = 13


@pytest.mark.anyio
async def test_a_commit_that_finds_no_room_is_tried_again_by_whoever_comes_next(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(driver: Any, _round: int) -> NoReturn:
        driver.execute("ROLLBACK")  # SQLite does so by itself
        raise Full

    lone_write(database, put(b"one"))
    with monkeypatch.context() as full:
        full.setattr(again, "commit", no_room)
        for _ in range(2):
            with pytest.raises(DiskFull):
                database.glance(rows)
            with pytest.raises(DiskFull):
                await database.write(put(b"never"))
        with pytest.raises(DiskFull):
            await database.truncate_log()
    assert after_a_kill(database) == [(1, b"one")]
    come_to_rest(database)

    assert database.glance(rows) == [(1, b"one")]
    assert await database.write(put(b"two")) == 2


@pytest.mark.anyio
async def test_what_is_open_goes_on_after_a_commit_that_found_no_room(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(_driver: Any, _round: int) -> NoReturn:
        raise Full

    lone_write(database, put(b"one"))
    with monkeypatch.context() as full:
        full.setattr(again, "commit", no_room)
        with pytest.raises(DiskFull):
            database.glance(rows)
    assert lone_write(database, put(b"two")) == 2

    assert after_a_kill(database) == database.glance(rows) == [(1, b"one"), (2, b"two")]


@pytest.mark.anyio
async def test_where_neither_is_synced_nothing_more_is_taken(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(_driver: Any, _round: int) -> NoReturn:
        raise Full

    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", failing(errno.EIO))
        broken.setattr(again, "commit", no_room)
        with pytest.raises(DiskFull):
            lone_write(database, put(b"one"))
    with pytest.raises(StoreDamaged):
        await database.write(put(b"two"))


@pytest.mark.anyio
async def test_a_commit_of_which_nobody_knows_is_not_tried_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    class Unsynced(Exception):
        sqlite_errorcode = 1034  # SQLITE_IOERR_FSYNC

    def not_synced(_driver: Any, this_round: int) -> NoReturn:
        tried.append(this_round)
        raise Unsynced

    lone_write(database, put(b"one"))
    with monkeypatch.context() as broken:
        broken.setattr(again, "commit", not_synced)
        with pytest.raises(StoreDamaged):
            database.glance(rows)
    for _ in range(2):
        with pytest.raises(StoreDamaged):
            database.glance(rows)
        with pytest.raises(StoreDamaged):
            await database.write(put(b"never"))

    assert len(tried) == 1
    assert after_a_kill(database) == [(1, b"one")], "the next start makes it again"


def test_a_log_that_can_not_be_read_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(tmp_path).close()
    (tmp_path / "x.db-redo").write_bytes(bytes(100))
    monkeypatch.setattr(FrameFile, "_read", failing(errno.EIO))

    with pytest.raises(MailError):
        opened(tmp_path)
