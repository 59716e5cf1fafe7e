"""Submissions become rows many at a time, each as if it had come alone; on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from mx_core.db.postgres import PostgresDatabase
from mx_core.homeserver.opening import MIGRATIONS
from mx_core.homeserver.people.accounts import Member
from mx_core.homeserver.queue import outgoing, taking
from mx_core.homeserver.queue.outgoing import Leaving
from mx_core.homeserver.queue.taking import Taken
from mx_core.homeserver.schema import BLOB
from mx_core.homeserver.storage import bodies
from mx_core.homeserver.storage.bodies import Body
from tests.support.home_rows import home_database, leaving, new_member

NEW, KNOWN, NO_ROOM, NO_BODY = Taken
LARGE = Body(None, b"b" * 32, 90_000)
Do = Callable[[Callable[[sa.Connection], Any]], Any]


@pytest.fixture(params=["sqlite", "postgresql"])
def do(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Do]:
    if request.param == "sqlite":
        with home_database(tmp_path_factory.mktemp("rows")) as opened:
            yield opened.write_at_start
        return
    with asyncio.Runner() as runner:
        url = request.getfixturevalue("postgres").empty("taking")
        server = runner.run(PostgresDatabase.open(url, migrations=MIGRATIONS, connections=1))
        yield lambda job: runner.run(server.write(job))
        runner.run(server.close())


@pytest.fixture
def alice(do: Do) -> Member:
    made: Member = do(lambda tx: new_member(tx, "alice@a.example"))
    return made


@pytest.fixture
def bob(do: Do) -> Member:
    made: Member = do(lambda tx: new_member(tx, "bob@a.example"))
    return made


def take(do: Do, items: Sequence[Leaving], at_most: float = 1_000) -> list[Taken]:
    taken: list[Taken] = do(lambda tx: taking.submit(tx, items, at_most))
    return taken


def waiting(do: Do) -> set[tuple[int, bytes]]:
    rows = do(lambda tx: outgoing.waiting(tx, "b.example", 100))
    return {(row.mailbox_id, row.env_id) for row in rows}


def place(what: Leaving) -> tuple[int, bytes]:
    return what.mailbox_id, what.env_id


def test_each_of_many_is_answered_in_its_place(do: Do, alice: Member, bob: Member) -> None:
    old, new, missing = (leaving(alice, "b.example") for _ in range(3))
    missing = replace(missing, body=LARGE)
    of_bob = leaving(bob, "b.example")
    assert take(do, [old]) == [NEW]

    assert take(do, [missing, old, of_bob, new]) == [NO_BODY, KNOWN, NEW, NEW]

    assert waiting(do) == {place(old), place(new), place(of_bob)}


def test_what_comes_twice_at_once_is_taken_once(do: Do, alice: Member) -> None:
    what, missing = leaving(alice, "b.example"), replace(leaving(alice, "b.example"), body=LARGE)

    assert take(do, [what, missing, what, missing]) == [NEW, NO_BODY, KNOWN, NO_BODY]

    assert waiting(do) == {place(what)}


def test_of_what_is_beyond_the_limit_nothing_is_kept_and_it_may_come_again(
    do: Do, alice: Member, bob: Member
) -> None:
    first, second, third = (leaving(alice, "b.example") for _ in range(3))
    of_bob = leaving(bob, "b.example")

    assert take(do, [first, second, third, of_bob], at_most=2) == [NEW, NEW, NO_ROOM, NEW]
    assert take(do, [second, third], at_most=2) == [KNOWN, NO_ROOM]
    assert take(do, [third], at_most=3) == [NEW]


def test_each_row_that_names_a_body_is_counted(do: Do, alice: Member, bob: Member) -> None:
    do(lambda tx: bodies.add(tx, b"b" * 32, LARGE.size, "place", 1.0))
    items = [replace(leaving(member, "b.example"), body=LARGE) for member in (alice, bob)]

    assert take(do, [*items, items[0]]) == [NEW, NEW, KNOWN]

    assert do(lambda tx: tx.execute(sa.select(BLOB.c.uses)).scalar_one()) == 2
