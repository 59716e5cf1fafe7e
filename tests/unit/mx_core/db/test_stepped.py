"""A statement of a file that the driver runs itself stands in the transaction of its job, like every other."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from mx_core.db.engine import writer_engine
from mx_core.db.stepped import Stepped

THING = sa.Table(
    "thing",
    sa.MetaData(),
    sa.Column("thing_id", sa.Integer, primary_key=True),
    sa.Column("octets", sa.LargeBinary),
    sa.Column("at", sa.Float),
)
PUT = Stepped(
    THING.insert().values(thing_id=sa.bindparam("thing"), octets=sa.bindparam("octets"), at=0.5)
)
GONE = Stepped(THING.delete().where(THING.c.thing_id == sa.bindparam("thing")))
SOME = Stepped(
    sa.select(THING.c.thing_id)
    .where(
        THING.c.at < 1.0,
        sa.tuple_(THING.c.thing_id, THING.c.octets).not_in(sa.bindparam("places", expanding=True)),
        THING.c.thing_id.in_(sa.bindparam("things", expanding=True)),
    )
    .order_by(THING.c.thing_id)
    .limit(sa.bindparam("most"))
)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = writer_engine(tmp_path / "db", None)
    try:
        with engine.begin() as tx:
            THING.create(tx)
        yield engine
    finally:
        engine.dispose()


def _put(tx: sa.Connection, *things: int) -> None:
    PUT.all_of(tx, [{"thing": thing, "octets": b"\x00%d" % thing} for thing in things])


def test_lists_of_any_length_are_asked_for(engine: sa.Engine) -> None:
    with engine.begin() as tx:
        _put(tx, *range(6))
        for things in ([], [1], [5, 1, 3], [1, 3, 5, 4]):
            for places in ([], [(1, b"\x001")], [(1, b"\x001"), (3, b"another")]):
                asked = {"things": things, "places": places, "most": 2}
                left = set(things) - ({1} if places else set())
                assert [row[0] for row in SOME.rows(tx, asked)] == sorted(left)[:2]


def test_each_tells_how_many_rows_it_changed(engine: sa.Engine) -> None:
    with engine.begin() as tx:
        _put(tx, 1, 2)
        assert GONE.each(tx, [{"thing": thing} for thing in (2, 2, 7, 1)]) == [1, 0, 0, 1]


def test_it_sees_what_the_job_did_otherwise_and_is_undone_with_it(engine: sa.Engine) -> None:
    asked = {"things": [7, 8], "places": [], "most": 9}
    with engine.connect() as tx, tx.begin() as transaction:
        tx.execute(THING.insert(), [{"thing_id": 7, "octets": b"", "at": 0.0}])
        _put(tx, 8)
        assert list(SOME.rows(tx, asked)) == [(7,), (8,)]
        assert sorted(tx.execute(sa.select(THING.c.thing_id)).scalars()) == [7, 8]
        transaction.rollback()
    with engine.begin() as tx:
        assert list(SOME.rows(tx, asked)) == []


def test_an_error_is_the_drivers(engine: sa.Engine) -> None:
    with pytest.raises(sqlite3.IntegrityError), engine.begin() as tx:
        _put(tx, 1, 1)
    with engine.begin() as tx:
        assert list(SOME.rows(tx, {"things": [1], "places": [], "most": 9})) == []
