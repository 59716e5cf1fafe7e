"""Servers that number anew, lie, or show one message in many folders."""

import asyncio
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway.legacy.client import Server
from gateway.migration import importing as importing_module
from gateway.migration.importing import Asked, Importing
from gateway.migration.opening import open_source
from gateway.migration.source import BATCH_MESSAGES, SourceFolder
from mx_core.model.errors import Refused, Unavailable
from mx_core.store.account_store import AccountStore
from tests.support.encrypted_mail import pgp_mime, smime
from tests.support.imap_script import Reply, Talk, scripted
from tests.support.old_mail import letter, stored
from tests.support.stores import memory_store

pytestmark = pytest.mark.anyio
Mail = dict[int, tuple[bytes, int]]  # by UID: octets, X-GM-MSGID


class Account:
    """Mailboxes of a server that can be changed between two imports."""

    def __init__(self, boxes: dict[str, Mail], attributes: dict[str, str] | None = None) -> None:
        self.boxes = boxes
        self.attributes = attributes or {}
        self.validity = 1
        self.gmail = False
        self.open = ""
        self.fetched: list[str] = []
        self.asked_for_types = 0

    def script(self) -> dict[str, Reply]:
        return {
            "CAPABILITY": self._capability, "LIST": self._list, "EXAMINE": self._examine,
            "UID FETCH": self._fetch,
        }  # fmt: skip

    async def _capability(self, talk: Talk) -> None:
        more = b" X-GM-EXT-1" if self.gmail else b""
        await talk.send(b"* CAPABILITY IMAP4rev1%b\r\n%%t OK\r\n" % more)

    async def _list(self, talk: Talk) -> None:
        for name in self.boxes:
            told = self.attributes.get(name, "")
            await talk.send(f'* LIST ({told}) "/" "{name}"\r\n'.encode())
        await talk.send(b"%t OK\r\n")

    async def _examine(self, talk: Talk) -> None:
        self.open = talk.heard[-1].split('"')[1]
        number = len(self.boxes[self.open])
        told = f"* {number} EXISTS\r\n* OK [UIDVALIDITY {self.validity}]\r\n%t OK\r\n"
        await talk.send(told.encode())

    async def _fetch(self, talk: Talk) -> None:
        command = talk.heard[-1]
        wanted = self._uids(command.split()[2])
        whole = "BODY.PEEK[]" in command
        field = re.search(r"BODY\.PEEK\[HEADER\.FIELDS \(CONTENT-TYPE\)\]<0\.(\d+)>", command)
        for at, uid in enumerate(wanted, 1):
            octets, shared = self.boxes[self.open][uid]
            if whole:
                self.fetched.append(f"{self.open} {uid}")
                body = b"BODY[] {%d}\r\n%b" % (len(octets), octets)
            else:
                body = b"RFC822.SIZE %d FLAGS (\\Seen)" % len(octets)
                body += b" X-GM-MSGID %d" % shared if self.gmail else b""
                if field is not None:
                    self.asked_for_types += 1
                    told = self._content_type(octets)[: int(field[1])]
                    name = b"BODY[HEADER.FIELDS (CONTENT-TYPE)]<0>"
                    body += b" %b {%d}\r\n%b" % (name, len(told), told)
            await talk.send(b"* %d FETCH (UID %d %b)\r\n" % (at, uid, body))
        await talk.send(b"%t OK\r\n")

    def _content_type(self, octets: bytes) -> bytes:
        header = octets.partition(b"\r\n\r\n")[0] + b"\r\n"
        found = re.search(
            rb"^Content-Type:.*\r\n(?:[ \t].*\r\n)*", header, re.MULTILINE | re.IGNORECASE
        )
        return (found[0] if found else b"") + b"\r\n"

    def _uids(self, text: str) -> list[int]:
        here = self.boxes[self.open]
        if text == "1:*":
            return list(here)
        runs = [run.split(":") for run in text.split(",")]
        return [uid for uid in here if any(int(r[0]) <= uid <= int(r[-1]) for r in runs)]


