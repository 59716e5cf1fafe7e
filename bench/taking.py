"""Submissions at a home server: many people hand over at once, each hears yes when it is durable.

The room that takes submissions, over SQLite and over PostgreSQL with ``fsync``, without sockets;
messages of 10 KB of fifty people, so many calls at once.  Judged by the processor: of this
process, and of PostgreSQL apart from it.
"""

import asyncio
import contextlib
import itertools
import logging
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import cast

import structlog

from bench.federation import BODY_OCTETS, ENVELOPE_OCTETS
from bench.federation_postgres import times
from bench.rows import Row
from mx_core.db.postgres import PostgresDatabase
from mx_core.db.transactions import Transactions
from mx_core.homeserver.bounds.rating import Rating
from mx_core.homeserver.config import Rates
from mx_core.homeserver.doors.device_sessions import Session
from mx_core.homeserver.mailboxes.accept import Sizes
from mx_core.homeserver.opening import MIGRATIONS, open_database
from mx_core.homeserver.people.accounts import Member
from mx_core.homeserver.queue.dispatch import Dispatcher
from mx_core.homeserver.queue.submit import Submitter
from mx_core.homeserver.storage.room import Room
from mx_core.proto.federation_pb2 import ACCEPTED, Item
from tests.support.body_store import body_store
from tests.support.home_rows import DEVICE, new_member
from tests.support.postgres import running_postgres

AT_ONCE = (1, 10, 100)
COUNT = 2_000  # at each of these; a tenth of them one after the other
PEOPLE = 50


class _Nobody:
    """Stands for the dispatcher: what was submitted stays."""

    def announce(self, destination: str) -> None:
        pass


def measure() -> list[Row]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "sqlite").mkdir()
        return asyncio.run(_both(Path(folder)))


async def _both(folder: Path) -> list[Row]:
    rows: list[Row] = []
    async with _sqlite(folder / "sqlite") as database:
        rows += await _of("SQLite", database, folder, lambda: 0.0)
    with running_postgres() as server:
        database = await PostgresDatabase.open(server.make("taking"), migrations=MIGRATIONS)
        rows += await _of("PostgreSQL", database, folder, lambda: times(server))
        await database.close()
    return rows


@contextlib.asynccontextmanager
async def _sqlite(folder: Path) -> AsyncIterator[Transactions]:
    database = open_database(folder)
    yield database
    database.close()


async def _of(
    what: str, database: Transactions, folder: Path, others: Callable[[], float]
) -> list[Row]:
    names = [f"p{n}@a.example" for n in range(PEOPLE)]
    people = [await database.write(partial(new_member, address=name)) for name in names]
    submitter = _submitter(database, folder)
    rows = []
    for at_once in AT_ONCE:
        count = COUNT // 10 if at_once == 1 else COUNT
        await _submit(submitter, people, at_once, at_once)  # statements are made once
        started, used, theirs = time.perf_counter(), time.process_time(), others()
        await _submit(submitter, people, at_once, count)
        taken, used = time.perf_counter() - started, time.process_time() - used
        name = f"{what}, {at_once} at once"
        rows += [
            Row(name, "1/s", "higher", count / taken, count),
            Row(f"… processor of {name}", "µs", "lower", used / count * 1e6, count),
        ]
        if theirs := others() - theirs:
            rows.append(Row("… of its server", "µs", "lower", theirs / count * 1e6, count))
    return rows


async def _submit(submitter: Submitter, people: list[Member], at_once: int, count: int) -> None:
    numbers = iter(range(count))
    senders = itertools.cycle(people)

    async def one_caller() -> None:
        for _ in numbers:
            session = Session(next(senders).mailbox_id, DEVICE, int(time.time()) + 3_600)
            assert (await submitter.submit(session, _item())).status == ACCEPTED

    await asyncio.gather(*(one_caller() for _ in range(at_once)))


def _item() -> Item:
    return Item(
        route=b"bob@b.example",
        envelope=b"MXE1" + secrets.token_bytes(ENVELOPE_OCTETS - 4),
        body=b"MXB1" + secrets.token_bytes(BODY_OCTETS - 4),
        deliver_by=int(time.time()) + 86_400,
    )


def _submitter(database: Transactions, folder: Path) -> Submitter:
    return Submitter(
        database,
        body_store(folder, database),
        cast("Dispatcher", _Nobody()),
        sizes=Sizes(envelope=1 << 16, inline_body=1 << 18, blob=1 << 20),
        outgoing_items=10_000,
        rating=Rating("a.example", Rates(exempt=("*",)), time.monotonic),
        room=Room(folder, 1),
        now=time.time,
    )
