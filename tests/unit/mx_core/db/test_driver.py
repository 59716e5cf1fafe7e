"""Connections: what is prepared once stays prepared, and pages of before are read."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from mx_core.db import driver as drivers
from mx_core.db.driver import KEY_OCTETS, SEALED_PAGE_OCTETS, connect, copy_rows
from mx_core.model.secret import Secret

_ALLOWED = 0  # SQLITE_OK
_MANY = 300  # more than the drivers keep of themselves
_KEY = Secret(bytes(KEY_OCTETS))
_BEFORE = 16_384  # octets of a page


@pytest.mark.parametrize("key", [None, _KEY])
def test_what_runs_again_is_not_prepared_again_whatever_ran_before(
    tmp_path: Path, key: Secret[bytes] | None
) -> None:
    """A migration runs hundreds of statements; after it a lone commit took twice the processor."""
    driver = connect(tmp_path / "a.db", key, "rwc")
    prepared: list[Any] = []

    def allowed(*asked: object) -> int:
        prepared.append(asked)
        return _ALLOWED

    driver.set_authorizer(allowed)
    for number in range(_MANY):
        for _ in range(2):
            driver.execute(f"SELECT {number}").fetchone()
    jobs = ["SELECT 'one'", "SELECT 'two'", "SELECT 'three'"]
    for job in jobs:
        driver.execute(job).fetchone()
    first, prepared[:] = len(prepared), []

    for job in jobs * 2:
        driver.execute(job).fetchone()

    assert first > _MANY
    assert prepared == []
    driver.close()


def _of_before(folder: Path, monkeypatch: pytest.MonkeyPatch, *, emptied: bool) -> Path:
    """Return a database of long pages as a killed process leaves it; *emptied*: its log had been."""
    with monkeypatch.context() as patch:
        patch.setattr(drivers, "SEALED_PAGE_OCTETS", _BEFORE)
        driver = connect(folder / "made.db", _KEY, "rwc")
        driver.execute("CREATE TABLE thing (id INTEGER PRIMARY KEY AUTOINCREMENT, what BLOB)")
        driver.execute("INSERT INTO thing (what) VALUES (randomblob(100000))")
        if emptied:
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        driver.execute("INSERT INTO thing (what) VALUES (randomblob(100))")
        for end in ("", "-wal"):
            shutil.copy(folder / f"made.db{end}", folder / f"left.db{end}")
        driver.close()
    return folder / "left.db"


def _asked(driver: Any, question: str) -> Any:
    return driver.execute(question).fetchone()[0]


@pytest.mark.parametrize("emptied", [True, False])
def test_a_database_of_longer_pages_opens_with_all_that_its_log_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, emptied: bool
) -> None:
    left = _of_before(tmp_path, monkeypatch, emptied=emptied)

    writer, reader = connect(left, _KEY, "rwc"), connect(left, _KEY, "ro")

    assert int(_asked(writer, "PRAGMA page_size")) == _BEFORE
    assert _asked(reader, "SELECT sum(length(what)) FROM thing") == 100_100
    assert _asked(writer, "PRAGMA integrity_check") == "ok"
    for each in (reader, writer):
        each.close()


def test_a_copy_has_pages_of_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = _of_before(tmp_path, monkeypatch, emptied=True)

    copy_rows(left, _KEY, tmp_path / "copy.db", Secret(b"k" * KEY_OCTETS), {})

    copy = connect(tmp_path / "copy.db", Secret(b"k" * KEY_OCTETS), "rwc")
    assert int(_asked(copy, "PRAGMA page_size")) == SEALED_PAGE_OCTETS
    assert _asked(copy, "SELECT sum(length(what)) FROM thing") == 100_100
    copy.close()
