"""A kill after the server for ordinary mail has taken a message, before that is written down."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.sending import DORA, sending_account

ROOT = Path(__file__).resolve().parents[4]
CHILD = """
import asyncio, pathlib, sys
from tests.support.sending import DORA, sending_account

async def main():
    async with sending_account(folder=pathlib.Path(sys.argv[1])) as alice:
        await alice.desk.set("everybody", "encryption", "optional")
        await alice.submit(DORA)
        await alice.move()

asyncio.run(main())
"""


@pytest.mark.anyio
async def test_it_is_handed_over_again_and_settled_once(tmp_path: Path) -> None:
    """SMTP cannot tell whether a message was taken (RFC 1047): better twice than never."""
    child = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", CHILD, str(tmp_path)],
        env=os.environ | {"MX_FAILPOINT": "relayed"},
        cwd=ROOT,
        check=False,
    )
    async with sending_account(folder=tmp_path) as alice:
        moved = await alice.move()
        taken = len(alice.sink.taken)
        again = await alice.move()

    assert child.returncode == -signal.SIGKILL
    assert (moved, taken, again) == ({DORA: ("relayed", "")}, 1, {})
