"""Changes made again from their records: what a process that ended had told of, and not committed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import structlog

from mx_core.db.driver import connect
from mx_core.db.os_failure import translate_os
from mx_core.db.redo.file import RedoFile
from mx_core.db.redo.record import Change, decoded
from mx_core.model.secret import Secret

log = structlog.get_logger()

_ROUNDS: Final = 1 << 31  # as many as the pragma has


def committed(driver: Any) -> int:
    """Return the last round that the database has."""
    [found] = driver.execute("PRAGMA user_version").fetchone()
    return int(found)


def said_by(driver: Any, witness: str) -> int:
    """Return what *witness* says: a statement of one number, which no change of state leaves as it was."""
    [found] = driver.execute(witness).fetchone()
    return int(found)


def after(committed_round: int) -> int:
    """Return the round that follows."""
    return (committed_round + 1) % _ROUNDS


def make(driver: Any, changes: Iterable[Change]) -> None:
    """Run the statements of *changes* in the transaction of *driver*; raises its errors."""
    for change in changes:
        for each in change.statements:
            if each.many:
                driver.executemany(each.sql, each.values)
            else:
                driver.execute(each.sql, each.values).fetchall()


def commit(driver: Any, this_round: int) -> None:
    """Commit the transaction of *driver*, which has the changes of a round.

    Crash before it: the log has all of them, and the next open makes them again.  After it: the
    database says that it has the round, and its records count no more.
    """
    driver.execute(f"PRAGMA user_version = {this_round}")
    driver.execute("COMMIT")


def recover(database: Path, key: Secret[bytes], witness: str) -> None:
    """Give the database what its redo log has and it has not; before anybody uses it.

    Its schema is the one they were made under: this comes before any migration.  A log of another state of the
    database than this one, which somebody has put in its place, is set aside.

    Raises:
        DiskFull, StoreDamaged: Of the log itself.
        Exception: The driver's errors.  Of both nothing is lost: the log has it all still.
    """
    try:
        _recover(RedoFile(database, key), database, key, witness)
    except OSError as error:
        raise translate_os(error) from error


def _recover(file: RedoFile, database: Path, key: Secret[bytes], witness: str) -> None:
    with contextlib.closing(file):
        changes = [decoded(record) for record in file.found()]
        if not changes:
            if file.path.exists() and not file.is_blank():
                file.wipe()  # what a cut has left of the first one, and of earlier rounds
            return
        with contextlib.closing(connect(database, key, "rwc")) as driver:
            this_round = after(committed(driver))
            missing = [change for change in changes if change.round == this_round]
            if missing and missing[0].base != said_by(driver, witness):
                aside = file.set_aside()
                log.error("redo_log_of_another_state", set_aside=aside.name)
                return
            if missing:
                driver.execute("BEGIN IMMEDIATE")
                make(driver, missing)
                commit(driver, this_round)
                log.warning("changes_made_again", many=len(missing))
        file.wipe()
