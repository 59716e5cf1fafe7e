"""Statements of one SQLite file that the driver runs itself: the text is made once for lists of a length.

Inside the transaction of a job, beside whatever it runs through SQLAlchemy, which takes 40 µs for a
statement and 2 to 5 for each row given to it or had of it.  Values are of the types that the driver gives and
takes without a converter: numbers, octets, words; a boolean comes back as 0 or 1.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.compiler import SQLCompiler

_TEXTS_KEPT = 512  # of one statement; the driver keeps as many prepared


class Stepped:
    """One statement; each connection of the driver keeps it prepared."""

    __slots__ = ("_fixed", "_lists", "_made", "_names", "_statement", "_texts")

    def __init__(self, statement: Any) -> None:
        """*statement* is as for ``Connection.execute``; its lists are expanding parameters."""
        self._statement = statement
        self._made: SQLCompiler | None = None
        self._names: tuple[str, ...] = ()
        self._lists: tuple[str, ...] = ()
        self._fixed: dict[str, Any] = {}
        self._texts: dict[tuple[int, ...], str] = {}

    def rows(self, tx: sa.Connection, asked: Mapping[str, Any]) -> Sequence[Any]:
        """Run it with the parameters *asked*; return its rows, plain tuples.

        Raises the driver's errors, which ``failure`` reads as it does SQLAlchemy's.
        """
        text = self._text(tx, asked)
        values: list[Any] = []
        for name in self._names:
            value = asked[name] if name in asked else self._fixed[name]
            if name not in self._lists:
                values.append(value)
            elif value and isinstance(value[0], tuple):
                values.extend(itertools.chain.from_iterable(value))
            else:
                values.extend(value)
        found: Sequence[Any] = _driver(tx).execute(text, values).fetchall()
        return found

    def each(self, tx: sa.Connection, many: Iterable[Mapping[str, Any]]) -> list[int]:
        """Run it once for each of *many*; return how many rows each changed."""
        text, cursor = self._text(tx, {}), _driver(tx).cursor()
        return [cursor.execute(text, values).rowcount for values in self._values(many)]

    def all_of(self, tx: sa.Connection, many: Iterable[Mapping[str, Any]]) -> None:
        """Run it once for each of *many*, in one call of the driver."""
        text = self._text(tx, {})
        _driver(tx).executemany(text, self._values(many))

    def _values(self, many: Iterable[Mapping[str, Any]]) -> Iterator[list[Any]]:
        if self._fixed:
            many = ({**self._fixed, **asked} for asked in many)
        return ([asked[name] for name in self._names] for asked in many)

    def _text(self, tx: sa.Connection, asked: Mapping[str, Any]) -> str:
        if self._made is None:
            self._made = self._make(tx.dialect)
        lengths = tuple([len(asked[name]) for name in self._lists])
        text = self._texts.get(lengths)
        if text is None:
            if len(self._texts) >= _TEXTS_KEPT:
                self._texts.clear()
            text = self._made.string
            if self._lists:
                text = self._made.construct_expanded_state(dict(asked)).statement
            self._texts[lengths] = text
        return text

    def _make(self, dialect: sa.Dialect) -> SQLCompiler:
        made: SQLCompiler = self._statement.compile(dialect=dialect)
        self._names = tuple(made.positiontup or ())
        self._lists = tuple(name for name in self._names if made.binds[name].expanding)
        # what is written into the statement and not asked for, such as a limit of one row
        self._fixed = {name: bind.value for name, bind in made.binds.items() if not bind.required}
        return made


def _driver(tx: sa.Connection) -> Any:
    return tx.connection.driver_connection
