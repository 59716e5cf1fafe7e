"""``mx-gateway import`` over a control socket, with a real store behind it."""

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

from gateway.cli.import_ import import_
from gateway.directories import Directories
from gateway.migration.importing import Importing
from gateway.migration.opening import open_source
from gateway.web.control.mail.imports import import_routes
from mx_core.control.answers import EXCEPTION_HANDLERS
from mx_core.control.server import serve_control
from mx_core.model.address import Address
from mx_core.model.errors import Refused
from mx_core.store.account_store import AccountStore
from tests.support import old_mail
from tests.support.old_mail import letter, stored
from tests.support.stores import memory_store

ALICE = "alice@a.example"
Run = Callable[..., Awaitable[Result]]
pytestmark = pytest.mark.anyio


@dataclass
class Account:
    importing: Importing


@asynccontextmanager
async def commands() -> AsyncIterator[tuple[Run, AccountStore]]:
    with memory_store() as store, tempfile.TemporaryDirectory() as short:
        account = Account(Importing(store, open_source, store.mail.now))

        def account_of(address: Address) -> Account:
            if str(address) != ALICE:
                raise Refused(f"{address} is no account of this gateway")
            return account

        app = Starlette(
            routes=import_routes(account_of), exception_handlers=dict(EXCEPTION_HANDLERS)
        )
        directories = Directories(Path(short), Path(short), Path(short))
        stopping = asyncio.Event()

        async def run(*words: str) -> Result:
            asked = ["--account", ALICE, *words]
            return await asyncio.to_thread(CliRunner().invoke, import_, asked, obj=directories)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(serve_control(lambda: app, directories.control_socket, stopping))
            running = tasks.create_task(account.importing.run())
            await asyncio.sleep(0)  # the first step binds the socket
            yield run, store
            stopping.set()
            running.cancel()


async def test_a_dry_run_says_what_would_come_and_brings_nothing(tmp_path: Path) -> None:
    path = old_mail.mbox(tmp_path / "Old mail", [letter(1), letter(1), letter(2)])
    async with commands() as (run, store):
        done = await run("--dry-run", str(path))

        assert done.exit_code == 0
        assert done.output == (
            "       3       0 MiB  Old mail → Old mail\n"
            "would import 3 messages, 0 MiB; 1 are octet for octet the same as another and are"
            " brought too; about 1 min and 1 MiB of disk\n"
        )
        assert await stored(store) == {}


async def test_an_import_ends_with_its_proof(tmp_path: Path) -> None:
    path = old_mail.mbox(tmp_path / "Old", [letter(1), letter(2)])
    async with commands() as (run, store):
        done = await run(str(path))
        shown = await run("--json")

        assert done.exit_code == 0
        assert f"done     file:{path}\n  all here: 2 messages" in done.output
        assert len((await stored(store))["Old"]) == 2
        [one] = json.loads(shown.output)["imports"]
        assert one["report"]["folders"][0]["holds"] is True


async def test_what_can_not_be_a_source_is_one_sentence(tmp_path: Path) -> None:
    async with commands() as (run, _):
        missing = await run(str(tmp_path / "no"))
        empty = await run("--dry-run", str(tmp_path))

        assert missing.exit_code == 65
        assert missing.output == f"mx-gateway: there is nothing at {tmp_path}/no\n"
        assert empty.exit_code == 65
        assert "no mail was found" in empty.output


async def test_pause_and_resume_say_how_many_imports_they_met() -> None:
    async with commands() as (run, _):
        assert (await run("--pause")).output == "paused: 0\n"
        assert (await run("--resume")).output == "going on: 0\n"


async def test_a_password_is_never_taken_from_the_command_line() -> None:
    async with commands() as (run, _):
        asked = await run("imaps://alice@mail.example")
        clear = await run("imap://alice@mail.example", "--password-command", "true")

        assert asked.output.endswith("the password comes from --password-command\n")
        assert "begins in clear" in clear.output
        assert (asked.exit_code, clear.exit_code) == (65, 65)
