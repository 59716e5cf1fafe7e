"""Years of mail out of Dovecot, while the importer is killed and the line is cut: whole, once, proved.

Then out again, in again and out again: the same to the octet.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.migration.export.exporting import AskedOut, Exporting
from gateway.migration.importing import Asked, Importing
from gateway.migration.opening import open_source
from mx_core.model.address import Address
from tests.support.cut_line import CutLine, cut_line
from tests.support.dovecot import PASSWORD, dovecot
from tests.support.mail_of_years import Letters, fill, with_attachments
from tests.support.stores import open_store
from tests.support.torture import Measure, Sweep

_PROGRAM = """
import asyncio, resource, sys
from pathlib import Path
from gateway.migration import importing as module
from gateway.migration.importing import Asked, Importing
from gateway.migration.opening import open_source
from tests.support.stores import open_store

module._FIRST_REST_SECONDS = module._LONGEST_REST_SECONDS = 0.1

async def main():
    folder, source, secret, ca_file = sys.argv[1:]
    store = open_store(Path(folder))
    importing = Importing(store, open_source, store.mail.now)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(importing.run())
        if not await store.imports.all():
            await importing.begin(Asked(source, secret=secret, ca_file=ca_file), dry_run=False)
        while (state := await importing.state())["imports"][0]["state"] != "done":
            await asyncio.sleep(0.02)
        running.cancel()
    store.close()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, flush=True)
    print(state["imports"][0]["report"]["holds"], flush=True)

asyncio.run(main())
"""


@dataclass
class Fire:
    """Dovecot behind a line that can be cut, and an account that its mail comes into."""

    folder: Path
    line: CutLine
    ca_file: str
    octets: int

    def imported(self, failpoint: str = "") -> tuple[int, list[str]]:
        source = f"imaps://alice@localhost:{self.line.port}"
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                _PROGRAM,
                str(self.folder / "a"),
                source,
                PASSWORD,
                self.ca_file,
            ],
            env={**os.environ, "MX_FAILPOINT": failpoint},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout.split() or [done.stderr]

    @property
    def there(self) -> Counter[bytes]:
        """What lies in Dovecot's files."""
        mail = (self.folder / "mail" / "alice").rglob("cur/*")
        return Counter(hashlib.sha256(path.read_bytes()).digest() for path in mail)


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="mx-fire-", dir="/var/tmp"))
    made.chmod(0o755)  # Dovecot's users walk through
    yield made
    shutil.rmtree(made, ignore_errors=True)


def here(folder: Path) -> Counter[bytes]:
    async def story() -> Counter[bytes]:
        store = open_store(folder)
        found: Counter[bytes] = Counter()
        try:
            for box in await store.mail.read(lambda reader: reader.mailboxes()):
                if box.rule:
                    continue
                view = await store.mail.read(lambda reader, box=box: reader.snapshot(box.id))
                for each in view.messages:
                    octets = await store.mail.read(lambda reader, each=each: reader.octets(each))
                    found[hashlib.sha256(octets).digest()] += 1
        finally:
            store.close()
        return found

    return asyncio.run(story())


def exported(account: Path, target: Path) -> str:
    """Export *account*; return the hash of all that was written."""

    async def story() -> str:
        store = open_store(account)
        exporting = Exporting(store, Address.parse("alice@a.example"))
        try:
            async with asyncio.TaskGroup() as tasks:
                running = tasks.create_task(exporting.run())
                await exporting.begin(AskedOut(str(target)))
                while (state := exporting.state())["phase"] != "idle":  # no event
                    await asyncio.sleep(0.05)
                running.cancel()
        finally:
            store.close()
        assert not state["trouble"], state
        return str(state["total"])

    return asyncio.run(story())


def brought(source: Path, account: Path) -> None:
    async def story() -> None:
        store = open_store(account)
        importing = Importing(store, open_source, store.mail.now)
        try:
            async with asyncio.TaskGroup() as tasks:
                running = tasks.create_task(importing.run())
                await importing.begin(Asked(str(source)), dry_run=False)
                while (state := await importing.state())["phase"] != "idle":  # no event
                    await asyncio.sleep(0.05)
                running.cancel()
        finally:
            store.close()
        assert state["imports"][0]["report"]["holds"], state

    asyncio.run(story())


def under_fire(
    folder: Path, *, size: int, kills: int, cuts: int, letters: Letters
) -> dict[str, float]:
    """Bring *size* messages through *kills* and *cuts*; return what was counted."""
    chance = random.Random(7)
    with dovecot(folder) as server:
        octets = fill(folder / "mail" / "alice", size, letters)
        with cut_line(server.port) as line:
            fire = Fire(folder, line, server.ca_file, octets)
            killed = 0
            for _ in range(kills):
                commits = max(2, size // 100 // (3 * kills))
                status, told = fire.imported(f"imported:{chance.randrange(1, commits)}")
                assert status in {0, -9}, told
                killed += status == -9
            line.every, line.cuts = octets // (3 * cuts), cuts
            status, told = fire.imported()
            assert (status, told[-1]) == (0, "True"), told
            assert here(folder / "a") == fire.there
    first = exported(folder / "a", folder / "out")
    brought(folder / "out", folder / "b")
    assert here(folder / "b") == here(folder / "a")
    assert exported(folder / "b", folder / "again") == first
    resident = float(told[-2])
    return {"kills": float(killed), "cuts": float(cuts - line.cuts), "resident": resident}


@pytest.mark.interop
@pytest.mark.timeout(600)
def test_mail_of_years_comes_whole_through_kills_and_cuts(folder: Path) -> None:
    found = under_fire(folder, size=2_000, kills=3, cuts=3, letters=with_attachments(2_000))

    assert (found["kills"], found["cuts"]) == (3, 3)


@pytest.mark.torture
@pytest.mark.timeout(0)
def test_full_import(folder: Path) -> None:
    """100,000 messages, 5 GB, twenty kills and twenty cuts; needs 25 GB below /var/tmp."""

    def step(_number: int) -> dict[str, float]:
        return under_fire(
            folder, size=100_000, kills=20, cuts=20, letters=with_attachments(110_000)
        )

    Sweep(
        "import",
        1,
        (
            Measure("kills", "kills", "higher", floor=20),
            Measure("cuts", "cuts of the line", "higher", floor=20),
            Measure("resident", "MB, at most", "lower", floor=250, combine="max"),
        ),
        ("gateway/migration", "gateway/legacy", "mx_core/store", "tests/support/mail_of_years.py"),
    ).run(step)
