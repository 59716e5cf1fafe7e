"""Mail between two domains whose servers keep their rows in PostgreSQL; two processes send one queue.

As ``federation``, but the sender's domain is served by two ``mx-home`` processes over one database
and the recipient's by one over another, on one PostgreSQL server with ``fsync`` and
``synchronous_commit`` on.  All of it shares this machine.  The peer is SQLite alone, as there.
"""

import asyncio
import contextlib
import time
from functools import partial

from msgspec.structs import replace

from bench.federation import (
    NO_LIMIT,
    RECIPIENTS,
    SECONDS,
    bare,
    items_for,
    processor,
    submit,
    unlogged,
)
from bench.rows import Row
from mx_core.db.postgres import PostgresDatabase
from mx_core.homeserver.opening import MIGRATIONS
from tests.support.homes import HomeProcess, running_homes
from tests.support.postgres import ROOMY, PostgresServer, running_postgres

EXPECTED = 2_500  # a second
SENDERS = 100


def measure() -> list[Row]:
    count = int(SECONDS * EXPECTED)
    with running_postgres(ROOMY) as server, running_homes() as homes:
        places = {
            domain: f'[storage]\ndatabase = "{server.make(name)}"\n{NO_LIMIT}'
            for domain, name in (("a.example", "sender"), ("b.example", "receiver"))
        }
        receiver = homes.make("b.example", places["b.example"], start=False)
        sender = homes.make("a.example", places["a.example"], start=False)
        beside = homes.make_beside(sender, places["a.example"], start=False)
        asyncio.run(fill(server, count))
        receiver.start()
        peer = bare(homes.folder / "bare", count // 4)
        sender.start()
        beside.start()
        # from here on both send: what went before is not counted
        at_start = noted(server)
        started, before = time.perf_counter(), times(server)
        used = [processor(each.pid) for each in (sender, beside, receiver)]
        sent = [sent_by(each) for each in (sender, beside)]
        while (now_noted := noted(server)) < count:
            time.sleep(0.25)
        taken, database = time.perf_counter() - started, times(server) - before
        used = [
            processor(each.pid) - was
            for each, was in zip((sender, beside, receiver), used, strict=True)
        ]
        sent = [sent_by(each) - was for each, was in zip((sender, beside), sent, strict=True)]
        kept = int(server.sql("SELECT count(*) FROM delivery", database="receiver"))
        assert kept == count, f"{kept} of {count} arrived"
    done = now_noted - at_start
    each = [seconds / done * 1e6 for seconds in (used[0] + used[1], used[2], database)]
    return [
        Row(
            "queue → recipient's store, 10 KB",
            "1/s",
            "higher",
            done / taken,
            done,
            peer,
            floor=2_000,
            goal=3_000,
        ),
        Row("… of them sent by the second process", "%", "higher", sent[1] / sum(sent) * 100, done),
        Row("processor of both senders", "µs", "lower", each[0], done),
        Row("processor of the receiver", "µs", "lower", each[1], done),
        Row("processor of PostgreSQL", "µs", "lower", each[2], done),
    ]


async def fill(server: PostgresServer, count: int) -> None:
    database = await PostgresDatabase.open(server.url("receiver"), migrations=MIGRATIONS)
    people = [f"p{n}@b.example" for n in range(RECIPIENTS)]
    for address in people:
        await database.write(partial(unlogged, address=address))
    await database.close()
    database = await PostgresDatabase.open(server.url("sender"), migrations=MIGRATIONS)
    senders = [
        await database.write(partial(unlogged, address=f"s{n}@a.example")) for n in range(SENDERS)
    ]
    for first in range(0, count, 1_000):
        items = items_for(senders[0], people, range(first, min(first + 1_000, count)))
        rows = [
            replace(item, mailbox_id=senders[n % SENDERS].mailbox_id)
            for n, item in enumerate(items)
        ]
        await database.write(partial(submit, items=rows))
    await database.close()


def noted(server: PostgresServer) -> int:
    """Return how many rows of the queue have become notices."""
    return int(server.sql("SELECT sum(next_sequence) FROM mailbox", database="sender")) - SENDERS


def times(server: PostgresServer) -> float:
    """Return the seconds of processor that the server and its children have used."""
    used = 0.0
    for pid in server.children():
        with contextlib.suppress(FileNotFoundError):  # it has ended, and its parent has its time
            used += processor(pid, children=True)
    return used + processor(server.pid, children=True)


def sent_by(home: HomeProcess) -> int:
    text = home.log.read_text()
    return sum(int(part.split()[0]) for part in text.split("items=")[1:])
