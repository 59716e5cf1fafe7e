"""SIGKILLs of PostgreSQL under two busy processes: nothing promised is lost, nothing is there twice.

Both are rooms of a home server over one database, in one loop.  The same load runs through a
migration: the rows of one version are served while the next one's tables are made.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alembic.runtime.migration import MigrationContext

from mx_core.db.postgres import PostgresDatabase
from mx_core.homeserver import migrations
from mx_core.homeserver.mailboxes import deliveries
from mx_core.homeserver.mailboxes.deliveries import Envelope
from mx_core.homeserver.opening import MIGRATIONS
from mx_core.homeserver.people import accounts
from mx_core.model.errors import Unavailable
from mx_core.proto.federation_pb2 import ACCEPTED, DEFERRED, DUPLICATE
from tests.crash.home_ledger import BOB, Ledger, Rooms, item_of, number_of
from tests.support.home_rows import DEVICE, new_member
from tests.support.postgres import PostgresServer, running_postgres
from tests.support.torture import Measure, Sweep

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]

KILLS_IN_SHORT = 3
KILLS_A_STEP = 5
KILLS_IN_FULL = 50
PROMISES_BETWEEN = 25
_NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "9000"
down_revision = "{head}"


def upgrade():
    op.create_table("later", sa.Column("id", sa.BigInteger, primary_key=True))
    op.add_column("delivery", sa.Column("later", sa.Text))
    op.add_column("outgoing", sa.Column("later", sa.BigInteger, server_default="0"))
    op.create_index("outgoing_later", "outgoing", ["mailbox_id", "later"])
"""
SOURCES = (
    *("mx_core/homeserver", "mx_core/db", "tests/crash/home_ledger.py"),
    *("tests/support/postgres.py", "tests/crash/test_postgres_kills.py"),
)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with running_postgres() as made:
        yield made


