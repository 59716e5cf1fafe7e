"""Who comes to live here, and that nothing stays of one who does not."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import msgspec
import pytest

from gateway.accounts.accounts import OpenAccounts, new_store
from gateway.accounts.living import Living
from gateway.config import Config, Discovery
from gateway.directories import Directories
from gateway.recovery.recovering import Recovering
from gateway.unlocking.receiving import Receiving
from gateway.unlocking.vault import Vault
from mx_core.model.address import Address
from mx_core.model.errors import MailError, Refused

pytestmark = pytest.mark.anyio

ALICE = Address.parse("alice@a.example")


@pytest.fixture
def directories(tmp_path: Path) -> Directories:
    found = Directories(tmp_path / "config", tmp_path / "data", tmp_path / "run")
    found.prepare()
    return found


@pytest.fixture
def vault(directories: Directories) -> Vault:
    return Vault(directories)


@pytest.fixture
def accounts() -> OpenAccounts:
    return OpenAccounts()


@pytest.fixture
def living(
    directories: Directories, vault: Vault, accounts: OpenAccounts, tmp_path: Path
) -> Living:
    """Return that of a gateway that finds no domain, and on whose disk is nobody."""
    (tmp_path / "peers.toml").write_bytes(b"")
    nowhere = Discovery(peers=str(tmp_path / "peers.toml"), closed=True)
    config = msgspec.structs.replace(Config(), discovery=nowhere)
    return Living(
        accounts,
        directories,
        config,
        vault.master,
        Recovering(directories, vault.master, config, time.time),
        Receiving(directories, config, vault, time.time),
        time.time,
        asyncio.TaskGroup(),
    )


async def test_nothing_stays_of_an_account_that_is_not_registered(
    living: Living, accounts: OpenAccounts, directories: Directories
) -> None:
    """Nobody was promised anything."""
    with pytest.raises(MailError):
        await living.join(ALICE, "an invitation")

    assert list(directories.accounts.iterdir()) == []
    assert not accounts.holds(ALICE)


async def test_a_store_whose_registration_a_crash_cut_off_goes_at_the_next_start(
    living: Living, accounts: OpenAccounts, directories: Directories, vault: Vault
) -> None:
    new_store(directories, vault.master(), time.time).close()
    there = len(list(directories.accounts.iterdir()))
    recovering = await living.open_stored()

    assert there == 1
    assert list(directories.accounts.iterdir()) == []
    assert not recovering
    assert list(accounts) == []


async def test_a_recovery_that_was_not_begun_is_refused(
    living: Living, directories: Directories
) -> None:
    with pytest.raises(Refused):
        await living.come_back("of another run")

    assert list(directories.accounts.iterdir()) == []
