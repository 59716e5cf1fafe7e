"""What comes while a transaction runs shares the next one; what fails fails alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa

from mx_core.db import together
from mx_core.db.database import Database
from mx_core.db.together import Together
from mx_core.model.errors import Busy, DiskFull
from tests.support.home_rows import home_database

pytestmark = pytest.mark.anyio


class Desk:
    """A job that notes what it was given at once; it waits while *shut*."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.told: list[list[int]] = []
        self.open = threading.Event()
        self.open.set()
        self.begun = threading.Event()

    def store(self, tx: sa.Connection, things: Sequence[int]) -> list[int]:
        self.begun.set()
        assert self.open.wait(20)
        self.batches.append(list(things))
        if 13 in things:
            raise ValueError("thirteen")
        if 28 in things:
            raise DiskFull("no room")
        for thing in things:
            tx.exec_driver_sql("INSERT INTO thing VALUES (?)", (thing,))
        return [thing * 10 for thing in things]

    def announce(self, answers: Sequence[int]) -> None:
        self.told.append(list(answers))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with home_database(tmp_path) as opened:
        opened.write_at_start(lambda tx: tx.exec_driver_sql("CREATE TABLE thing (id PRIMARY KEY)"))
        yield opened


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def at_once(database: Database, desk: Desk) -> Together[int, int]:
    return Together(database, desk.store, desk.announce)


async def stored(database: Database) -> set[int]:
    query = "SELECT id FROM thing"
    return await database.read(lambda tx: {row[0] for row in tx.exec_driver_sql(query)})


async def while_shut(at_once: Together[int, int], desk: Desk, *things: int) -> list[object]:
    """Put 1, and *things* while that is being stored; return what each of them heard."""
    desk.open.clear()
    first = asyncio.ensure_future(at_once.put(1))
    await asyncio.to_thread(desk.begun.wait, 20)
    waiting = [asyncio.ensure_future(at_once.put(thing)) for thing in things]
    await asyncio.sleep(0)
    desk.open.set()
    assert await first == 10
    return list(await asyncio.gather(*waiting, return_exceptions=True))


async def test_what_comes_meanwhile_is_stored_together_and_each_hears_its_own(
    at_once: Together[int, int], desk: Desk, database: Database
) -> None:
    assert await while_shut(at_once, desk, 2, 3, 4) == [20, 30, 40]

    assert desk.batches == [[1], [2, 3, 4]]
    assert desk.told == [[10], [20, 30, 40]]
    assert await stored(database) == {1, 2, 3, 4}


async def test_who_comes_alone_waits_for_nobody(at_once: Together[int, int], desk: Desk) -> None:
    assert [await at_once.put(thing) for thing in (5, 6)] == [50, 60]

    assert desk.batches == [[5], [6]]


async def test_one_that_can_not_be_stored_takes_no_other_along(
    at_once: Together[int, int], desk: Desk, database: Database
) -> None:
    two, thirteen, three = await while_shut(at_once, desk, 2, 13, 3)

    assert (two, three) == (20, 30)
    assert isinstance(thirteen, ValueError)
    assert await stored(database) == {1, 2, 3}


async def test_a_database_that_takes_nothing_is_asked_once_and_all_hear_why(
    at_once: Together[int, int], desk: Desk, database: Database
) -> None:
    heard = await while_shut(at_once, desk, 2, 28, 3)

    assert [type(each) for each in heard] == [DiskFull] * 3
    assert desk.batches == [[1], [2, 28, 3]]
    assert await stored(database) == {1}
    assert await at_once.put(2) == 20


async def test_whoever_went_away_before_it_began_leaves_nothing(
    at_once: Together[int, int], desk: Desk, database: Database
) -> None:
    desk.open.clear()
    first = asyncio.ensure_future(at_once.put(1))
    await asyncio.to_thread(desk.begun.wait, 20)
    gone, stays = (asyncio.ensure_future(at_once.put(thing)) for thing in (2, 3))
    await asyncio.sleep(0)
    gone.cancel()
    desk.open.set()

    assert [await first, await stays] == [10, 30]
    assert await stored(database) == {1, 3}


async def test_what_waits_is_bounded(
    at_once: Together[int, int], desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(together, "_WAITING_MAX", 2)

    heard = await while_shut(at_once, desk, 2, 3, 4)

    assert heard[:2] == [20, 30]
    assert isinstance(heard[2], Busy)
