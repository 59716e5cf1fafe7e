"""Mail between two home servers: from one queue, over mutual TLS, into the other's store.

Two real ``mx-home`` processes on loopback, SQLite with ``synchronous=FULL``, messages of 10 KB.
The queue is full before the sender starts.  A message counts when the recipient has it durably
and the sender has noted so durably: its row has become the notice for the device that sent it.
``MX_BENCH_SECONDS`` asks for a longer run (default 5).  The peer is SQLite alone, in the same run
on the same disk: rows of that size, 64 to a commit.
"""

import contextlib
import os
import secrets
import sqlite3
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from bench.rows import Row
from mx_core.homeserver.opening import open_database
from mx_core.homeserver.operating.backup import DATABASE_NAME
from mx_core.homeserver.people.accounts import Member
from mx_core.homeserver.queue.outgoing import Leaving
from mx_core.homeserver.schema import ENTRY, OUTGOING, SUBMITTED
from mx_core.homeserver.storage.bodies import Body
from mx_core.notation.hashing import b2_plain
from tests.support.home_rows import DEVICE, new_member
from tests.support.homes import HomeProcess, running_homes

SECONDS = float(os.environ.get("MX_BENCH_SECONDS", "5"))
EXPECTED = 3_000  # a second
RECIPIENTS = 100
ENVELOPE_OCTETS = 1_585  # three devices, docs/spec/envelope.md
BODY_OCTETS = 10_861  # a message of 10 KB, padded
NO_LIMIT = f"\n[limits]\noutgoing_items = {1 << 30}\n"


