"""An account in Dovecot is brought, and nothing in Dovecot changes by it."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.legacy.client import Server
from gateway.migration.importing import Asked, Importing
from gateway.migration.opening import open_source
from mx_core.store.account_store import AccountStore
from tests.support.dovecot import PASSWORD, dovecot, imap
from tests.support.encrypted_mail import pgp_mime, smime
from tests.support.old_mail import letter, stored
from tests.support.stores import memory_store

pytestmark = [pytest.mark.interop, pytest.mark.anyio]
MANY = 250


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with dovecot(tmp_path_factory.mktemp("dovecot")) as made:
        with imap(made) as client:
            for number in range(MANY):
                client.append("INBOX", "", '"21-Nov-2026 12:00:00 +0000"', letter(number))
            client.append("INBOX", "(\\Seen \\Flagged $Forwarded)", "", letter(MANY))
            client.append(
                "INBOX", "", "", letter(MANY + 1, body="x" * 76 + "\r\n" + "y" * 3_000_000)
            )
            client.create("Work/Caf&AOk-")
            client.append("Work/Caf&AOk-", "(\\Answered)", "", letter(1))
            client.append("Sent", "(\\Seen)", "", letter(2))
            client.create("Closed")
            client.append("Closed", "", "", pgp_mime(b"x"))
            client.append("Closed", "", "", smime(b"x"))
        yield made


def everything(server: Server) -> dict[str, tuple[list[bytes], bytes]]:
    """Flags and numbers of all mail there, as others see them."""
    found = {}
    with imap(server) as client:
        for line in client.list()[1]:
            assert isinstance(line, bytes)
            if b"\\Noselect" in line:
                continue
            name = re.search(rb'"/" "?([^"]+)"?$', line)[1].decode()  # type: ignore[index]
            client.select(f'"{name}"', readonly=True)
            rows = client.uid("FETCH", "1:*", "(FLAGS RFC822.SIZE)")[1]
            status = client.status(f'"{name}"', "(UIDVALIDITY UIDNEXT RECENT UNSEEN)")[1][0]
            found[name] = (rows, status)
    return found


def asked(server: Server, **more: Any) -> Asked:
    return Asked(server.location, secret=PASSWORD, ca_file=server.ca_file, **more)


async def bring(store: AccountStore, what: Asked) -> dict[str, Any]:
    importing = Importing(store, open_source, store.mail.now)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(importing.run())
        await importing.begin(what, dry_run=False)
        async with asyncio.timeout(100):
            while (state := await importing.state())["phase"] != "idle":
                await asyncio.sleep(0.05)
        running.cancel()
    one: dict[str, Any] = state["imports"][0]
    return one


async def test_an_account_is_brought_whole_and_stays_as_it_was(server: Server) -> None:
    before = await asyncio.to_thread(everything, server)
    with memory_store() as store:
        done = await bring(store, asked(server))
        found = await stored(store)

        assert done["state"] == "done", done
        assert done["report"]["holds"] is True
        inbox = found["INBOX"]
        assert [octets for octets, _, _ in inbox[:-2]] == [letter(n) for n in range(MANY)]
        assert {date for _, _, date in inbox[:-2]} == {1795262400}
        assert inbox[-2][1] == {"\\Seen", "\\Flagged", "$Forwarded"}
        assert len(inbox[-1][0]) > 3_000_000
        assert [octets for octets, _, _ in found["Work/Café"]] == [letter(1)]
        assert [flags for _, flags, _ in found["Sent"]] == [{"\\Seen"}]
        again = await bring(store, asked(server))
        assert again["report"]["progress"]["stored"] == 0
        assert {name: len(mail) for name, mail in (await stored(store)).items()} == {
            "INBOX": MANY + 2, "Work/Café": 1, "Sent": 1, "Closed": 2,
        }  # fmt: skip
    assert await asyncio.to_thread(everything, server) == before


async def test_a_dry_run_counts_what_is_encrypted_and_changes_nothing(server: Server) -> None:
    before = await asyncio.to_thread(everything, server)
    with memory_store() as store:
        importing = Importing(store, open_source, store.mail.now)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(importing.run())
            await importing.begin(asked(server), dry_run=True)
            async with asyncio.timeout(100):
                while not (state := await importing.state())["look"]["done"]:
                    await asyncio.sleep(0.05)
            running.cancel()

    assert state["trouble"] == ""
    assert state["look"]["messages"] == MANY + 6
    assert state["look"]["encrypted"] == {"openpgp": 1, "smime": 1}
    assert await asyncio.to_thread(everything, server) == before


async def test_a_wrong_password_is_one_sentence(server: Server) -> None:
    with memory_store() as store:
        done = await bring(store, Asked(server.location, secret="wrong", ca_file=server.ca_file))

        assert done["state"] == "stopped"
        assert "does not let alice in" in done["trouble"]


async def test_a_command_may_print_the_password(server: Server) -> None:
    with memory_store() as store:
        what = Asked(server.location, command=f"printf '{PASSWORD}\\n'", ca_file=server.ca_file)

        assert (await bring(store, what))["state"] == "done"
