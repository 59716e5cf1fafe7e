"""Statements of a server that the driver runs itself: the text is made once, and values go as they are.

Inside the transaction of a job, beside whatever it runs through SQLAlchemy, which takes of its client more
than twice what the driver alone takes for one statement.  Values are of the types that the driver gives
and takes without a converter: numbers, octets, words, booleans, and lists of these.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.compiler import SQLCompiler


class Prepared:
    """One statement, made once; each connection of the driver keeps it prepared."""

    __slots__ = ("_fixed", "_names", "_statement", "_text")

    def __init__(self, statement: Any) -> None:
        """*statement* is as for ``Connection.execute``, with no list but of one parameter."""
        self._statement = statement
        self._text = ""
        self._names: tuple[str, ...] = ()
        self._fixed: dict[str, Any] = {}

    def rows(self, tx: sa.Connection, asked: Mapping[str, Any]) -> Sequence[Any]:
        """Run it with the parameters *asked*; return its rows, which are like tuples.

        Raises the driver's errors, which ``postgres_failure`` reads as it does SQLAlchemy's.
        """
        if not self._text:
            self._make(tx.dialect)
        values = [asked[name] if name in asked else self._fixed[name] for name in self._names]
        connection: Any = tx.connection.dbapi_connection
        found: Sequence[Any] = connection.run_async(
            lambda driver: driver.fetch(self._text, *values)
        )
        return found

    def _make(self, dialect: sa.Dialect) -> None:
        made: SQLCompiler = self._statement.compile(dialect=dialect)
        self._names = tuple(made.positiontup or ())
        # what is written into the statement and not asked for, such as a limit of one row
        self._fixed = {name: bind.value for name, bind in made.binds.items() if not bind.required}
        self._text = made.string


def copy_rows(tx: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert *rows*, which have the same columns each, as one stream to the server.

    Lists that it unfolds are copied there three times on their way into the table, and looked at here
    value by value for lists within.  Raises the driver's errors, as ``Prepared.rows``.
    """
    names = tuple(rows[0])
    records = map(operator.itemgetter(*names), rows)
    connection: Any = tx.connection.dbapi_connection
    connection.run_async(
        lambda driver: driver.copy_records_to_table(table.name, records=records, columns=names)
    )