def measure() -> list[Row]:
    count = int(SECONDS * EXPECTED)
    with running_homes() as homes:
        sender = homes.make("a.example", NO_LIMIT, start=False)
        receiver = homes.make("b.example", NO_LIMIT, start=False)
        fill(sender, receiver, count)
        receiver.start()
        before = bare(homes.folder / "before", count // 4)
        taken, sender_cpu, receiver_cpu = timed(sender, receiver, count)
        peer = (before + bare(homes.folder / "after", count // 4)) / 2
    return [
        Row(
            "queue → recipient's store, 10 KB",
            "1/s",
            "higher",
            count / taken,
            count,
            peer,
            floor=2_000,
            goal=3_000,
        ),
        Row("processor of the sender", "µs", "lower", sender_cpu / count * 1e6, count),
        Row("processor of the receiver", "µs", "lower", receiver_cpu / count * 1e6, count),
    ]


def fill(sender: HomeProcess, receiver: HomeProcess, count: int) -> None:
    """Put *count* messages into the sender's queue, and their recipients at the receiver."""
    people = add_recipients(receiver)
    alice = member_of(sender, "alice@a.example")
    database = open_database(sender.folder)

    for first in range(0, count, 1_000):
        items = items_for(alice, people, range(first, min(first + 1_000, count)))
        database.write_at_start(partial(submit, items=list(items)))
    database.close()


def submit(tx: sa.Connection, items: Sequence[Leaving]) -> None:
    """Put *items* into the queue as ``taking.submit`` does one after the other."""
    submitted = [
        {
            "mailbox_id": item.mailbox_id,
            "env_id": item.env_id,
            "device_id": item.device_id,
            "until": item.deliver_by,
        }
        for item in items
    ]
    rows = [
        {
            "mailbox_id": item.mailbox_id,
            "env_id": item.env_id,
            "device_id": item.device_id,
            "destination": item.destination,
            "route": item.route,
            "envelope": item.envelope,
            "body": item.body.inline,
            "token": item.token,
            "deliver_by": item.deliver_by,
            "submitted": item.submitted,
            "attempts": 0,
            "next_at": item.submitted,
        }
        for item in items
    ]
    tx.execute(SUBMITTED.insert(), submitted)
    tx.execute(OUTGOING.insert(), rows)


def add_recipients(receiver: HomeProcess) -> list[str]:
    """Make the mailboxes of those who are written to; return their addresses."""
    people = [f"p{n}@{receiver.domain}" for n in range(RECIPIENTS)]

    def add(tx: sa.Connection) -> None:
        for address in people:
            unlogged(tx, address)

    with contextlib.closing(open_database(receiver.folder)) as database:
        database.write_at_start(add)
    return people


def member_of(home: HomeProcess, address: str) -> Member:
    """Make a mailbox at a server that is not running."""
    with contextlib.closing(open_database(home.folder)) as database:
        return database.write_at_start(partial(unlogged, address=address))


def unlogged(tx: sa.Connection, address: str) -> Member:
    """Make a mailbox without a passport: what is none cannot be logged at the start."""
    member = new_member(tx, address)
    tx.execute(ENTRY.delete().where(ENTRY.c.mailbox_id == member.mailbox_id))
    return member


def items_for(alice: Member, people: list[str], numbers: range) -> Iterator[Leaving]:
    """Yield what *alice* has for *people*, one after the other."""
    now = int(time.time())
    for n in numbers:
        envelope = b"MXE1" + secrets.token_bytes(ENVELOPE_OCTETS - 4)
        yield Leaving(
            mailbox_id=alice.mailbox_id,
            device_id=DEVICE,
            env_id=b2_plain(envelope),
            destination="b.example",
            route=people[n % len(people)].encode(),
            envelope=envelope,
            body=Body.of(b"MXB1" + secrets.token_bytes(BODY_OCTETS - 4)),
            token=b"",
            deliver_by=now + 86_400,
            submitted=now,
        )


def timed(sender: HomeProcess, receiver: HomeProcess, count: int) -> tuple[float, float, float]:
    """Start *sender*; return seconds until *count* are noted, and what both used of a processor."""
    noted, kept = told(sender), stored(receiver)
    receiver_before = processor(receiver.pid)
    sender.start()
    started, sender_before = time.perf_counter(), processor(sender.pid)
    while told(sender) < noted + count:
        time.sleep(0.02)
    taken = time.perf_counter() - started
    arrived = stored(receiver) - kept
    assert arrived == count, f"{arrived} of {count} arrived"
    return taken, processor(sender.pid) - sender_before, processor(receiver.pid) - receiver_before


def told(sender: HomeProcess) -> int:
    """Return how many messages of the first mailbox have become notices."""
    return asked(sender, "SELECT next_sequence FROM mailbox WHERE mailbox_id = 1")


def stored(receiver: HomeProcess) -> int:
    """Return how many messages wait for their recipients."""
    return asked(receiver, "SELECT count(*) FROM delivery")


def asked(home: HomeProcess, query: str) -> int:
    place = f"file:{home.folder / DATABASE_NAME}?mode=ro"
    with contextlib.closing(sqlite3.connect(place, uri=True)) as look:
        return int(look.execute(query).fetchone()[0])


def bare(path: Path, count: int) -> float:
    """Return the rows a second that SQLite alone makes durable here."""
    store = sqlite3.connect(path, isolation_level=None)
    for pragma in ("page_size=16384", "journal_mode=WAL", "synchronous=FULL"):
        store.execute(f"PRAGMA {pragma}")
    store.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, octets BLOB)")
    octets = secrets.token_bytes(ENVELOPE_OCTETS + BODY_OCTETS)
    started = time.perf_counter()
    for _ in range(0, count, 64):
        store.execute("BEGIN IMMEDIATE")
        store.executemany("INSERT INTO row (octets) VALUES (?)", [(octets,)] * 64)
        store.execute("COMMIT")
    taken = time.perf_counter() - started
    store.close()
    return count / taken


def processor(pid: int, *, children: bool = False) -> float:
    """Return the seconds of processor that a process has used; with those of ended *children*."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return sum(map(int, fields[11 : 15 if children else 13])) / os.sysconf("SC_CLK_TCK")
