"""An import is killed again and again: what the source holds is here once, and proved."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from tests.support import old_mail
from tests.support.old_mail import letter, stored
from tests.support.stores import open_store

_PROGRAM = """
import asyncio, sys
from pathlib import Path
from gateway.migration.importing import Asked, Importing
from gateway.migration.opening import open_source
from tests.support.stores import open_store

async def main():
    store = open_store(Path(sys.argv[1]))
    importing = Importing(store, open_source, store.mail.now)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(importing.run())
        if not await store.imports.all():
            await importing.begin(Asked(sys.argv[2]), dry_run=False)
        while (state := await importing.state())["imports"][0]["state"] != "done":
            await asyncio.sleep(0.02)
        running.cancel()
    store.close()
    print(state["imports"][0]["report"]["holds"])

asyncio.run(main())
"""


def run(folder: Path, source: Path, step: str = "") -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(folder), str(source)],
        env={**os.environ, "MX_FAILPOINT": step},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def what_is_here(folder: Path) -> list[bytes]:
    async def story() -> list[bytes]:
        store = open_store(folder)
        try:
            return [octets for octets, _, _ in (await stored(store))["Old"]]
        finally:
            store.close()

    return asyncio.run(story())


def test_killed_behind_every_commit_nothing_is_lost_and_nothing_twice(tmp_path: Path) -> None:
    letters = [letter(n % 240) for n in range(250)]  # the last ten are doubles
    source = old_mail.mbox(tmp_path / "Old", letters)
    killed = 0
    for step in ("imported", "imported", "imported:2", ""):
        status, told = run(tmp_path / "store", source, step)
        killed += status == -9
        assert status in {0, -9}, told

    assert killed == 2  # 100, 200, and the last 50 are one commit
    assert told == "True\n"
    assert what_is_here(tmp_path / "store") == letters


def test_killed_with_long_messages_on_the_disk_that_no_row_names(tmp_path: Path) -> None:
    letters = [letter(n, body="a long line of a letter\r\n" * 3_000) for n in range(120)]
    source = old_mail.mbox(tmp_path / "Old", letters)
    killed = 0
    for step in ("ahead", "ahead:2", "imported", "ahead"):
        status, told = run(tmp_path / "store", source, step)
        killed += status == -9
        assert status in {0, -9}, told
    status, told = run(tmp_path / "store", source)

    assert killed == 4
    assert (status, told.endswith("True\n")) == (0, True), told
    assert what_is_here(tmp_path / "store") == letters
    assert len(list((tmp_path / "store" / "bodies").iterdir())) == len(letters)
