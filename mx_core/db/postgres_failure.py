"""What the conditions of a PostgreSQL server mean to whoever must act.

The one place that reads SQLSTATE (PostgreSQL, appendix A).  An error of a job's own making is
not translated: it is a bug or the job's business.
"""

from __future__ import annotations

import asyncio
from typing import Final

import asyncpg
from sqlalchemy import exc

from mx_core.model.errors import BadConfiguration, Busy, DiskFull, StoreDamaged, Unavailable

_AGAIN: Final = {
    "40001",  # serialization_failure
    "40P01",  # deadlock_detected
    "23505",  # unique_violation: somebody else stored it meanwhile, and the job will find it
    "55P03",  # lock_not_available
}
_READ_ONLY: Final = "25006"  # of a server that has become a replica
_WRONG: Final = {
    "28000": "it does not let this user in",
    "28P01": "it does not take this password",
    "3D000": "it has no such database",
    "42501": "this user may not change its tables",
}
_AWAY: Final = ("08", "57P", "57014", "53")  # connection, shutdown, time limit, resources
_NO_ROOM: Final = "53100"
_DAMAGED: Final = ("XX001", "XX002")  # data_corrupted, index_corrupted


def sqlstate(error: BaseException) -> str:
    """Return the five characters that the server said, or nothing."""
    state = getattr(_cause(error), "sqlstate", None)
    return state if isinstance(state, str) else ""


def may_run_again(error: BaseException) -> bool:
    """Tell whether the whole transaction is undone and may go better at once."""
    return sqlstate(error) in _AGAIN


def is_away(error: BaseException) -> bool:
    """Tell whether the connection is of no use any more: it is gone, or leads to a replica."""
    if isinstance(error, exc.DBAPIError) and error.connection_invalidated:
        return True
    cause = _cause(error)
    if isinstance(cause, OSError | asyncpg.InterfaceError | asyncpg.InternalClientError):
        return not isinstance(cause, ValueError)  # of an argument that does not fit its column
    state = sqlstate(error)
    return state.startswith(("08", "57P")) or state == _READ_ONLY


def translate(error: BaseException) -> BaseException:
    """Return the error of our tree that *error* stands for, or *error* itself."""
    if isinstance(error, exc.TimeoutError):
        return Busy("too much waits for the database")
    state = sqlstate(error)
    if state == _NO_ROOM:
        return DiskFull("there is no room on the disk of the database")
    if state in _DAMAGED:
        return StoreDamaged("the database is damaged or cannot be read")
    if state in _WRONG:
        return BadConfiguration(f"the database refuses: {_WRONG[state]}")
    if state == _READ_ONLY:
        return Unavailable("the database takes no changes now")
    if is_away(error) or state.startswith(_AWAY) or isinstance(error, asyncio.TimeoutError):
        return Unavailable("the database does not answer now")
    return Busy("the database is busy") if state in _AGAIN else error


def _cause(error: BaseException) -> BaseException:
    """Return what the driver itself raised, inside of the wrappers around it."""
    if isinstance(error, exc.DBAPIError) and error.orig is not None:
        return error.orig.__cause__ or error.orig
    return error
