"""Many rows in one statement, and lists as one parameter, on the servers that can unfold lists.

SQLite steps one prepared statement through all rows, and nothing beats that.  To a PostgreSQL
server each row is a message, an execution and an answer of its own, and ``IN`` with so many
parameters is another text for each count: parsed, planned and remembered anew.  There rows are one
stream where nothing is asked of them, else a column is one list.  Statements are made once for each
table and set of columns, and the driver itself runs them, here and there.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from mx_core.db.prepared import Prepared, copy_rows
from mx_core.db.stepped import Stepped
from mx_core.db.upsert import insert_into

Among = Callable[[sa.Column[Any], str], sa.ColumnElement[bool]]


class Twofold(Struct, frozen=True):
    """One statement in the words of SQLite and in those of a server."""

    here: Stepped
    server: Prepared

    def rows(self, tx: sa.Connection, asked: Mapping[str, Any]) -> Sequence[Any]:
        """Run that of the database of *tx* with the parameters *asked*; rows are like tuples."""
        return (self.here if tx.dialect.name == "sqlite" else self.server).rows(tx, asked)


def twofold(make: Callable[[Among], Any]) -> Twofold:
    """Return what *make* makes of a way to say that a column is one of a list parameter."""
    return Twofold(Stepped(make(_expanded)), Prepared(make(_any)))


def insert_rows(tx: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert *rows*, which have the same columns each, two at least."""
    if tx.dialect.name == "sqlite":
        _plain(table, tuple(rows[0])).all_of(tx, rows)
    else:
        copy_rows(tx, table, rows)


def insert_new(
    tx: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]], told: tuple[str, ...]
) -> Sequence[Any]:
    """Insert those of *rows* whose key is new; return the columns *told* of these, like tuples."""
    if tx.dialect.name == "sqlite":
        new = _plain_new(table, tuple(rows[0])).each(tx, rows)
        return [
            tuple([row[name] for name in told])
            for row, is_new in zip(rows, new, strict=True)
            if is_new
        ]
    return _inserted_new(table, tuple(rows[0]), told).rows(tx, _columns(rows))


def update_rows(
    tx: sa.Connection, table: sa.Table, key: str, rows: Sequence[dict[str, Any]]
) -> None:
    """Change the row whose column *key* is that of each of *rows*, to its other columns."""
    if tx.dialect.name == "sqlite":
        changed = [{**row, f"its_{key}": row[key]} for row in rows]
        _changed(table, key, tuple(rows[0])).all_of(tx, changed)
    else:
        _updated(table, key, tuple(rows[0])).rows(tx, _columns(rows))


def delete_rows(
    tx: sa.Connection, table: sa.Table, names: tuple[str, ...], places: Sequence[tuple[Any, ...]]
) -> set[tuple[Any, ...]]:
    """Delete the rows whose columns *names* are those of one of *places*; return those that were there."""
    if tx.dialect.name != "sqlite":
        lists = zip(*places, strict=True)
        asked = {f"all_{name}": list(column) for name, column in zip(names, lists, strict=True)}
        return {tuple(row) for row in _deleted(table, names).rows(tx, asked)}
    gone = _gone(table, names).each(
        tx,
        [
            {f"its_{name}": part for name, part in zip(names, place, strict=True)}
            for place in places
        ],
    )
    return {place for place, was_there in zip(places, gone, strict=True) if was_there}


def given(table: sa.Table, names: Sequence[str]) -> sa.TableValuedAlias:
    """Return the rows that the list parameters all_… of these *names* unfold to; servers only."""
    lists = [sa.bindparam(f"all_{name}", type_=sa.ARRAY(table.c[name].type)) for name in names]
    columns = [sa.column(name, table.c[name].type) for name in names]
    return sa.func.unnest(*lists).table_valued(*columns, name="given").render_derived()


# ── inside ───────────────────────────────────────────────────────────────────────────
def _columns(rows: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    return {f"all_{name}": [row[name] for row in rows] for name in rows[0]}


def _expanded(column: sa.Column[Any], name: str) -> sa.ColumnElement[bool]:
    return column.in_(sa.bindparam(name, expanding=True))


def _any(column: sa.Column[Any], name: str) -> sa.ColumnElement[bool]:
    return column == sa.any_(sa.bindparam(name, type_=sa.ARRAY(column.type)))


@functools.cache
def _plain(table: sa.Table, names: tuple[str, ...]) -> Stepped:
    return Stepped(table.insert().values({name: sa.bindparam(name) for name in names}))


@functools.cache
def _plain_new(table: sa.Table, names: tuple[str, ...]) -> Stepped:
    values: dict[str, Any] = {name: sa.bindparam(name) for name in names}
    return Stepped(insert_into(table, "sqlite").values(values).on_conflict_do_nothing())


@functools.cache
def _inserted_new(table: sa.Table, names: tuple[str, ...], told: tuple[str, ...]) -> Prepared:
    return Prepared(
        insert_into(table, "postgresql")
        .from_select(list(names), sa.select(given(table, names)))
        .on_conflict_do_nothing()
        .returning(*(table.c[name] for name in told))
    )


@functools.cache
def _changed(table: sa.Table, key: str, names: tuple[str, ...]) -> Stepped:
    values: dict[str, Any] = {name: sa.bindparam(name) for name in names if name != key}
    return Stepped(table.update().where(table.c[key] == sa.bindparam(f"its_{key}")).values(values))


@functools.cache
def _updated(table: sa.Table, key: str, names: tuple[str, ...]) -> Prepared:
    rows = given(table, names)
    values = {name: rows.c[name] for name in names if name != key}
    return Prepared(table.update().where(table.c[key] == rows.c[key]).values(values))


@functools.cache
def _gone(table: sa.Table, names: tuple[str, ...]) -> Stepped:
    return Stepped(
        table.delete().where(*(table.c[name] == sa.bindparam(f"its_{name}") for name in names))
    )


@functools.cache
def _deleted(table: sa.Table, names: tuple[str, ...]) -> Prepared:
    rows = given(table, names)
    return Prepared(
        table.delete()
        .where(*(table.c[name] == rows.c[name] for name in names))
        .returning(*(table.c[name] for name in names))
    )