class Load:
    """What two processes do at once, until told to stop; and what they promised."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.refused: Counter[str] = Counter()
        self._numbers = itertools.count(4)
        self._stopping = False

    @property
    def promises(self) -> int:
        return sum(len(done) for done in self.ledger.did.values())

    def start(self, processes: list[Rooms]) -> list[asyncio.Task[None]]:
        changes = (self._take, self._submit, self._acknowledge)
        return [
            asyncio.ensure_future(self._go_on(change, rooms))
            for rooms in processes
            for change in changes
        ]

    async def promised(self, more: int) -> None:
        """Return when so many more promises have been made."""
        enough = self.promises + more
        async with asyncio.timeout(300):
            while self.promises < enough:
                await asyncio.sleep(0.01)

    async def stop(self, tasks: list[asyncio.Task[None]]) -> None:
        self._stopping = True
        async with asyncio.timeout(120):
            await asyncio.gather(*tasks)

    async def _go_on(self, change: Callable[[Rooms], object], rooms: Rooms) -> None:
        while not self._stopping:
            try:
                await change(rooms)  # type: ignore[misc]
            except Unavailable as error:
                self.refused[type(error).__name__] += 1
                await asyncio.sleep(0.05)

    async def _take(self, rooms: Rooms) -> None:
        batch = [next(self._numbers) for _ in range(3)]
        again = sorted(self.ledger.begun["take"] - self.ledger.did["take"])[:2]
        numbers = [*batch, *again]  # a peer asks again for what it got no answer to
        self.ledger.begun["take"].update(batch)
        for number, reply in zip(
            numbers,
            await rooms.receiver.take("a.example", [item_of(number) for number in numbers]),
            strict=True,
        ):
            assert reply.status in {ACCEPTED, DUPLICATE, DEFERRED}
            if reply.status != DEFERRED:
                self.ledger.did["take"].add(number)

    async def _submit(self, rooms: Rooms) -> None:
        number = next(self._numbers)
        self.ledger.begun["submit"].add(number)
        assert await rooms.submit(number) in {ACCEPTED, DUPLICATE}
        self.ledger.did["submit"].add(number)

    async def _acknowledge(self, rooms: Rooms) -> None:
        waiting = await rooms.database.read(
            lambda tx: deliveries.waiting(tx, rooms.mailbox_id, DEVICE, 0, 50)
        )
        if len(waiting) < 20:
            await asyncio.sleep(0.01)
            return
        row = random.choice(waiting)
        assert isinstance(row.what, Envelope)
        number = number_of(row.what.envelope)
        self.ledger.begun["ack"].add(number)
        await rooms.database.write(
            lambda tx: deliveries.acknowledge(
                tx, rooms.mailbox_id, DEVICE, [row.sequence], int(time.time())
            )
        )
        self.ledger.did["ack"].add(number)


async def _opened(url: str, live: Path, to: str = "head") -> list[Rooms]:
    processes: list[Rooms] = []
    for _ in range(2):
        database = await PostgresDatabase.open(url, migrations=MIGRATIONS, connections=4, to=to)
        if not processes:
            bob = await database.write(lambda tx: new_member(tx, BOB))
        processes.append(Rooms.over(database, live, bob))
    await processes[0].blobs.recover()
    return processes


async def _closed(processes: list[Rooms]) -> None:
    for rooms in processes:
        assert isinstance(rooms.database, PostgresDatabase)
        await rooms.database.close()


async def _answers(rooms: Rooms) -> None:
    async with asyncio.timeout(120):
        while True:
            try:
                return await rooms.database.write(lambda _: None)
            except Unavailable:
                await asyncio.sleep(0.05)


async def kill_often(server: PostgresServer, folder: Path, kills: int) -> dict[str, float]:
    """Kill the server under load *kills* times and compare; return what was counted."""
    processes = await _opened(server.empty("killed"), folder)
    load = Load()
    tasks = load.start(processes)
    for _ in range(kills):
        await load.promised(PROMISES_BETWEEN)
        await asyncio.sleep(random.random() * 0.05)
        server.kill()
        await asyncio.to_thread(server.start)
    await load.promised(PROMISES_BETWEEN)
    await load.stop(tasks)
    assert load.refused, "no kill was noticed"
    await _answers(processes[0])
    promises = load.promises
    await load.ledger.audit_rooms(processes[0], folder / "blobs")
    await _closed(processes)
    return {"kills": kills, "promises": promises, "promises broken": 0}


async def test_what_was_promised_before_a_kill_is_there_exactly_once_after_it(
    server: PostgresServer, tmp_path: Path
) -> None:
    counted = await kill_often(server, tmp_path, KILLS_IN_SHORT)

    assert counted["promises"] > KILLS_IN_SHORT * PROMISES_BETWEEN


async def test_the_ledger_notices_a_server_that_does_not_keep_what_it_confirms(
    server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.empty("careless")
    server.sql("ALTER DATABASE careless SET synchronous_commit = off")
    monkeypatch.setattr("mx_core.db.postgres._must_be_durable", lambda _: None)
    processes = await _opened(url, tmp_path)
    try:
        server.sql("CHECKPOINT")
        # it writes the log of such commits: what is confirmed from here stays in memory
        os.kill(server.pid_of("walwriter"), signal.SIGSTOP)
        load = Load()
        tasks = load.start(processes)
        await load.promised(PROMISES_BETWEEN)
        server.kill()
        await load.stop(tasks)
        server.start()
        await _answers(processes[0])

        with pytest.raises(AssertionError):
            await load.ledger.audit_rooms(processes[0], tmp_path / "blobs")
    finally:
        await _closed(processes)


async def test_two_versions_serve_one_database_while_it_is_migrated(
    server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processes of this version go on, without an error, while the next one expands the schema."""
    url = server.empty("rolling")
    processes = await _opened(url, tmp_path)
    load = Load()
    tasks = load.start(processes)
    await load.promised(PROMISES_BETWEEN)

    monkeypatch.syspath_prepend(tmp_path)
    coming = _next_version(tmp_path / "coming")
    newer = await PostgresDatabase.open(url, migrations=coming, connections=2)
    assert await newer.read(lambda tx: MigrationContext.configure(tx).get_current_heads()) == (
        "9000",
    )
    bob = await newer.read(lambda tx: accounts.by_address(tx, BOB))
    assert bob is not None
    joined = Rooms.over(newer, tmp_path, bob)
    await load.promised(PROMISES_BETWEEN)
    tasks += load.start([joined])
    await load.promised(PROMISES_BETWEEN)
    await load.stop(tasks)

    assert not load.refused
    await load.ledger.audit_rooms(joined, tmp_path / "blobs")
    await newer.close()
    await _closed(processes)


def _next_version(package: Path) -> str:
    """Make the migrations of this version and one more, which expands; return their dotted name."""
    source = Path(migrations.__file__).parent
    shutil.copytree(source, package / "next", ignore=shutil.ignore_patterns("__pycache__"))
    (package / "__init__.py").touch()
    versions = package / "next" / "versions"
    head = max(path.name for path in versions.glob("v*.py"))[1:5]
    (versions / "v9000_later.py").write_text(_NEXT.format(head=head))
    return f"{package.name}.next"


@pytest.mark.torture
@pytest.mark.timeout(0)
async def test_full_postgres_kills(server: PostgresServer, tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()

    def step(number: int) -> dict[str, float]:
        folder = tmp_path / str(number)
        folder.mkdir()
        return asyncio.run_coroutine_threadsafe(
            kill_often(server, folder, KILLS_A_STEP), loop
        ).result()

    sweep = Sweep(
        "postgres-kills",
        KILLS_IN_FULL // KILLS_A_STEP,
        (
            Measure("kills", "kills", "higher", goal=KILLS_IN_FULL),
            Measure("promises", "acknowledged changes", "higher"),
            Measure("promises broken", "acknowledged changes", "lower", floor=0),
        ),
        SOURCES,
    )
    await asyncio.to_thread(sweep.run, step)
