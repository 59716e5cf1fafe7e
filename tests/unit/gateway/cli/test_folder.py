"""``mx-gateway folder`` over a control socket, with a real store behind it."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from starlette.applications import Starlette

from gateway.cli.folder import folder
from gateway.directories import Directories
from gateway.web.control.account.folders import folder_routes
from mx_core.control.answers import EXCEPTION_HANDLERS
from mx_core.control.server import serve_control
from mx_core.model.address import Address
from mx_core.model.errors import Refused
from mx_core.model.flags import FLAGGED
from mx_core.model.mailbox_name import MailboxName
from mx_core.store.account_store import AccountStore
from tests.support.mail_calls import add
from tests.support.stores import memory_store

ALICE = "alice@a.example"
Run = Callable[..., Awaitable[Result]]
pytestmark = pytest.mark.anyio


@asynccontextmanager
async def commands() -> AsyncIterator[tuple[Run, AccountStore]]:
    with memory_store() as store, tempfile.TemporaryDirectory() as short:

        def store_of(address: Address) -> AccountStore:
            if str(address) != ALICE:
                raise Refused(f"{address} is no account of this gateway")
            return store

        app = Starlette(routes=folder_routes(store_of), exception_handlers=dict(EXCEPTION_HANDLERS))
        directories = Directories(Path(short), Path(short), Path(short))
        stopping = asyncio.Event()
        serving = asyncio.ensure_future(
            serve_control(lambda: app, directories.control_socket, stopping)
        )
        await asyncio.sleep(0)  # its first step binds the socket

        async def run(*words: str) -> Result:
            return await asyncio.to_thread(CliRunner().invoke, folder, words, obj=directories)

        try:
            yield run, store
        finally:
            stopping.set()
            await serving


async def test_a_folder_is_made_shown_listed_and_removed() -> None:
    async with commands() as (run, store):
        await add(store.mail, frozenset({FLAGGED}))

        made = await run("add", ALICE, "Starred/now", "flagged")
        shown = await run("show", ALICE, "Starred/now", "--json")
        listed = await run("list", ALICE)
        removed = await run("remove", ALICE, "Starred/now")
        left = json.loads((await run("list", ALICE, "--json")).output)

        assert made.output == "made: Starred/now, 1 messages\n"
        assert json.loads(shown.output) == {
            "name": "Starred/now", "rule": "flagged", "messages": 1, "unseen": 1,
            "subscribed": False, "fixed": False, "complete": True,
        }  # fmt: skip
        assert [line.split()[0] for line in listed.output.splitlines()] == [
            "Key", "Not", "Starred/now", "Unverified",
        ]  # fmt: skip
        assert removed.exit_code == 0
        assert [each["name"] for each in left] == ["Key changed", "Not encrypted", "Unverified"]


async def test_a_folder_of_the_gateway_is_removed_by_its_person() -> None:
    async with commands() as (run, _):
        shown = await run("show", ALICE, "Not encrypted")
        await run("remove", ALICE, "Not encrypted")
        gone = await run("show", ALICE, "Not encrypted")

        assert "fixed       yes" in shown.output
        assert gone.exit_code == 65


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("add", ALICE, "x", "FLAGED"), "the rule is not understood"),
        (("add", ALICE, "Archive", "FLAGGED"), "there is a mailbox Archive already"),
        (("add", ALICE, "a//b", "FLAGGED"), "a mailbox name may not"),
        (("remove", ALICE, "Archive"), "is no folder with a rule"),
        (("show", ALICE, "nowhere"), "there is no mailbox nowhere"),
        (("list", "bob@b.example"), "is no account of this gateway"),
    ],
)
async def test_a_refusal_is_one_sentence(words: tuple[str, ...], sentence: str) -> None:
    async with commands() as (run, store):
        before = [state.info.name for state in await store.folders.all()]

        refused = await run(*words)

        assert refused.exit_code == 65
        assert sentence in refused.stderr
        assert len(refused.stderr.splitlines()) == 1
        assert [state.info.name for state in await store.folders.all()] == before
        assert MailboxName("x") not in before


async def test_folders_are_hidden_from_one_mail_program() -> None:
    async with commands() as (run, store):
        await store.passwords.add("phone")
        await store.passwords.add("laptop")

        hidden = await run("hide", ALICE, "phone")

        assert hidden.output == "hidden from: phone\n"
        assert not await store.passwords.shows_folders("phone")
        assert await store.passwords.shows_folders("laptop")
        await run("unhide", ALICE, "phone")
        assert await store.passwords.shows_folders("phone")
        assert (await run("hide", ALICE, "nobody")).exit_code == 65
