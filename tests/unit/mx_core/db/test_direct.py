"""What a job sees of the driver says what SQLAlchemy would say."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mx_core.db.database import Database
from mx_core.model.errors import Unavailable

SCHEMA = "tests.support.fixture_schema"
ASKED: list[Callable[[Any], Any]] = [
    lambda rows: rows.all(),
    lambda rows: rows.first(),
    lambda rows: rows.one_or_none(),
    lambda rows: rows.one(),
    lambda rows: rows.scalar(),
    lambda rows: rows.scalar_one(),
    lambda rows: rows.scalar_one_or_none(),
    lambda rows: rows.scalars().all(),
    lambda rows: rows.scalars().first(),
    lambda rows: list(rows.scalars()),
    lambda rows: [tuple(row) for row in rows],
]


@pytest.fixture
def databases(tmp_path: Path) -> Iterator[list[Database]]:
    """The same kind of file twice: plain, and by SQLAlchemy."""
    made = [
        Database.open(tmp_path / f"{plain}.db", migrations=SCHEMA, plain=plain)
        for plain in (True, False)
    ]
    yield made
    for database in made:
        database.close()


@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("ask", ASKED)
def test_results_are_those_of_sqlalchemy(
    databases: list[Database], ask: Callable[[Any], Any], count: int
) -> None:
    def job(connection: sa.Connection) -> Any:
        numbers = f"SELECT value, value * 2 FROM json_each('{list(range(count))}')"
        try:
            return ask(connection.exec_driver_sql(numbers))
        except sa.exc.SQLAlchemyError as error:
            return type(error)

    plain, usual = (database.glance(job) for database in databases)

    assert plain == usual


def test_rows_made_and_changed_are_counted(databases: list[Database]) -> None:
    def job(connection: sa.Connection) -> list[int]:
        made = connection.exec_driver_sql("INSERT INTO thing (octets) VALUES (x'00'), (x'01')")
        return [made.rowcount, made.lastrowid]

    assert [database.write_at_start(job) for database in databases] == [[2, 2], [2, 2]]


def test_a_list_of_parameters_is_a_statement_for_each(databases: list[Database]) -> None:
    def job(connection: sa.Connection) -> Any:
        insert = "INSERT INTO thing (octets) VALUES (?)"
        connection.exec_driver_sql(insert, [(b"one",), (b"two",)])
        return connection.exec_driver_sql("SELECT octets FROM thing").scalars().all()

    found = [database.write_at_start(job) for database in databases]

    assert found == [[b"one", b"two"]] * 2


def test_a_glance_sees_what_is_committed(databases: list[Database]) -> None:
    def put(connection: sa.Connection) -> int:
        return connection.exec_driver_sql("INSERT INTO thing (octets) VALUES (x'00')").rowcount

    def count(connection: sa.Connection) -> Any:
        return connection.exec_driver_sql("SELECT count(*) FROM thing").scalar_one()

    for database in databases:
        before = database.glance(count)
        database.write_at_start(put)

        assert (before, database.glance(count)) == (0, 1)


def test_a_glance_that_fails_leaves_no_transaction_open(databases: list[Database]) -> None:
    def fail(_connection: sa.Connection) -> None:
        raise LookupError

    for database in databases:
        with pytest.raises(LookupError):
            database.glance(fail)

        assert database.glance(lambda c: c.exec_driver_sql("SELECT 1").scalar()) == 1


def test_a_row_is_the_first_that_is_found(databases: list[Database]) -> None:
    asked = "SELECT value, value * 2 FROM json_each(?) ORDER BY value"
    for database in databases:
        assert database.row(asked, ("[3, 2, 7]",)) == (2, 4)
        assert database.row(asked, ("[]",)) is None


@pytest.mark.anyio
async def test_a_row_is_of_the_last_commit_and_nothing_is_held_for_it(
    databases: list[Database],
) -> None:
    def put(connection: sa.Connection) -> int:
        return connection.exec_driver_sql(
            "INSERT INTO thing (octets) VALUES (x'00'), (x'01')"
        ).rowcount

    for database in databases:
        seen = []
        for _ in range(3):
            await database.write(put)
            # of two or more: it must have ended all the same
            assert database.row("SELECT id FROM thing ORDER BY id", ()) == (1,)
            await database.truncate_log()  # Busy, where a snapshot is held
            seen.append(database.row("SELECT count(*) FROM thing", ())[0])
            await database.truncate_log()

        assert seen == [2, 4, 6]


def test_a_row_sees_one_state_however_often_its_statement_looks(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "x.db", migrations=SCHEMA, plain=True)

    def put(connection: sa.Connection) -> int:
        return connection.exec_driver_sql("INSERT INTO thing (octets) VALUES (x'00')").rowcount

    try:
        database.row("SELECT 1", ())
        here = database._readers._here
        assert here is not None
        here.link.driver.create_function("amid", 0, lambda: database.write_at_start(put))
        count = "(SELECT count(*) FROM thing)"

        assert database.row(f"SELECT {count}, amid(), {count}", ()) == (0, 1, 0)
        assert database.row("SELECT count(*) FROM thing", ()) == (1,)
    finally:
        database.close()


def test_a_row_that_can_not_be_read_is_told_as_of_a_glance(databases: list[Database]) -> None:
    def ask(connection: sa.Connection) -> object:
        return connection.exec_driver_sql("SELECT octets FROM missing").first()

    for database in databases:
        with pytest.raises(Exception) as glanced:  # noqa: PT011  # whatever it is
            database.glance(ask)
        with pytest.raises(Exception) as asked:  # noqa: PT011
            database.row("SELECT octets FROM missing", ())

        assert "no such table" in str(asked.value)
        assert "no such table" in str(glanced.value)
        assert database.row("SELECT 1", ()) == (1,)


def test_a_closed_store_gives_no_glance(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "x.db", migrations=SCHEMA, plain=True)
    database.close()

    with pytest.raises(Unavailable):
        database.glance(lambda _: None)
    with pytest.raises(Unavailable):
        database.row("SELECT 1", ())
