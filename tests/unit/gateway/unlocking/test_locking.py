"""Whoever locks is answered before the gateway stops, and the next start is without the key."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.config import Unlock
from gateway.directories import Directories
from gateway.unlocking.idleness import Idleness
from gateway.unlocking.locking import Locking
from gateway.unlocking.vault import Vault
from mx_core.model.errors import Refused

pytestmark = pytest.mark.anyio

SOON = 1e-6  # minutes


@pytest.fixture
def directories(tmp_path: Path) -> Directories:
    found = Directories(tmp_path / "config", tmp_path / "data", tmp_path / "run")
    found.prepare()
    return found


async def locked_by(directories: Directories, wanted: Unlock) -> bool:
    """Return whether the clocks that are *wanted* lock a gateway, once they have run down."""
    stopped = asyncio.Event()
    locking = Locking(Vault(directories), wanted, Idleness(), stopped.set)
    async with asyncio.TaskGroup() as tasks:
        locking.begin(tasks)
    return Vault(directories).is_locked


async def test_the_answer_goes_out_before_the_gateway_stops(directories: Directories) -> None:
    stopped = asyncio.Event()
    locking = Locking(Vault(directories), Unlock(), Idleness(), stopped.set)
    await locking.lock()
    stops_at_once = stopped.is_set()
    async with asyncio.timeout(30):
        await stopped.wait()

    assert not stops_at_once
    assert Vault(directories).is_locked


async def test_what_is_locked_already_is_not_locked_again(directories: Directories) -> None:
    await Locking(Vault(directories), Unlock(), Idleness(), lambda: None).lock()
    again = Locking(Vault(directories), Unlock(), Idleness(), lambda: None)

    with pytest.raises(Refused):
        await again.lock()


async def test_each_clock_that_is_wanted_locks(directories: Directories) -> None:
    assert await locked_by(directories, Unlock(lock_after_minutes=SOON))


async def test_the_clock_of_idleness_locks_too(directories: Directories) -> None:
    assert await locked_by(directories, Unlock(lock_when_idle_minutes=SOON))


async def test_without_a_clock_nothing_is_locked(directories: Directories) -> None:
    assert not await locked_by(directories, Unlock())
