"""``mx-home`` on a disk that stops to confirm writes: it refuses, and ends with status 74."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import pytest

from mx_core.proto.federation_pb2 import ACCEPTED, DUPLICATE, Item
from tests.support.home_device import HomeDevice, item_for
from tests.support.homes import running_homes
from tests.support.power_cut import compiled

pytestmark = pytest.mark.anyio

FIRST = 40  # syncs that hold; a start makes fewer
SUBMISSIONS = 60


async def test_a_home_whose_disk_fails_refuses_and_ends_and_has_lost_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = compiled(tmp_path)
    with running_homes() as homes:
        home = homes.make("a.example")
        async with HomeDevice(home, "alice") as alice:
            await alice.join()
            await asyncio.to_thread(home.stop)
            if library is not None:
                monkeypatch.setenv("LD_PRELOAD", str(library))
                monkeypatch.setenv("MX_CUT_ROOT", str(home.folder))
                monkeypatch.setenv("MX_CUT_FAIL", f"sync {FIRST} 1000000")
            await asyncio.to_thread(home.start)
            for name in ("LD_PRELOAD", "MX_CUT_ROOT", "MX_CUT_FAIL"):
                monkeypatch.delenv(name, raising=False)
            await alice.authenticate()
            accepted = await _accepted(alice)

            if library is None:
                assert len(accepted) == SUBMISSIONS
                return
            assert 0 < len(accepted) < SUBMISSIONS
            assert await asyncio.to_thread(home.wait_dead) == 74
            await asyncio.to_thread(home.start)
            await alice.authenticate()
            assert {await alice.submit(item) for item in accepted} == {DUPLICATE}


async def _accepted(alice: HomeDevice) -> list[Item]:
    """Submit until one is refused; return what was accepted."""
    accepted: list[Item] = []
    for _ in range(SUBMISSIONS):
        item = item_for("nobody@a.example")
        try:
            assert await alice.submit(item) == ACCEPTED
        except grpc.aio.AioRpcError:
            return accepted
        accepted.append(item)
    return accepted
