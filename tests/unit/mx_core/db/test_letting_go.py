"""Pages that nobody needs are given back, and nobody notices."""

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from mx_core.db.database import Database
from tests.support.things import SCHEMA, count, put


@pytest.mark.anyio
async def test_letting_go_of_pages_disturbs_nobody(database: Database) -> None:
    await database.write(put(b"x" * 100_000))
    reading, go_on = threading.Event(), threading.Event()

    def slowly(connection: sa.Connection) -> int:
        rows = connection.execute(sa.text("SELECT octets FROM thing"))
        reading.set()
        go_on.wait(60)
        return len(rows.scalars().one())

    slow = database.begin(slowly)
    await asyncio.to_thread(reading.wait, 60)
    database.let_go()
    assert await database.write(put(b"y")) == 2
    assert database.glance(count) == 2
    go_on.set()
    assert await slow == 100_000
    database.let_go()

    assert await database.read(count) == 2


@pytest.mark.anyio
async def test_a_database_that_is_closed_has_nothing_to_let_go_of(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "z.db", migrations=SCHEMA)
    assert await database.read(count) == 0
    database.close()

    database.let_go()


_LET_GO = """
import asyncio, sys
from pathlib import Path
import sqlalchemy as sa
from mx_core.db.database import Database
from mx_core.model.secret import Secret
from mx_core.program.memory import give_back_heap

def held():
    text = Path("/proc/self/status").read_text()
    return int(text.partition("RssAnon:")[2].split()[0]) / 1024

async def main(database):
    for _ in range(10):
        await database.write(lambda c: c.execute(sa.text("INSERT INTO thing (octets) VALUES (zeroblob(1000000))")))
    read = sa.text("SELECT sum(instr(octets, x'01')) FROM thing")
    assert await database.read(lambda c: c.scalar(read)) == 0
    full = held()
    database.let_go()
    give_back_heap()
    print(full - held() > 10)

database = Database.open(Path(sys.argv[1]), migrations="tests.support.fixture_schema", key=Secret(bytes(32)))
asyncio.run(main(database))
database.close()
"""


def test_pages_that_were_read_and_written_are_memory_again(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LET_GO, str(tmp_path / "x.db")],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "True\n"
