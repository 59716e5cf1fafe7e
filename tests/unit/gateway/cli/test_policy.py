"""``mx-gateway policy`` and ``relay`` over a control socket, with a real store behind them."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from starlette.applications import Starlette

from gateway.cli.policy import policy
from gateway.cli.relay import relay
from gateway.directories import Directories
from gateway.people.policy_desk import PolicyDesk
from gateway.web.control.people.policy import policy_routes
from mx_core.control.answers import EXCEPTION_HANDLERS
from mx_core.control.server import serve_control
from mx_core.model.address import Address
from mx_core.model.errors import Refused
from tests.support.sending import sending_account

ALICE = "alice@a.example"
Run = Callable[..., Awaitable[Result]]
pytestmark = pytest.mark.anyio


@asynccontextmanager
async def commands() -> AsyncIterator[Run]:
    async with sending_account(relay=False) as alice:
        with tempfile.TemporaryDirectory() as short:

            def desk_of(address: Address) -> PolicyDesk:
                if str(address) != ALICE:
                    raise Refused(f"{address} is no account of this gateway")
                return alice.desk

            app = Starlette(
                routes=policy_routes(desk_of), exception_handlers=dict(EXCEPTION_HANDLERS)
            )
            directories = Directories(Path(short), Path(short), Path(short))
            stopping = asyncio.Event()
            serving = asyncio.ensure_future(
                serve_control(lambda: app, directories.control_socket, stopping)
            )
            await asyncio.sleep(0)  # its first step binds the socket

            async def run(group: str, *words: str, typed: str = "") -> Result:
                command = {"policy": policy, "relay": relay}[group]
                return await asyncio.to_thread(
                    CliRunner().invoke, command, words, obj=directories, input=typed
                )

            try:
                yield run
            finally:
                stopping.set()
                await serving


async def test_a_rule_is_made_shown_and_taken_away() -> None:
    async with commands() as run:
        made = await run("policy", "set", ALICE, "@Old.example", "encryption", "ask")
        shown = await run("policy", "show", ALICE)
        await run("policy", "set", ALICE, "old.example", "encryption", "default")
        after = json.loads((await run("policy", "show", ALICE, "--json")).output)

    assert made.exit_code == 0
    assert shown.output.splitlines()[0].split() == ["old.example", "encryption", "ask"]
    assert after["rules"] == []
    assert after["factory"]["encryption"] == "required"


async def test_what_is_no_rule_is_told_in_one_sentence() -> None:
    async with commands() as run:
        told = await run("policy", "set", ALICE, "everybody", "encryption", "never")

    assert told.exit_code == 65
    assert told.stderr == (
        "mx-gateway: encryption is one of: required, ask, optional; not 'never'\n"
    )


async def test_explain_says_what_was_found_the_verdict_and_whose_rule_it_is() -> None:
    async with commands() as run:
        told = await run("policy", "explain", ALICE, "dora@old.example")

    refused = "old.example is not on the network; only end-to-end encrypted mail leaves here until ordinary email is set up"
    assert told.output.splitlines()[:3] == [
        "dora@old.example: the domain is not on the network (old.example is not on the network)",
        "mail to them: refuse: " + refused,
        "because: encryption = required (as it comes)",
    ]


async def test_a_relay_is_set_with_a_password_from_standard_input_and_shown_without_it() -> None:
    async with commands() as run:
        none = await run("relay", "show", ALICE)
        words = ("--host", "smtp.isp.example", "--user", "alice", "--starttls")
        made = await run("relay", "set", ALICE, *words, typed="canary\n")
        shown = await run("relay", "show", ALICE)
        removed = await run("relay", "remove", ALICE)

    assert none.output == "none: no ordinary email is sent\n"
    assert (made.exit_code, removed.exit_code) == (0, 0)
    assert shown.output.split()[:6] == [
        "host",
        "smtp.isp.example",
        "port",
        "587",
        "tls",
        "starttls",
    ]
    assert "canary" not in made.output + shown.output
