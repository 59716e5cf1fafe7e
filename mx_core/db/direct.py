"""What a job sees as its connection: the driver itself, spelled as SQLAlchemy spells it.

A statement through SQLAlchemy costs about 15 µs more than through the driver, and a read
transaction 38 µs of 108; jobs use of a connection only ``exec_driver_sql`` and of its result
what stands here.  Transactions are begun and ended by whoever runs the job.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

import sqlalchemy as sa

_TWO: Final = 2  # rows that show that there is more than one


def direct(driver: Any) -> sa.Connection:
    """Return the connection of a job over *driver*, an open DBAPI connection."""
    return cast("sa.Connection", _Direct(driver))


class _Direct:
    """See the module."""

    __slots__ = ("driver_connection",)

    def __init__(self, driver: Any) -> None:
        self.driver_connection = driver

    @property
    def connection(self) -> _Direct:
        """Return what has ``driver_connection``."""
        return self

    def exec_driver_sql(self, statement: str, parameters: Sequence[Any] = ()) -> _Result:
        """Run *statement*, once for each of a list of parameters; raises the driver's errors."""
        driver = self.driver_connection
        if isinstance(parameters, list):
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
            raise sa.exc.MultipleResultsFound("one row was expected, and there are more")
        return rows[0] if rows else None

    def one(self) -> Any:
        row = self.one_or_none()
        if row is None:
            raise sa.exc.NoResultFound("one row was expected, and there is none")
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