async def bring(
    store: AccountStore,
    server: Server,
    until: Callable[[dict[str, Any]], bool] = lambda one: one["state"] != "running",
    **more: Any,
) -> dict[str, Any]:
    asked = Asked(server.location, secret="x", ca_file=server.ca_file, **more)
    importing = Importing(store, open_source, store.mail.now)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(importing.run())
        await importing.begin(asked, dry_run=False)
        async with asyncio.timeout(60):
            while not until(one := (await importing.state())["imports"][0]):
                await asyncio.sleep(0.01)
        running.cancel()
    told: dict[str, Any] = one
    return told


async def test_a_server_that_numbers_anew_brings_nothing_twice(tmp_path: Path) -> None:
    twice = letter(1)
    mail = {1: (twice, 0), 2: (twice, 0), 3: (letter(3), 0)}
    account = Account({"INBOX": {}})
    async with scripted(tmp_path, account.script()) as (server, _):
        with memory_store() as store:
            for validity in (1, 2, 1, 3, 1, 2):  # it flaps
                account.validity = validity
                account.boxes["INBOX"] = {n * 10 + validity: each for n, each in mail.items()}
                done = await bring(store, server)
                assert done["report"]["holds"] is True
            account.validity = 9
            account.boxes["INBOX"] = {
                1: (twice, 0), 2: (twice, 0), 3: (twice, 0), 4: (letter(3), 0), 5: (letter(4), 0),
            }  # fmt: skip
            await bring(store, server)

            assert [octets for octets, _, _ in (await stored(store))["INBOX"]] == [
                twice, twice, letter(3), twice, letter(4),
            ]  # fmt: skip


async def test_labels_show_one_message_in_many_folders(tmp_path: Path) -> None:
    mail = {n: (letter(n), 1000 + n) for n in range(1, 6)}
    account = Account(
        {
            "[Gmail]/All Mail": mail,
            "[Gmail]/Starred": {1: mail[1]},
            "INBOX": {7: mail[1], 8: mail[2]},
            "Work": {1: mail[2], 2: mail[3]},
        },
        {"[Gmail]/All Mail": "\\All", "[Gmail]/Starred": "\\Flagged"},
    )
    account.gmail = True
    async with scripted(tmp_path, account.script()) as (server, _):
        with memory_store() as store:
            done = await bring(store, server)

            found = {
                name: [octets for octets, _, _ in mail]
                for name, mail in (await stored(store)).items()
            }
            # what has no label stands in All Mail alone, and is not lost for that
            assert found == {
                "INBOX": [letter(1), letter(2)], "Work": [letter(2), letter(3)],
                "Archive": [letter(4), letter(5)],
            }  # fmt: skip
            assert len(account.fetched) == 5
            # the password was needed for this import alone
            assert '"secret":""' in (await store.imports.all())[0].asked
            assert done["report"]["holds"] is True
            count = await store._database.read(
                lambda tx: tx.exec_driver_sql("SELECT count(*) FROM message").scalar_one()
            )
            assert count == 5


async def test_all_mail_is_a_folder_where_that_is_asked(tmp_path: Path) -> None:
    mail = {n: (letter(n), 1000 + n) for n in range(1, 4)}
    account = Account({"All": mail, "INBOX": {7: mail[1]}}, {"All": "\\All"})
    account.gmail = True
    async with scripted(tmp_path, account.script()) as (server, _):
        with memory_store() as store:
            await bring(store, server, all_mail=True)

            found = await stored(store)
            assert {name: len(mail) for name, mail in found.items()} == {"All": 3, "INBOX": 1}


class NothingKnown:
    async def brought(self, names: Sequence[bytes]) -> set[bytes]:
        return set()

    async def shared(self, names: Sequence[bytes]) -> set[bytes]:
        return set()


