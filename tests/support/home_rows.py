"""A home server's database with a few people in it, for tests of single rooms."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import sqlalchemy as sa

from mx_core.db.database import Database
from mx_core.db.transactions import Transactions
from mx_core.homeserver.bounds.admitting import Admitting
from mx_core.homeserver.bounds.budget import NameBudget
from mx_core.homeserver.bounds.rating import Rating
from mx_core.homeserver.config import Rates
from mx_core.homeserver.people import accounts
from mx_core.homeserver.people.accounts import Member, NewDevice
from mx_core.homeserver.queue.outgoing import Leaving
from mx_core.homeserver.storage.bodies import Body

DEVICE = b"d" * 16
EVERYTHING = Rates(exempt=("*",))


def admitting(
    database: Transactions, domain: str, rates: Rates = EVERYTHING, names: int = 3_000
) -> Admitting:
    """Return what lets mail in to *domain*; by default nobody is counted or asked."""
    rating = Rating(domain, rates, time.monotonic)
    return Admitting(database, domain, rating, NameBudget(names, time.time), time.time)


@contextlib.contextmanager
def home_database(folder: Path) -> Iterator[Database]:
    database = Database.open(folder / "home.sqlite", migrations="mx_core.homeserver.migrations")
    try:
        yield database
    finally:
        database.close()


def add_member(database: Database, address: str) -> Member:
    """Make a mailbox with one device; nothing here is verified."""
    return database.write_at_start(lambda tx: new_member(tx, address))


def new_member(tx: sa.Connection, address: str, devices: Sequence[bytes] = (DEVICE,)) -> Member:
    """As ``add_member``, as a job of a database of either kind."""
    return accounts.create(
        tx,
        address,
        address.encode().ljust(32, b"\0"),
        signed_entries=[b"entry"],
        devices=[NewDevice(device, b"k" * 32) for device in devices],
        epochs=[],
        now=int(time.time()),
    )


def leaving(member: Member, destination: str, *, octets: int = 100, age: float = 0.0) -> Leaving:
    """Return something for *destination*, submitted *age* seconds ago."""
    now = int(time.time())
    envelope = b"MXE1" + os.urandom(60)
    return Leaving(
        mailbox_id=member.mailbox_id,
        device_id=DEVICE,
        env_id=os.urandom(32),
        destination=destination,
        route=f"bob@{destination}".encode(),
        envelope=envelope,
        body=Body.of(b"MXB1" + bytes(octets - 4)),
        token=b"",
        deliver_by=now + 86_400,
        submitted=now - int(age),
    )
