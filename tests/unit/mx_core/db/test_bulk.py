"""Many rows at once come out the same on SQLite and on a server, in one statement on the latter."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from mx_core.db.bulk import delete_rows, insert_new, insert_rows, twofold, update_rows
from mx_core.db.postgres import PostgresDatabase
from tests.support.postgres import running_postgres

METADATA = sa.MetaData()
THING = sa.Table(
    "thing",
    METADATA,
    sa.Column("thing_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("octets", sa.LargeBinary),
    sa.Column("words", sa.Text),
    sa.Column("good", sa.Boolean),
)
ROWS = [
    {"thing_id": number, "octets": octets, "words": words, "good": good}
    for number, (octets, words, good) in enumerate(
        [(b"\x00\xff", "ä, {}", True), (None, None, None), (b"", '"', False), (b"{NULL}", "", True)]
    )
]
SOME = twofold(
    lambda among: sa.select(THING.c.words).where(among(THING.c.thing_id, "ids")).order_by("words")
)
Run = Callable[[Callable[[sa.Connection], Any]], Any]


@pytest.fixture(params=["sqlite", "postgresql"])
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    if request.param == "sqlite":
        with sa.create_engine("sqlite://").connect() as tx:
            METADATA.create_all(tx)
            yield lambda job: job(tx)
        return
    with running_postgres() as server, asyncio.Runner() as runner:
        opened = PostgresDatabase.open(
            server.make("bulk"), migrations="mx_core.homeserver.migrations", connections=1
        )
        database = runner.run(opened)
        runner.run(database.write(METADATA.create_all))
        yield lambda job: runner.run(database.write(job))
        runner.run(database.close())


def _all(tx: sa.Connection) -> list[dict[str, Any]]:
    rows = tx.execute(sa.select(THING).order_by(THING.c.thing_id)).mappings()
    return [dict(row) for row in rows]


def test_rows_are_inserted_found_and_changed(run: Run) -> None:
    run(lambda tx: insert_rows(tx, THING, ROWS))
    assert run(_all) == ROWS
    some = run(lambda tx: SOME.rows(tx, {"ids": [0, 2, 9]}))
    assert [tuple(row) for row in some] == [('"',), ("ä, {}",)]

    again = [{**ROWS[3], "words": "another"}, {**ROWS[3], "thing_id": 4}]
    new = run(lambda tx: insert_new(tx, THING, again, ("thing_id", "octets")))
    assert [tuple(row) for row in new] == [(4, b"{NULL}")]

    changed = [{"thing_id": number, "words": str(number), "octets": None} for number in (0, 1)]
    run(lambda tx: update_rows(tx, THING, "thing_id", changed))
    assert run(_all) == [
        {**ROWS[0], "words": "0", "octets": None},
        {**ROWS[1], "words": "1"},
        *ROWS[2:],
        again[1],
    ]


def test_rows_are_deleted_by_all_of_their_columns_and_those_are_told_that_were_there(
    run: Run,
) -> None:
    run(lambda tx: insert_rows(tx, THING, ROWS))
    places = [(0, b"\x00\xff"), (2, b"another"), (9, b""), (3, b"{NULL}")]
    gone = run(lambda tx: delete_rows(tx, THING, ("thing_id", "octets"), places))
    assert gone == {places[0], places[3]}
    assert run(_all) == ROWS[1:3]


def test_one_text_serves_any_number_of_rows(run: Run) -> None:
    """Each text that a server has not seen is parsed and planned, and one more is remembered."""
    texts: set[str] = set()

    def note(told: Any) -> None:
        if "thing" in told.query:  # and not what the driver asks of types, once
            texts.add(told.query)

    def job(tx: sa.Connection) -> None:
        if tx.dialect.name == "sqlite":
            return
        driver = tx.connection.driver_connection
        assert driver is not None, "it is connected"
        driver.add_query_logger(note)
        for count in (1, 2, 4):
            insert_new(tx, THING, ROWS[:count], ("thing_id",))
            SOME.rows(tx, {"ids": list(range(count))})
        driver.remove_query_logger(note)

    run(job)
    assert len(texts) in {0, 2}