async def test_while_one_batch_is_stored_the_next_one_comes_and_no_third(tmp_path: Path) -> None:
    mail = {uid: (letter(uid), 0) for uid in range(1, 3 * BATCH_MESSAGES + 1)}
    account = Account({"INBOX": mail})
    async with scripted(tmp_path, account.script()) as (server, _):
        source = open_source(Asked(server.location, secret="x", ca_file=server.ca_file))
        [inbox] = await source.folders()
        assert isinstance(inbox, SourceFolder)
        reading = source.read(inbox, NothingKnown())
        found = list(await anext(reading))
        async with asyncio.timeout(60):
            while len(account.fetched) < 2 * BATCH_MESSAGES:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        assert len(account.fetched) == 2 * BATCH_MESSAGES

        async for batch in reading:
            found += batch

        assert [each.octets for each in found] == [octets for octets, _ in mail.values()]  # type: ignore[union-attr]
        await source.close()


async def test_what_comes_is_given_up_when_the_source_is_closed(tmp_path: Path) -> None:
    account = Account({"INBOX": {uid: (letter(uid), 0) for uid in range(1, 301)}})
    async with scripted(tmp_path, account.script()) as (server, _):
        source = open_source(Asked(server.location, secret="x", ca_file=server.ca_file))
        [inbox] = await source.folders()
        assert isinstance(inbox, SourceFolder)
        reading = source.read(inbox, NothingKnown())
        await anext(reading)

        await source.close()

        with pytest.raises((asyncio.CancelledError, Unavailable)):
            await anext(reading)


async def test_a_connection_that_breaks_is_made_anew_and_nothing_comes_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing_module, "_FIRST_REST_SECONDS", 0.01)
    account = Account({"INBOX": {n: (letter(n), 0) for n in range(1, 251)}})
    script = account.script()
    cuts = iter([3, 2, 4, 1, 5])
    left = next(cuts)

    async def cut(talk: Talk) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            left = next(cuts, 1000)
            await talk.send(b"* 1 FETCH (UID 1 BODY[] {500}\r\nhalf")
            talk.writer.close()
            return
        await account._fetch(talk)

    async with scripted(tmp_path, {**script, "UID FETCH": cut}) as (server, talks):
        with memory_store() as store:
            done = await bring(store, server)

            assert len(talks) > 5
            assert done["report"]["holds"] is True
            assert [o for o, _, _ in (await stored(store))["INBOX"]] == [
                letter(n) for n in range(1, 251)
            ]


async def test_after_a_broken_line_nobody_looks_again_and_what_came_is_not_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing_module, "_FIRST_REST_SECONDS", 0.01)
    account = Account({"INBOX": {n: (letter(n), 0) for n in range(1, 4)}})
    bodies = 0

    async def cut(talk: Talk) -> None:
        nonlocal bodies
        bodies += "BODY" in talk.heard[-1]
        if "BODY" in talk.heard[-1] and bodies == 1:
            talk.writer.close()
            return
        await account._fetch(talk)

    async with scripted(tmp_path, {**account.script(), "UID FETCH": cut}) as (server, talks):
        with memory_store() as store:
            await bring(store, server)
            account.boxes["INBOX"][4] = (letter(4), 0)
            await bring(store, server)

    def asked(talk: Talk) -> list[str]:
        found = [re.search(r"1:\*|\d \(UID (RFC822|BODY)", each) for each in talk.heard]
        return [each[0] for each in found if each is not None]

    look, names, bodies_of = ["1:*", "3 (UID RFC822"], ["1:*"], ["3 (UID RFC822", "3 (UID BODY"]
    first, again, later = map(asked, talks)
    assert first == [*look, *names, *bodies_of]
    assert again == [*names, *bodies_of, *look]  # the last one is the proof
    more = ["1:*", "4 (UID RFC822"]
    assert later == [*more, *names, "4 (UID RFC822", "4 (UID BODY", *more]
    assert "UID FETCH 4 (UID BODY.PEEK[])" in talks[2].heard


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (b"* 1 FETCH (UID 1)\r\n" * 3000, "more answers than there can be|more than was asked"),
        (b"x" * 100_000, "without end|more than was asked"),
    ],
)
async def test_a_hostile_server_is_told_of_and_tried_later(
    tmp_path: Path, rows: bytes, sentence: str
) -> None:
    account = Account({"INBOX": {1: (letter(1), 0)}})
    async with scripted(tmp_path, {**account.script(), "UID FETCH": rows}) as (server, _):
        with memory_store() as store:
            one = await bring(store, server, lambda one: bool(one["trouble"]))

            assert re.search(sentence, one["trouble"])
            assert one["state"] == "running"  # it rests, and others are not disturbed
            assert await stored(store) == {}


