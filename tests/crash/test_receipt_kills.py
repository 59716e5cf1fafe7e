"""Killed after a receipt was sent alone: it is said again at the next start, word for word."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = """
import asyncio, sys
from pathlib import Path
from gateway.receipts.alone import ReceiptsAlone
from gateway.receipts.owing import LATEST_SECONDS
from mx_core.envelope.ext import Ext
from mx_core.envelope.identity import EpochSecret
from mx_core.envelope.open import open_control
from mx_core.envelope.seal import Sender
from tests.support.sending import sending_account
from tests.unit.gateway.receipts.test_receipts import BOB, BOBS, CAROL, CAROLS, receive

async def main():
    me = Sender(CAROL, CAROLS.pid, CAROLS.first.id, 0, CAROLS.state.head, CAROLS.first.key, None)

    async def sender():
        return me

    async with sending_account(people=(BOB,), folder=Path(sys.argv[1])) as carol:
        class Carrier:
            async def send(self, parcel, stamp):
                n, private, _ = BOBS.first.epochs[-1]
                opened = open_control(parcel.envelope, [EpochSecret(BOBS.first.id, n, private)])
                print(opened.ext.hex(), flush=True)

        if sys.argv[2] == "first":
            await carol.store.relations.accept(BOBS.pid)
            await receive(carol.store, b"1")
        carol.clock.at += LATEST_SECONDS
        alone = ReceiptsAlone(carol.store.receipts, carol.recipients, carol.outbound._franking,
                              Carrier(), sender, carol.clock)
        while await alone.step():
            pass
        assert await carol.store.receipts.owed_to(BOBS.pid) == []

asyncio.run(main())
"""


def run(folder: Path, which: str, failpoint: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(folder), which],
        env={**os.environ, "MX_FAILPOINT": failpoint},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.crash
def test_a_receipt_that_was_sent_and_not_forgotten_is_sent_again_and_then_forgotten(
    tmp_path: Path,
) -> None:
    killed = run(tmp_path / "account", "first", "gave")
    again = run(tmp_path / "account", "again")
    after = run(tmp_path / "account", "after")

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert again.returncode == 0, again.stderr
    assert len(killed.stdout.split()) == 1
    assert again.stdout == killed.stdout  # and so it counts once
    assert after.stdout == ""
