"""Killed at any durable step of the index, what is found next is right and the rest is caught up."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mx_core.store.account_store import AccountStore
from mx_core.store.text_index import runs
from tests.support.indexed_mail import add, catch_up, scanned, searched
from tests.support.stores import open_store

MESSAGES = 8
_PROGRAM = """
import sys
from pathlib import Path
from mx_core.store.text_index import block, run_writer
from tests.support.stores import open_store
block.WORDS_OCTETS, run_writer._PIECE_OCTETS = 40, 40  # many transactions
store = open_store(Path(sys.argv[1]))
store.text_index.step()
print("done")
"""
STEPS = ("indexing", "indexing:2", "indexed")


def killed_at(step: str, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(folder)],
        env={**os.environ, "MX_FAILPOINT": step},
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert done.stdout == b""


def message(number: int) -> bytes:
    return b"Subject: number%d\r\n\r\n" % number + b"".join(
        b"word%d and\r\n" % (number * word) for word in range(20)
    )


async def assert_right(store: AccountStore) -> None:
    for term in ("word", "word4", "number1", "and word1", "absent"):
        found = await searched(store, term, body_only=False)
        expected = await store.mail.read(lambda r, t=term: scanned(r, t, body_only=False))  # type: ignore[misc]  # bound now
        assert found == expected


@pytest.mark.crash
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("joining", [False, True])
def test_a_kill_leaves_an_index_that_is_right(tmp_path: Path, step: str, joining: bool) -> None:
    async def before() -> None:
        store = open_store(tmp_path)
        for number in range(MESSAGES):
            await add(store, message(number))
            if joining:  # eight runs of one message
                assert await asyncio.to_thread(store.text_index.step)
        store.close()

    async def after() -> None:
        store = open_store(tmp_path)
        await assert_right(store)
        await asyncio.to_thread(store.text_index.step)
        await assert_right(store)
        await catch_up(store)
        await assert_right(store)
        database = store.text_index._database
        assert database is not None
        whole = await database.read(runs.whole)
        blocks = await database.read(
            lambda c: c.exec_driver_sql("SELECT count(*) FROM block").scalar_one()
        )
        store.close()

        assert sum(run.messages for run in whole) == MESSAGES
        assert blocks == sum(run.blocks for run in whole)

    asyncio.run(before())
    killed_at(step, tmp_path)
    asyncio.run(after())
