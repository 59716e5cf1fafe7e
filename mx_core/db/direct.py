"""What a job sees as its connection: the driver itself, spelled as SQLAlchemy spells it.

A statement through SQLAlchemy costs about 15 µs more than through the driver, and a read
transaction 38 µs of 108; jobs use of a connection only ``exec_driver_sql`` and of its result
what stands here.  SQLAlchemy is not even loaded for it, but to name an error of a job's own making.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast, final

from typing_extensions import override

from mx_core.db.driver import Mode, connect
from mx_core.db.link import Link, Links
from mx_core.db.redo.record import Statement, is_noted
from mx_core.model.secret import Secret

if TYPE_CHECKING:
    import sqlalchemy as sa

T = TypeVar("T")
_TWO: Final = 2  # rows that show that there is more than one


def open_link(path: Path, key: Secret[bytes] | None, mode: Mode) -> DirectLink:
    """Return a connection to *path*; one that writes (``rwc``) begins every transaction IMMEDIATE."""
    begin = "BEGIN IMMEDIATE" if mode == "rwc" else "BEGIN"
    return DirectLink(connect(path, key, mode), begin)


@final
class DirectLinks(Links):
    """Connections that read the file at *path*, which somebody has open for writing."""

    def __init__(self, path: Path, key: Secret[bytes] | None) -> None:
        self._path = path
        self._key = key

    @override
    def open(self) -> Link:
        return open_link(self._path, self._key, "ro")

    @override
    def close(self) -> None:
        """Nothing is kept."""


@final
class DirectLink(Link):
    """A connection of the driver."""

    def __init__(self, driver: Any, begin: str) -> None:
        self.driver = driver
        self._jobs = _Direct(driver)
        self.given = cast("sa.Connection", self._jobs)
        self._begin = begin

    @override
    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        self.driver.execute(self._begin)
        try:
            yield
            self.driver.execute("COMMIT")
        except BaseException:
            self._undo()
            raise

    @override
    def run(self, job: Callable[[sa.Connection], T]) -> T:
        # As ``transaction``, which costs 2 µs more; a read of one row takes 30.
        self.driver.execute(self._begin)
        try:
            result = job(self.given)
            self.driver.execute("COMMIT")
        except BaseException:
            self._undo()
            raise
        return result

    def note_in(self, statements: list[Statement] | None) -> None:
        """Add to *statements* whatever a job gives to the driver that may change something; None: no more."""
        self._jobs.noted = statements

    @override
    def close(self) -> None:
        self.driver.close()

    def _undo(self) -> None:
        if self.driver.in_transaction:
            with contextlib.suppress(Exception):  # the first error is the one to tell
                self.driver.execute("ROLLBACK")


class _Direct:
    """See the module."""

    __slots__ = ("driver_connection", "noted")

    def __init__(self, driver: Any) -> None:
        self.driver_connection = driver
        self.noted: list[Statement] | None = None

    @property
    def connection(self) -> _Direct:
        """Return what has ``driver_connection``."""
        return self

    def exec_driver_sql(self, statement: str, parameters: Sequence[Any] = ()) -> _Result:
        """Run *statement*, once for each of a list of parameters; raises the driver's errors."""
        driver = self.driver_connection
        many = isinstance(parameters, list)
        if self.noted is not None and is_noted(statement):
            self.noted.append(Statement(statement, many, parameters))
        if many:
            return _Result(driver.executemany(statement, map(_plain, parameters)))
        return _Result(driver.execute(statement, _plain(parameters)))


def _plain(parameters: Sequence[Any]) -> Sequence[Any]:
    """Return *parameters* with bytes as bytearrays.

    The driver looks for an adapter for each value that is bytes, which costs as much as storing it.
    """
    return [bytearray(each) if each.__class__ is bytes else each for each in parameters]


class _Result:
    """Rows are plain tuples.  Whatever does not read all of them ends the statement."""

    __slots__ = ("cursor",)

    def __init__(self, cursor: Any) -> None:
        self.cursor = cursor

    def __iter__(self) -> Iterator[Any]:
        return iter(self.cursor)

    @property
    def rowcount(self) -> int:
        count: int = self.cursor.rowcount
        return count

    @property
    def lastrowid(self) -> int:
        row: int = self.cursor.lastrowid
        return row

    def all(self) -> list[Any]:
        rows: list[Any] = self.cursor.fetchall()
        return rows

    def first(self) -> Any:
        row = self.cursor.fetchone()
        self.cursor.close()
        return row

    def one_or_none(self) -> Any:
        rows = self.cursor.fetchmany(_TWO)
        self.cursor.close()
        if len(rows) == _TWO:
            from sqlalchemy.exc import MultipleResultsFound  # noqa: PLC0415  # a bug: see the module

            raise MultipleResultsFound("one row was expected, and there are more")
        return rows[0] if rows else None

    def one(self) -> Any:
        row = self.one_or_none()
        if row is None:
            from sqlalchemy.exc import NoResultFound  # noqa: PLC0415  # a bug: see the module

            raise NoResultFound("one row was expected, and there is none")
        return row

    def scalar(self) -> Any:
        row = self.first()
        return None if row is None else row[0]

    def scalar_one(self) -> Any:
        return self.one()[0]

    def scalar_one_or_none(self) -> Any:
        row = self.one_or_none()
        return None if row is None else row[0]

    def scalars(self) -> _Scalars:
        return _Scalars(self.cursor)

    def close(self) -> None:
        self.cursor.close()


class _Scalars:
    """The first column."""

    __slots__ = ("_cursor",)

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def __iter__(self) -> Iterator[Any]:
        return (row[0] for row in self._cursor)

    def all(self) -> list[Any]:
        return [row[0] for row in self._cursor.fetchall()]

    def first(self) -> Any:
        return _Result(self._cursor).scalar()
