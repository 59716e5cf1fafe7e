"""``mx-gateway decrypt`` and ``import`` with keys: real GnuPG, real OpenSSL, a real store behind a socket."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from starlette.applications import Starlette

from gateway.cli.decrypt import decrypt
from gateway.cli.import_ import import_
from gateway.decrypting.decrypting import Decrypting
from gateway.directories import Directories
from gateway.migration.importing import Importing
from gateway.migration.opening import open_source
from gateway.web.control.mail.decrypting import decrypting_routes
from gateway.web.control.mail.imports import import_routes
from mx_core.control.answers import EXCEPTION_HANDLERS
from mx_core.control.client import ControlClient
from mx_core.control.server import serve_control
from mx_core.model.address import Address
from mx_core.model.errors import Refused
from mx_core.store.account_store import AccountStore
from tests.support import old_mail
from tests.support.encrypted_mail import (
    ENTITY,
    enveloped,
    gnupg,
    key_file,
    pgp_mime,
    smime,
    smime_key,
)
from tests.support.old_mail import letter, stored
from tests.support.stores import memory_store

ALICE = "alice@a.example"
Run = Callable[..., Awaitable[Result]]
pytestmark = pytest.mark.anyio


@dataclass
class Account:
    importing: Importing
    decrypting: Decrypting


@asynccontextmanager
async def commands() -> AsyncIterator[tuple[Run, AccountStore, ControlClient]]:
    with memory_store() as store, tempfile.TemporaryDirectory() as short:
        now = store.mail.now
        account = Account(Importing(store, open_source, now), Decrypting(store, now))

        def account_of(address: Address) -> Account:
            if str(address) != ALICE:
                raise Refused(f"{address} is no account of this gateway")
            return account

        routes = [*import_routes(account_of), *decrypting_routes(account_of)]
        app = Starlette(routes=routes, exception_handlers=dict(EXCEPTION_HANDLERS))
        directories = Directories(Path(short), Path(short), Path(short))
        stopping = asyncio.Event()

        async def run(*words: str) -> Result:
            command = {"import": import_, "decrypt": decrypt}[words[0]]
            asked = ["--account", ALICE, *words[1:]]
            return await asyncio.to_thread(CliRunner().invoke, command, asked, obj=directories)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(serve_control(lambda: app, directories.control_socket, stopping))
            running = tasks.create_task(account.importing.run())
            await asyncio.sleep(0)  # the first step binds the socket
            try:
                yield run, store, ControlClient(directories.control_socket)
            finally:
                stopping.set()
                running.cancel()


@pytest.fixture(scope="module")
def mail(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """An mbox with a plain letter, two of OpenPGP (one to somebody else) and one of S/MIME; the keys."""
    folder = tmp_path_factory.mktemp("encrypted")
    certificate, p12 = smime_key(folder)
    with gnupg() as ring:
        key = key_file(folder, ring.made("bob@b.example", passphrase="of bob"))
        ring.made("carol@c.example")
        letters = [
            letter(1),
            pgp_mime(ring.encrypted("bob@b.example", ENTITY)),
            pgp_mime(ring.encrypted("carol@c.example", ENTITY)),
            smime(enveloped(certificate)),
        ]
    return old_mail.mbox(folder / "Old", letters), key, p12


def passphrases(folder: Path, *lines: str) -> list[str]:
    path = folder / "passphrases"
    path.write_text("".join(f"{line}\n" for line in lines))
    return ["--passphrase-file", str(path)]


async def test_an_import_with_keys_decrypts_what_it_brought(
    mail: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    source, key, p12 = mail
    keys = ["--openpgp-key", str(key), "--smime-key", str(p12)]
    async with commands() as (run, store, _):
        done = await run("import", str(source), *keys, *passphrases(tmp_path, "of bob", "secret"))

        assert done.exit_code == 0, done.output
        assert "all here: 4 messages" in done.stdout
        assert "decrypted 2 of 3 messages (2 OpenPGP, 1 S/MIME)" in done.stdout
        assert "left as they are: 1, no key that was given opens it" in done.stdout
        here = await stored(store)
        assert sum(octets.endswith(ENTITY) for octets, _, _ in here["Old"]) == 2
        assert len(here["Encrypted originals/Old"]) == 2
        assert len(here["Old"]) == 4


async def test_without_a_key_it_comes_as_it_is_and_what_to_type_is_said(
    mail: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    source, key, p12 = mail
    async with commands() as (run, store, _):
        dry = await run("import", str(source), "--dry-run")
        assert "encrypted: 2 OpenPGP, 1 S/MIME, brought as they are" in dry.stdout
        assert "--openpgp-key FILE" in dry.stdout
        done = await run("import", str(source))
        assert f"to have them decrypted: mx-gateway decrypt --account {ALICE}" in done.stdout
        before = await stored(store)
        counted = await run("decrypt")
        assert "decrypted 0 of 3 messages" in counted.stdout
        assert "3, no key for it was given" in counted.stdout
        assert await stored(store) == before

        first = await run("decrypt", "--smime-key", str(p12), *passphrases(tmp_path, "secret"))
        assert "decrypted 1 of 3 messages" in first.stdout
        words = ["--openpgp-key", str(key), "--json", *passphrases(tmp_path, "of bob")]
        second = json.loads((await run("decrypt", *words)).stdout)
        assert second == {
            "openpgp": 2, "smime": 0, "decrypted": 1,
            "left": {"no key that was given opens it": 1},
        }  # fmt: skip


async def test_keys_are_tried_before_anything_is_brought(
    mail: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    source, key, p12 = mail
    async with commands() as (run, store, _):
        wrong = await run(
            "import", str(source), "--openpgp-key", str(key), *passphrases(tmp_path, "of carol")
        )
        assert (wrong.exit_code, "is another one" in wrong.stderr) == (65, True)
        unasked = await run("decrypt", "--smime-key", str(p12))
        assert "passphrases come from --passphrase-file" in unasked.stderr
        few = ["--smime-key", str(p12), "--openpgp-key", str(key), "--openpgp-key", str(key)]
        short = await run("decrypt", *few, *passphrases(tmp_path, "a", "b"))
        assert "one line for all keys, or a line for each" in short.stderr
        missing = await run("decrypt", "--smime-key", str(p12), "--passphrase-file", "/nowhere")
        assert "can not be read" in missing.stderr
        later = await run("import", str(source), "--gnupg", "--background")
        assert "none is kept" in later.stderr

        assert await stored(store) == {}


async def test_nothing_encrypted_is_said_so() -> None:
    async with commands() as (run, _, _client):
        done = await run("decrypt")

        assert done.stdout == "nothing here is encrypted by OpenPGP or S/MIME\n"


async def test_what_is_asked_wrongly_is_refused_and_a_body_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with commands() as (_run, _, client):
        with pytest.raises(Refused, match="is not understood"):
            await asyncio.to_thread(client.hand, "/decrypting/put", b"x", place="{}")
        with pytest.raises(Refused, match="no longer kept"):
            await asyncio.to_thread(
                client.fetch, "/decrypting/ciphertext", {"account": ALICE, "message": 9}
            )
        monkeypatch.setattr("gateway.web.control.mail.decrypting.OCTETS_MAX", 1_000)
        place = json.dumps({"account": ALICE, "message": 9, "kind": "smime", "at": [[1, 1]]})
        with pytest.raises(Refused, match="at most"):
            await asyncio.to_thread(client.hand, "/decrypting/put", bytes(1_001), place=place)