async def test_a_folder_that_can_not_be_opened_and_a_message_that_is_not_given_are_told(
    tmp_path: Path,
) -> None:
    account = Account({"INBOX": {1: (letter(1), 0)}, "Closed": {}})
    examine = account._examine

    async def closed(talk: Talk) -> None:
        if "Closed" in talk.heard[-1]:
            await talk.send(b"%t NO [NOPERM] not yours\r\n")
            return
        await examine(talk)

    async def bodiless(talk: Talk) -> None:
        if "BODY" in talk.heard[-1]:
            await talk.send(b"%t OK\r\n")
            return
        await account._fetch(talk)

    script = {**account.script(), "EXAMINE": closed, "UID FETCH": bodiless}
    async with scripted(tmp_path, script) as (server, _):
        with memory_store() as store:
            done = await bring(store, server)

            assert [place for place, _ in done["troubles"]] == ["Closed", "INBOX, UID 1"]
            assert done["report"]["holds"] is False


async def test_a_dry_run_counts_what_is_encrypted_and_fetches_no_message(tmp_path: Path) -> None:
    mail: Mail = {
        1: (pgp_mime(b"x"), 0),
        2: (letter(2), 0),
        3: (smime(b"x"), 0),
        4: (letter(4, more=f'Content-Type: text/plain; x="{"pkcs7-mime" * 500}"\r\n'), 0),
        5: (pgp_mime(b"y"), 0),
    }
    account = Account({"INBOX": mail})
    with memory_store() as store:
        async with scripted(tmp_path, account.script()) as (server, _):
            importing = Importing(store, open_source, store.mail.now)
            async with asyncio.TaskGroup() as tasks:
                running = tasks.create_task(importing.run())
                what = Asked(server.location, secret="x", ca_file=server.ca_file)
                await importing.begin(what, dry_run=True)
                while not (state := await importing.state())["look"]["done"]:  # no event
                    await asyncio.sleep(0.01)
                running.cancel()

    assert state["trouble"] == ""
    assert state["look"]["messages"] == len(mail)
    assert state["look"]["encrypted"] == {"openpgp": 2, "smime": 1}
    assert account.fetched == []


async def test_only_a_dry_run_asks_for_types(tmp_path: Path) -> None:
    account = Account({"INBOX": {1: (pgp_mime(b"x"), 0)}})
    with memory_store() as store:
        async with scripted(tmp_path, account.script()) as (server, _):
            done = await bring(store, server)

    assert done["report"]["progress"]["encrypted"] == {"openpgp": 1}
    assert account.asked_for_types == 0


async def test_the_secret_comes_from_a_command_or_is_asked_for() -> None:
    from gateway.legacy.secret import secret_of  # noqa: PLC0415  # tested here alone

    assert (await secret_of("", "printf 'a b\\nc'")).reveal() == "a b"
    assert (await secret_of("p", "")).reveal() == "p"
    with pytest.raises(Unavailable, match="ended with status 1"):
        await secret_of("", "false")
    with pytest.raises(Refused, match="can not be run"):
        await secret_of("", "/no/such/program")
    with pytest.raises(Refused, match="neither"):
        await secret_of("", "")
