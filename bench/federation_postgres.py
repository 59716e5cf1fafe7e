"""Mail between two domains whose servers keep their rows in PostgreSQL; two processes send one queue.

As ``federation``, but the sender's domain is served by two ``mx-home`` processes over one database
and the recipient's by one over another, on one PostgreSQL server with ``fsync`` and
``synchronous_commit`` on.  All of it shares this machine.  The peer is SQLite alone, as there.
"""

import asyncio
import time
from functools import partial

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
from tests.support.postgres import PostgresServer, running_postgres

EXPECTED = 1_000  # a second


def measure() -> list[Row]:
    count = int(SECONDS * EXPECTED)
    with running_postgres() as server, running_homes() as homes:
        places = {
            domain: f'[storage]\ndatabase = "{server.make(name)}"\n{NO_LIMIT}'
            for domain, name in (("a.example", "sender"), ("b.example", "receiver"))
        }
        receiver = homes.make("b.example", places["b.example"], start=False)
        sender = homes.make("a.example", places["a.example"], start=False)
        asyncio.run(fill(server, count))
        receiver.start()
        peer = bare(homes.folder / "bare", count // 4)
        before, used_before = times(server), processor(receiver.pid)
        sender.start()
        started, first_before = time.perf_counter(), processor(sender.pid)
        beside = homes.make_beside(sender, places["a.example"])
        second_before = processor(beside.pid)
        taken = until_noted(server, count, started)
        senders = processor(sender.pid) - first_before + processor(beside.pid) - second_before
        used = processor(receiver.pid) - used_before
        database = times(server) - before
        sent = [sent_by(each) for each in (sender, beside)]
    return [
        Row("queue → recipient's store, 10 KB", "1/s", "higher", count / taken, count, peer),
        Row(
            "… of them sent by the second process", "%", "higher", sent[1] / sum(sent) * 100, count
        ),
        Row("processor of both senders", "µs", "lower", senders / count * 1e6, count),
        Row("processor of the receiver", "µs", "lower", used / count * 1e6, count),
        Row("processor of PostgreSQL", "µs", "lower", database / count * 1e6, count),
    ]


async def fill(server: PostgresServer, count: int) -> None:
    database = await PostgresDatabase.open(server.url("receiver"), migrations=MIGRATIONS)
    people = [f"p{n}@b.example" for n in range(RECIPIENTS)]
    for address in people:
        await database.write(partial(unlogged, address=address))
    await database.close()
    database = await PostgresDatabase.open(server.url("sender"), migrations=MIGRATIONS)
    alice = await database.write(lambda tx: unlogged(tx, "alice@a.example"))
    for first in range(0, count, 1_000):
        items = items_for(alice, people, range(first, min(first + 1_000, count)))
        await database.write(partial(submit, items=list(items)))
    await database.close()


def until_noted(server: PostgresServer, count: int, started: float) -> float:
    """Return the seconds until every row of the queue has become a notice."""
    query = "SELECT next_sequence FROM mailbox"
    while int(server.sql(query, database="sender")) < count + 1:
        time.sleep(0.1)
    taken = time.perf_counter() - started
    kept = int(server.sql("SELECT count(*) FROM delivery", database="receiver"))
    assert kept == count, f"{kept} of {count} arrived"
    return taken


def times(server: PostgresServer) -> float:
    """Return the seconds of processor that the server and its children have used."""
    return processor(server.pid, children=True) + sum(
        processor(pid, children=True) for pid in server.children()
    )


def sent_by(home: HomeProcess) -> int:
    text = home.log.read_text()
    return sum(int(part.split()[0]) for part in text.split("items=")[1:])
