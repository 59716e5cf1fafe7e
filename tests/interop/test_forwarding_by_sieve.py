"""The recipe of the guide for an old provider: Dovecot's own Sieve (Pigeonhole) forwards to a real door.

What Sieve adds stands before the message, so the signature of its author's domain still holds.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dkim
import pytest

from mx_core.envelope.identity import EpochSecret
from mx_core.envelope.open import open_body, open_control, verify_statement
from mx_core.envelope.statement import DoorRecord
from tests.support.door_home import memory_home
from tests.support.door_mail import DOOR_KEY
from tests.support.door_process import DoorProcess
from tests.support.people import make_person
from tests.support.signed_mail import LETTER, rsa_key, signed

pytestmark = [pytest.mark.interop, pytest.mark.anyio]

_CONFIGURATION = """\
base_dir = {folder}/run
log_path = {folder}/dovecot.log
mail_location = maildir:{folder}/mail
mail_uid = mail
mail_gid = mail
first_valid_uid = 1
postmaster_address = postmaster@old.example
hostname = old.example
submission_host = 127.0.0.1:{port}
protocol lda {{
  mail_plugins = sieve
}}
plugin {{
  sieve = file:{folder}/bob.sieve
}}
"""
RECIPES = {
    'redirect "bob@b.example";': 0,
    'require "copy"; redirect :copy "bob@b.example";': 1,
}


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="mx-sieve-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


def delivered(folder: Path, port: int, script: str, octets: bytes) -> None:
    """Have Dovecot deliver a message for the person whose *script* this is."""
    conf = folder / "dovecot.conf"
    conf.write_text(_CONFIGURATION.format(folder=folder, port=port))
    (folder / "bob.sieve").write_text(script)
    (folder / "mail").mkdir()
    for path in (folder, *folder.rglob("*")):
        if path.name != "door":
            shutil.chown(path, "mail", "mail")
    folder.chmod(0o755)
    subprocess.run(
        ["/usr/lib/dovecot/dovecot-lda", "-c", str(conf), "-e", "-f", "carol@c.example"],
        input=octets,
        env={"HOME": str(folder), "USER": "mail", "PATH": os.environ["PATH"]},
        user="mail",
        group="mail",
        extra_groups=[],
        check=True,
        timeout=60,
    )


@pytest.mark.parametrize("script", RECIPES)
async def test_a_recipe_of_the_guide_brings_mail_to_the_door_as_it_was(
    folder: Path, script: str
) -> None:
    bob = make_person("bob@b.example", now=int(time.time()) - 3_600)
    letter = signed(LETTER)
    home_folder = folder.with_name(folder.name + "-home")
    (home_folder / "door").mkdir(parents=True, mode=0o700)
    door = DoorProcess(home_folder, "b.example")
    try:
        async with memory_home() as (home, socket):
            home.cards["bob@b.example"] = bob.card(issued=int(time.time()))
            (home_folder / "door" / "home.sock").symlink_to(socket)
            await asyncio.to_thread(door.start)
            await asyncio.to_thread(delivered, folder, door.port, script, letter)
            await asyncio.to_thread(door.stop)
            (item,) = home.items
    finally:
        await asyncio.to_thread(door.stop)
        shutil.rmtree(home_folder, ignore_errors=True)
    n, private, _ = bob.first.epochs[-1]
    opened = open_control(item.envelope, [EpochSecret(bob.first.id, n, private)])
    key = bytes(DOOR_KEY.verify_key)
    statement = verify_statement(opened, sign_pk=key, my_pid=bob.state.pid)
    message = open_body(item.body, opened, statement)
    record: Any = statement.by

    assert isinstance(record, DoorRecord)
    assert (record.mail_from, record.rcpt_to) == ("carol@c.example", "bob@b.example")
    assert message.endswith(letter)
    assert dkim.verify(message, dnsfunc=lambda *_args, **_more: rsa_key()[1].encode())
    kept = [path for path in (folder / "mail").rglob("*") if path.parent.name in {"new", "cur"}]
    assert len(kept) == RECIPES[script]
