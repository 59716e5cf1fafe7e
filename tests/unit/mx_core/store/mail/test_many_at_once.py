"""Messages of one job are there together or not at all, whatever kills the job.  RFC 3502."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mx_core.model.mailbox_name import INBOX
from tests.support.stores import open_store

_PROGRAM = """
import asyncio, os, signal, sys
from pathlib import Path
from mx_core.model.mailbox_name import INBOX
from tests.support.stores import form_of, open_store

def job(writer):
    box = writer.mailbox(INBOX).id
    for octets in (b"x", b"y" * 300_000, b"z"):
        writer.append(box, octets, form_of(octets), frozenset())
    if sys.argv[2] == "before":
        os.kill(os.getpid(), signal.SIGKILL)

async def main():
    store = open_store(Path(sys.argv[1]))
    await store.mail.write(job)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


def kept_after_a_kill(folder: Path, when: str) -> tuple[int, int]:
    """Return how many messages and how many body files are there afterwards."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(folder), when], capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr

    async def count() -> int:
        store = open_store(folder)
        inbox = await store.mail.read(lambda reader: reader.mailbox(INBOX))
        store.close()
        return inbox.messages

    return asyncio.run(count()), len(list((folder / "bodies").iterdir()))


@pytest.mark.crash
def test_a_kill_before_the_commit_leaves_none_of_them(tmp_path: Path) -> None:
    assert kept_after_a_kill(tmp_path, "before") == (0, 0)


@pytest.mark.crash
def test_a_kill_after_the_answer_leaves_all_of_them(tmp_path: Path) -> None:
    assert kept_after_a_kill(tmp_path, "after") == (3, 1)
