"""A pull is killed behind each durable step: mail is here once, and both sides end the same."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.arriving.status_block import block_octets
from gateway.legacy.client import Server
from tests.support.imap_account import LiveAccount
from tests.support.imap_script import scripted
from tests.support.old_mail import letter, stored
from tests.support.stores import open_store

_PROGRAM = """
import asyncio, json, sys
from pathlib import Path
from gateway.legacy.client import Server
from mx_core.model.flags import Flag
from mx_core.model.ids import Uid
from mx_core.model.mailbox_name import INBOX
from mx_core.ports import FlagChange
from tests.support.pulls import asked, follows, pulling, until
from tests.support.stores import open_store

async def main():
    store = open_store(Path(sys.argv[1]))
    flags = [Flag(flag) for flag in sys.argv[3].split()]
    await store.mail.write(lambda w: w.store_flags(
        w.mailbox(INBOX).id, [Uid(2)], FlagChange.ADD, frozenset(flags)))
    async with pulling(store, asked(Server(*json.loads(sys.argv[2])))) as made:
        await until(lambda: follows(made))
    store.close()

asyncio.run(main())
"""


@contextmanager
def serving(account: LiveAccount, folder: Path) -> Iterator[Server]:
    """The account on a loop of its own, while other processes are run."""
    started: list[Server] = []
    ready, ends = threading.Event(), threading.Event()

    async def serve() -> None:
        async with scripted(folder, account.script()) as (server, _):
            started.append(server)
            ready.set()
            await asyncio.to_thread(ends.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(60)
        yield started[0]
    finally:
        ends.set()
        thread.join()


def run(folder: Path, server: Server, step: str, flags: str) -> int:
    told = json.dumps([server.host, server.port, server.user, server.ca_file])
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(folder), told, flags],
        env={**os.environ, "MX_FAILPOINT": step},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, -9}, done.stdout + done.stderr
    return done.returncode


def what_is_here(folder: Path) -> tuple[list[bytes], list[set[str]]]:
    async def story() -> tuple[list[bytes], list[set[str]]]:
        store = open_store(folder)
        try:
            mail = (await stored(store))["INBOX"]
        finally:
            store.close()
        texts = [octets[block_octets(octets) :] for octets, _, _ in mail]
        return texts, [set(flags) - {"$NotEncrypted"} for _, flags, _ in mail]

    return asyncio.run(story())


def test_killed_behind_every_step_nothing_is_lost_and_nothing_twice(tmp_path: Path) -> None:
    account = LiveAccount()
    letters = [letter(n) for n in range(250)]
    for octets in letters:
        account.put("INBOX", octets)
    ended = []
    with serving(account, tmp_path) as server:
        for number, step in enumerate(
            ("imported", "imported:2", "flagged", "pushed", "flagged", "pushed", "")
        ):
            if number > 1:
                flags = account.boxes["INBOX"].mail[1].flags
                account.flag("INBOX", 1, *flags, f"T{number}")
            ended.append(run(tmp_path / "store", server, step, f"M{number}"))

    texts, flags_here = what_is_here(tmp_path / "store")
    assert ended == [-9, -9, -9, -9, -9, -9, 0]
    assert texts == letters
    assert flags_here == [held.flags for held in account.boxes["INBOX"].mail.values()]
    assert flags_here[0] == {f"T{n}" for n in range(2, 7)}
    assert flags_here[1] == {f"M{n}" for n in range(1, 7)}
