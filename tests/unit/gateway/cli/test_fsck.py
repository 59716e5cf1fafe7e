import asyncio
import json
import os
import shutil
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from nacl.signing import SigningKey

from gateway.accounts.accounts import new_store
from gateway.cli.root import program
from gateway.directories import Directories, directories
from gateway.unlocking import master_key
from mx_core.db.database import Database
from mx_core.model.address import Address
from mx_core.passport.make import genesis
from mx_core.store.opening import MIGRATIONS

ALICE = "alice@a.example"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A gateway that was stopped, with alice's account."""
    places = directories(tmp_path)
    places.prepare()
    master = master_key.load(places.data)
    store = new_store(places, master, time.time)
    identity, recovery, device = (SigningKey.generate() for _ in range(3))
    address = Address.parse(ALICE)
    entry = genesis(address, identity, recovery, device, store.device_id, now=time.time())
    asyncio.run(store.passport.add(0, entry))
    store.close()
    return tmp_path


def fsck(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(program, ["--home", str(home), "fsck", *arguments])


def folder_in(places: Directories) -> Path:
    [folder] = places.accounts.iterdir()
    return folder


def damage(home: Path) -> None:
    places = directories(home)
    folder = folder_in(places)
    key = master_key.account_key(master_key.load(places.data), folder.name)
    database = Database.open(folder / "mail.db", migrations=MIGRATIONS, key=key)
    database.write_at_start(lambda tx: tx.exec_driver_sql("UPDATE mailbox SET messages = 9"))
    database.close()


@pytest.mark.parametrize("by", ["address", "directory"])
def test_a_sound_account_ends_with_0(home: Path, by: str) -> None:
    name = "ALICE@a.example" if by == "address" else folder_in(directories(home)).name
    done = fsck(home, name)

    assert (done.exit_code, done.output) == (0, "13 mailboxes, 0 messages\nnothing is wrong\n")


def test_damage_ends_with_65_until_it_is_mended(home: Path) -> None:
    damage(home)

    looked = fsck(home, ALICE)
    mended = fsck(home, ALICE, "--repair")
    after = fsck(home, ALICE, "--deep")
    assert looked.exit_code == os.EX_DATAERR
    assert "kept numbers: mailbox 1 has wrong numbers: messages (can be mended" in looked.output
    assert (mended.exit_code, after.exit_code) == (0, 0)


def test_one_json_document_says_it_to_programs(home: Path) -> None:
    damage(home)
    document = json.loads(fsck(home, ALICE, "--repair", "--json").output)

    assert document["sound"] is True
    assert {finding["damage"] for finding in document["findings"]} == {"kept numbers"}


@pytest.mark.parametrize("account", ["bob@b.example", "nobody"])
def test_an_account_that_is_not_there_is_one_sentence(home: Path, account: str) -> None:
    done = fsck(home, account)

    assert done.exit_code == os.EX_DATAERR
    assert (
        done.output
        == f"mx-gateway: {account} is no account of this gateway: mx-gateway status names those that are\n"
    )


def test_without_a_gateway_nothing_is_made(tmp_path: Path) -> None:
    shutil.rmtree(tmp_path)

    assert fsck(tmp_path, ALICE).exit_code == os.EX_DATAERR
    assert not tmp_path.exists()


def test_a_running_gateway_is_not_disturbed(home: Path) -> None:
    places = directories(home)
    folder = folder_in(places)
    key = master_key.account_key(master_key.load(places.data), folder.name)
    database = Database.open(folder / "mail.db", migrations=MIGRATIONS, key=key)
    done = fsck(home, folder.name)
    database.close()

    assert done.exit_code == os.EX_DATAERR
    assert "already running" in done.output
