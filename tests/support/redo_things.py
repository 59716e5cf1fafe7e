"""A database of things that has a redo log, and what is there when its process is killed."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mx_core.db.database import Database
from tests.support.things import KEY, SCHEMA

WITNESS = "SELECT ifnull(max(id), 0) FROM thing"


def opened(folder: Path) -> Database:
    return Database.open(folder / "x.db", migrations=SCHEMA, key=KEY, plain=True, witness=WITNESS)


def put(octets: bytes) -> Callable[[Any], int]:
    def job(tx: Any) -> int:
        return int(tx.exec_driver_sql("INSERT INTO thing (octets) VALUES (?)", (octets,)).lastrowid)

    return job


def rows(tx: Any) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = tx.exec_driver_sql(
        "SELECT id, octets FROM thing ORDER BY id"
    ).all()
    return found


def lone_write(database: Database, job: Callable[[Any], Any]) -> Any:
    """Do it, and be sure that it was a lone one."""
    database._writer._dirty = True  # as after the first: the thread has nothing to look up
    done = database.write_here(job)
    assert done is not None
    return done[0]


def after_a_kill(database: Database) -> list[tuple[int, bytes]]:
    """Return the rows that are there when its process is killed now, and it is opened again."""
    left = database.path.parent.with_name("left")
    shutil.rmtree(left, ignore_errors=True)
    shutil.copytree(database.path.parent, left)
    (left / "x.db-shm").unlink()
    found = opened(left)
    try:
        return found.read_blocking(rows)
    finally:
        found.close()


def redo_octets(database: Database) -> bytes:
    return database.path.with_name("x.db-redo").read_bytes()
