"""One rule for ``--account``: where there is one account it is meant, and else it is said."""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.cli.backup import backup
from gateway.cli.decrypt import decrypt
from gateway.cli.device import device
from gateway.cli.export import export
from gateway.cli.import_ import import_
from gateway.directories import Directories
from mx_core.control.answers import EXCEPTION_HANDLERS
from mx_core.control.server import serve_control
from mx_core.model.errors import Refused

pytestmark = pytest.mark.anyio

COMMANDS: list[tuple[click.Command, list[str]]] = [
    (backup, ["to.mxb"]),
    (decrypt, []),
    (device, ["list"]),
    (device, ["remove", "d1"]),
    (export, ["mail"]),
    (import_, []),
    (import_, ["--pause"]),
]


async def run(command: click.Command, words: Sequence[str], *accounts: str) -> Result:
    """Run it beside a gateway with *accounts*, which refuses all and says for whom it was asked."""

    async def status(_request: Request) -> Response:
        return JSONResponse({"accounts": [{"address": each} for each in accounts]})

    async def refuse(request: Request) -> Response:
        raise Refused(f"asked for {(await request.json())['account']}")

    app = Starlette(
        routes=[Route("/status", status), Route("/{path:path}", refuse, methods=["POST"])],
        exception_handlers=dict(EXCEPTION_HANDLERS),
    )
    with tempfile.TemporaryDirectory() as short:
        directories = Directories(Path(short), Path(short), Path(short))
        stopping = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(serve_control(lambda: app, directories.control_socket, stopping))
            await asyncio.sleep(0)  # the first step binds the socket
            try:
                invoke = CliRunner().invoke
                return await asyncio.to_thread(invoke, command, list(words), obj=directories)
            finally:
                stopping.set()


@pytest.mark.parametrize(("command", "words"), COMMANDS)
async def test_the_only_account_is_meant(command: click.Command, words: list[str]) -> None:
    assert "asked for alice@a.example" in (await run(command, words, "alice@a.example")).output


@pytest.mark.parametrize(("command", "words"), COMMANDS)
async def test_of_several_it_has_to_be_said(command: click.Command, words: list[str]) -> None:
    both = ("alice@a.example", "bob@b.example")
    unsaid = await run(command, words, *both)
    said = await run(command, [*words, "--account", both[1]], *both)

    assert "say whose, with --account: alice@a.example, bob@b.example" in unsaid.output
    assert unsaid.exit_code == 65
    assert "asked for bob@b.example" in said.output
