"""A lone change is committed on the thread that asks for it; everything else is as for the writer's."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
import sqlalchemy as sa

from mx_core.db import lone, writer
from mx_core.db.database import Database
from mx_core.db.lone import HELD_SECONDS, PAUSE_SECONDS_MAX, Quickness
from mx_core.model.errors import Busy, StoreDamaged, Unavailable
from tests.support.writing_thread import come_to_rest

T = TypeVar("T")
SCHEMA = "tests.support.fixture_schema"


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setattr(lone, "HELD_SECONDS", 60)  # a slow disk is a matter of its own tests
    opened = Database.open(tmp_path / "x.db", migrations=SCHEMA)
    yield opened
    opened.close()


def put(connection: sa.Connection) -> int:
    """Add a row; return which thread did it."""
    connection.execute(sa.text("INSERT INTO thing (octets) VALUES (x'00')"))
    return threading.get_ident()


def count(connection: sa.Connection) -> int:
    return int(connection.scalar(sa.text("SELECT count(*) FROM thing")) or 0)


async def lone_write(
    database: Database,
    job: Callable[[sa.Connection], T],
    announce: Callable[[T], None] | None = None,
) -> T:
    """As whoever may be alone."""
    done = database.write_here(job, announce)
    return done[0] if done is not None else await database.write(job, announce)


def here() -> int:
    return threading.get_ident()


@pytest.mark.anyio
async def test_it_is_committed_and_announced_before_its_caller_goes_on(database: Database) -> None:
    told: list[int] = []
    asked = lone_write(database, put, told.append)
    with pytest.raises(StopIteration) as ended:
        asked.send(None)  # it waits for nothing

    assert ended.value.value == here()
    assert told == [here()]
    assert await database.read(count) == 1


@pytest.mark.anyio
async def test_behind_another_change_it_is_the_writers_and_keeps_its_place(
    database: Database,
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    told: list[str] = []

    def slow(connection: sa.Connection) -> int:
        begun.set()
        go_on.wait(10)
        return put(connection)

    first = asyncio.ensure_future(database.write(slow, lambda _: told.append("first")))
    await asyncio.to_thread(begun.wait, 10)
    second = asyncio.ensure_future(lone_write(database, put, lambda _: told.append("second")))
    await asyncio.sleep(0)
    go_on.set()

    assert here() not in {await first, await second}
    assert told == ["first", "second"]


@pytest.mark.anyio
async def test_it_waits_until_what_is_committed_was_announced(database: Database) -> None:
    told: list[str] = []

    def until_committed() -> None:
        while database._writer._turn.locked() or not database._writer._dirty:
            time.sleep(0.001)

    first = asyncio.ensure_future(database.write(put, lambda _: told.append("first")))
    await asyncio.sleep(0)
    until_committed()  # and the loop stands still: nothing can be announced
    second = lone_write(database, put, lambda _: told.append("second"))

    assert await second != here()
    assert told == ["first", "second"]
    await first
    come_to_rest(database)
    assert await lone_write(database, put) == here(), "and then it is done at once again"


@pytest.mark.anyio
async def test_a_job_that_fails_leaves_nothing_and_its_caller_hears_why(
    database: Database,
) -> None:
    told: list[object] = []

    def fails(connection: sa.Connection) -> None:
        put(connection)
        raise Busy("on purpose")

    with pytest.raises(Busy, match="on purpose"):
        await lone_write(database, fails, told.append)

    assert told == []
    assert await database.read(count) == 0
    come_to_rest(database)
    assert await lone_write(database, put) == here()


@pytest.mark.anyio
async def test_a_commit_that_fails_for_good_is_the_last(database: Database) -> None:
    def break_commit(_connection: sa.Connection) -> None:
        raise RuntimeError("the commit")

    engine = database._writer._link.given.engine
    sa.event.listen(engine, "commit", break_commit)
    with pytest.raises(RuntimeError, match="the commit"):
        await lone_write(database, put)
    sa.event.remove(engine, "commit", break_commit)

    with pytest.raises(StoreDamaged, match="nothing more is taken"):
        await lone_write(database, put)
    assert await database.read(count) == 0


@pytest.mark.anyio
async def test_an_announcement_that_fails_takes_nothing_back(database: Database) -> None:
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, of: reported.append(of))

    def fails(_: object) -> None:
        raise ValueError("on purpose")

    assert await lone_write(database, put, fails) == here()
    assert await database.read(count) == 1
    assert len(reported) == 1


@pytest.mark.anyio
async def test_what_another_thread_asks_for_meanwhile_comes_behind_it(database: Database) -> None:
    order: list[str] = []

    def other() -> None:
        database.write_at_start(lambda _: order.append("other"))

    def job(_: sa.Connection) -> None:
        thread.start()
        while not database._writer._intake.qsize() and not database._writer._unsettled:
            time.sleep(0.001)
        time.sleep(0.02)  # it has all the time to overtake
        order.append("lone")

    thread = threading.Thread(target=other)
    await lone_write(database, job)
    await asyncio.to_thread(thread.join)

    assert order == ["lone", "other"]


@pytest.mark.anyio
async def test_lone_changes_alone_are_followed_by_what_is_done_at_leisure_and_by_rest(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_IDLE_SECONDS", 0.01)
    left = [0]

    def step(_: sa.Connection) -> bool:
        left[0] = max(left[0] - 1, 0)
        return left[0] > 0

    async def rests() -> None:
        while left[0] or database._writer._dirty:
            await asyncio.sleep(0.01)  # the test's time limit ends this

    database.at_leisure(step)
    await rests()
    left[0] = 3
    come_to_rest(database)
    assert await lone_write(database, put) == here()
    assert database._writer._dirty
    await rests()


@pytest.mark.anyio
async def test_the_log_is_bounded_by_the_thread_where_all_changes_are_lone(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mx_core.db.log_file.ROUND_OCTETS", 1_000_000)
    log = database.path.with_name("x.db-wal")
    moved: set[int] = set()
    move = database._writer._log.move

    def noted(how: str) -> Exception | None:
        moved.add(here())
        return move(how)

    monkeypatch.setattr(database._writer._log, "move", noted)

    def large(connection: sa.Connection) -> int:
        connection.execute(sa.text("INSERT INTO thing (octets) VALUES (zeroblob(100000))"))
        return here()

    at_once = 0
    for _ in range(400):
        at_once += await lone_write(database, large) == here()
        assert log.stat().st_size < 4_000_000

    assert at_once
    assert moved
    assert here() not in moved, "nobody who asks for a change waits for that"


@pytest.mark.anyio
async def test_nothing_is_done_once_it_is_closed(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "y.db", migrations=SCHEMA)
    database.close()

    with pytest.raises(Unavailable):
        await lone_write(database, put)


@pytest.mark.anyio
async def test_a_slow_commit_is_the_last_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lone, "HELD_SECONDS", 0.01)
    database = Database.open(tmp_path / "z.db", migrations=SCHEMA)

    def slow(connection: sa.Connection) -> int:
        time.sleep(0.05)
        return put(connection)

    assert await lone_write(database, slow) == here()
    come_to_rest(database)
    assert await lone_write(database, put) != here()
    await asyncio.to_thread(database.close)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    now = [1_000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def advance(seconds: float) -> None:
        now[0] += seconds

    return advance


def test_the_slower_a_disk_the_rarer_it_is_asked(clock: Callable[[float], None]) -> None:
    quickness, slow = Quickness(), HELD_SECONDS * 2
    pauses: list[float] = []
    for _ in range(16):
        quickness.note(slow)
        pause = 0.0
        while not quickness.allows():
            clock(0.01)
            pause += 0.01
        pauses.append(pause)

    assert pauses == sorted(pauses)
    assert pauses[0] == pytest.approx(0.1, abs=0.02)
    assert pauses[1] == pytest.approx(0.2, abs=0.02)
    assert pauses[-1] == pytest.approx(PAUSE_SECONDS_MAX, abs=0.02)


def test_a_quick_one_forgives_all(clock: Callable[[float], None]) -> None:
    quickness = Quickness()
    for _ in range(5):
        quickness.note(HELD_SECONDS * 2)
    clock(PAUSE_SECONDS_MAX)
    quickness.note(HELD_SECONDS)

    assert quickness.allows()
    quickness.note(HELD_SECONDS * 2)
    clock(0.11)
    assert quickness.allows(), "and the next pause is a short one"
