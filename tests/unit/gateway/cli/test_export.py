"""``mx-gateway export`` over a control socket, with a real store behind it."""

import asyncio
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from starlette.applications import Starlette

from gateway.cli.export import export
from gateway.directories import Directories
from gateway.migration.export.exporting import Exporting
from gateway.web.control.mail.exports import export_routes
from mx_core.control.answers import EXCEPTION_HANDLERS
from mx_core.control.server import serve_control
from mx_core.model.address import Address
from tests.support.mail_calls import add
from tests.support.stores import memory_store

ALICE = "alice@a.example"
pytestmark = pytest.mark.anyio


@dataclass
class Account:
    exporting: Exporting


async def test_an_export_is_told_of_and_is_not_written_over(tmp_path: Path) -> None:
    with memory_store() as store, tempfile.TemporaryDirectory() as short:
        account = Account(Exporting(store, Address.parse(ALICE)))
        app = Starlette(
            routes=export_routes(lambda _address: account),
            exception_handlers=dict(EXCEPTION_HANDLERS),
        )
        directories = Directories(Path(short), Path(short), Path(short))
        stopping = asyncio.Event()

        async def run(*words: str) -> Result:
            asked = ["--account", ALICE, *words]
            return await asyncio.to_thread(CliRunner().invoke, export, asked, obj=directories)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(serve_control(lambda: app, directories.control_socket, stopping))
            running = tasks.create_task(account.exporting.run())
            await asyncio.sleep(0)  # the first step binds the socket
            await add(store.mail)
            done = await run(str(tmp_path / "out"), "--format", "eml")
            again = await run(str(tmp_path / "out"), "--format", "eml", "--json")
            stopping.set()
            running.cancel()

    assert done.exit_code == 0
    assert done.output.startswith("exported and read back: 1 messages, ")
    assert again.exit_code == 65
    assert "holds a complete export" in json.loads(again.output.splitlines()[0])["trouble"]
