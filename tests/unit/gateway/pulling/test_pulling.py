"""Accounts elsewhere against a server that does what a test tells it."""

import asyncio
import re
from pathlib import Path

import pytest

from gateway.legacy.client import Server
from gateway.pulling import account_pull
from gateway.pulling.pulling import Pulling
from mx_core.model.errors import BadCredentials, Refused
from mx_core.model.flags import Flag
from mx_core.model.ids import Uid
from mx_core.model.mailbox_name import INBOX, MailboxName
from mx_core.ports import FlagChange
from mx_core.store.account_store import AccountStore
from tests.support.imap_account import LiveAccount
from tests.support.imap_script import Reply, Talk, scripted
from tests.support.old_mail import letter, stored
from tests.support.pulls import ALICE, a_store, asked, pulled, pulling, texts, until
from tests.support.stores import Clock, memory_store

pytestmark = pytest.mark.anyio


async def flags(store: AccountStore, box: str = "INBOX") -> list[set[str]]:
    return [set(each) - {"$NotEncrypted"} for _, each, _ in (await stored(store)).get(box, [])]


async def flag(store: AccountStore, uid: int, change: FlagChange, name: str) -> None:
    await store.mail.write(
        lambda writer: writer.store_flags(
            writer.mailbox(INBOX).id, [Uid(uid)], change, frozenset({Flag(name)})
        )
    )


@pytest.mark.parametrize("counts", [True, False])
async def test_mail_comes_once_and_flags_go_both_ways(tmp_path: Path, counts: bool) -> None:
    account = LiveAccount("Work", counts=counts)
    account.put("INBOX", letter(1), "\\Seen")
    account.put("INBOX", letter(2), "Label")
    account.put("Work", letter(3))
    async with scripted(tmp_path, account.script()) as (server, _), a_store() as store:
        async with pulled(server, store):
            assert await texts(store) == [letter(1), letter(2)]
            assert await texts(store, "Work") == [letter(3)]
            assert await flags(store) == [{"\\Seen"}, {"Label"}]

            account.put("INBOX", letter(4))
            await until(lambda: _are(store, [{"\\Seen"}, {"Label"}, set()]))
            account.flag("INBOX", 2, "\\Flagged")
            await until(lambda: _are(store, [{"\\Seen"}, {"\\Flagged"}, set()]))
            await flag(store, 1, FlagChange.REMOVE, "\\Seen")
            await flag(store, 3, FlagChange.ADD, "Mine")
            await until(lambda: _there(account, {1: set(), 2: {"\\Flagged"}, 3: {"Mine"}}))
        # while it is not running, both sides go on
        account.flag("INBOX", 1, "\\Flagged")
        await flag(store, 1, FlagChange.ADD, "\\Seen")
        account.put("INBOX", letter(5))
        async with pulled(server, store):
            await until(lambda: _there(account, {1: {"\\Flagged", "\\Seen"}}))
            assert (await flags(store))[0] == {"\\Flagged", "\\Seen"}
            assert await texts(store) == [letter(n) for n in (1, 2, 4, 5)]
        assert sorted(account.fetched) == [1, 1, 2, 3, 4]


async def test_a_server_that_numbers_anew_brings_nothing_twice_and_loses_nothing(
    tmp_path: Path,
) -> None:
    account = LiveAccount()
    twice = letter(1)
    for octets in (twice, twice, letter(2)):
        account.put("INBOX", octets)
    async with scripted(tmp_path, account.script()) as (server, _), a_store() as store:
        async with pulled(server, store):
            assert await texts(store) == [twice, twice, letter(2)]
        for number, validity in enumerate((2, 3, 2), 11):  # it flaps
            account.put("INBOX", letter(number))
            account.renumber("INBOX", validity)
            account.flag("INBOX", 30 + validity, "\\Flagged", f"V{number}")
            async with pulled(server, store):
                await flag(store, 1, FlagChange.ADD, f"W{number}")
                await until(lambda n=number, v=validity: _has_flag(account, 10 + v, f"W{n}"))  # type: ignore[misc]
        assert await texts(store) == [twice, twice, *(letter(n) for n in (2, 11, 12, 13))]
        assert (await flags(store))[2] == {"\\Flagged", "V13"}
        assert (await flags(store))[0] == {"W11", "W12", "W13"}


async def test_what_the_person_removed_or_moved_here_does_not_come_back(tmp_path: Path) -> None:
    account = LiveAccount()
    for number in (1, 2):
        account.put("INBOX", letter(number))
    async with scripted(tmp_path, account.script()) as (server, _), a_store() as store:
        async with pulled(server, store):
            await flag(store, 1, FlagChange.ADD, "\\Deleted")
            await store.mail.write(lambda writer: writer.expunge(writer.mailbox(INBOX).id))
            await store.mail.write(
                lambda writer: writer.move(
                    writer.mailbox(INBOX).id, [Uid(2)], MailboxName("Archive")
                )
            )
            account.flag("INBOX", 1, "\\Seen")
            account.put("INBOX", letter(3))
            await until(lambda: _are(store, [set()]))
        async with pulled(server, store):
            assert await texts(store) == [letter(3)]
            assert len(account.boxes["INBOX"].mail) == 3


async def test_a_source_that_keeps_few_flags_is_not_asked_for_more(tmp_path: Path) -> None:
    account = LiveAccount(keeps="\\Seen")
    account.put("INBOX", letter(1))
    async with (
        scripted(tmp_path, account.script()) as (server, _),
        a_store() as store,
        pulled(server, store),
    ):
        await flag(store, 1, FlagChange.ADD, "Mine")
        await flag(store, 1, FlagChange.ADD, "\\Seen")
        await until(lambda: _there(account, {1: {"\\Seen"}}))
        assert await flags(store) == [{"Mine", "\\Seen"}]
        assert account.stored == ["UID STORE 1 +FLAGS (\\Seen)"]


async def test_a_message_that_is_not_given_is_told_and_holds_up_nothing(tmp_path: Path) -> None:
    account = LiveAccount()
    for number in (1, 2, 3):
        account.put("INBOX", letter(number))
    account.withheld = {2}
    async with scripted(tmp_path, account.script()) as (server, _), a_store() as store:
        async with pulled(server, store) as made:
            account.put("INBOX", letter(4))
            await until(lambda: _are(store, [set()] * 3))
            [state] = await made.state()
            assert state["left"] == [("INBOX, UID 2", "was not given by the server")]
        account.withheld = set()
        async with pulled(server, store):
            assert await texts(store) == [letter(n) for n in (1, 3, 4, 2)]


async def test_a_folder_that_can_not_be_opened_holds_up_no_other(tmp_path: Path) -> None:
    account = LiveAccount("Work")
    account.put("Work", letter(1))
    script = account.script()
    script['SELECT "INBOX"'] = b"%t NO not you\r\n"
    script = dict(reversed(script.items()))  # the first that fits is used
    async with (
        scripted(tmp_path, script) as (server, _),
        a_store() as store,
        pulling(store, asked(server)) as made,
    ):
        await until(lambda: _has(store, "Work"))
        [state] = await made.state()
        assert "not you" in state["left"][0][1]


async def test_what_can_not_be_logged_in_to_is_not_kept(tmp_path: Path) -> None:
    script: dict[str, Reply] = {"LOGIN": b"%t NO wrong\r\n"}
    async with scripted(tmp_path, script) as (server, _):
        with memory_store() as store:
            made = Pulling(store, ALICE, store.mail.now)
            with pytest.raises(BadCredentials, match="does not let alice in"):
                await made.add(asked(server))
            with pytest.raises(Refused, match="name the command"):
                await made.add(asked(server, by_token=True, command=""))

            assert await made.state() == []


async def test_an_account_that_is_removed_is_forgotten_and_its_mail_stays(tmp_path: Path) -> None:
    account = LiveAccount()
    account.put("INBOX", letter(1))
    async with (
        scripted(tmp_path, account.script()) as (server, _),
        a_store() as store,
        pulled(server, store) as made,
    ):
        await made.remove(server.location)
        assert await made.state() == []
        account.put("INBOX", letter(2))
        assert await texts(store) == [letter(1)]
        with pytest.raises(Refused, match="no mail is pulled"):
            await made.remove(server.location)
        await made.add(asked(server))
        await until(lambda: _are(store, [set(), set()]))
        assert await texts(store) == [letter(1), letter(2)]


async def _are(store: AccountStore, wanted: list[set[str]]) -> bool:
    return await flags(store) == wanted


async def _has(store: AccountStore, box: str) -> bool:
    return bool(await texts(store, box))


async def _has_flag(account: LiveAccount, uid: int, name: str) -> bool:
    await asyncio.sleep(0)
    return name in account.boxes["INBOX"].mail[uid].flags


async def _there(account: LiveAccount, wanted: dict[int, set[str]]) -> bool:
    await asyncio.sleep(0)
    mail = account.boxes["INBOX"].mail
    return all(mail[uid].flags == flags for uid, flags in wanted.items())


async def endless(talk: Talk) -> None:
    while True:
        await talk.send(b"* 1 FETCH (UID 1 FLAGS ())\r\n" * 1000)


async def huge(talk: Talk) -> None:
    await talk.send(b"* 1 FETCH (UID 1 BODY[] {2000000000}\r\n")
    while True:
        await talk.send(b"x" * 100_000)


async def closing(talk: Talk) -> None:
    talk.writer.close()


@pytest.mark.parametrize(
    ("command", "answer", "sentence"),
    [
        ("UID FETCH", endless, "more answers than there can be|more than was asked"),
        ("UID FETCH 1 (UID BODY", huge, "larger than what was asked for"),
        ("LIST", b'* LIST () "/" "' + b"x" * 200_000, "without end|more than was asked"),
        ("SELECT", b"* 4000000000 EXISTS\r\n* OK [UIDVALIDITY 1]\r\n%t OK\r\n", "holds 4000000000"),
        ("SELECT", b"%t OK\r\n", "without a UIDVALIDITY"),
        ("SELECT", b"%t OK\r\nx9 OK injected\r\n", "UIDVALIDITY|not asked"),
        ("IDLE", closing, "closed the connection"),
        ("IDLE", b"+ idling\r\n* BYE enough\r\n", "ended the connection: enough"),
    ],
)
async def test_a_hostile_server_is_told_of_once_and_others_go_on(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    answer: Reply,
    sentence: str,
) -> None:
    monkeypatch.setattr(account_pull, "_FIRST_REST_SECONDS", 0.01)
    monkeypatch.setattr(account_pull, "_LONGEST_REST_SECONDS", 0.02)
    good, bad, clock = LiveAccount(), LiveAccount(), Clock()
    bad.put("INBOX", letter(1))
    with memory_store(clock) as store:
        async with (
            scripted(tmp_path, good.script()) as (first, _),
            scripted(tmp_path, {command: answer} | bad.script() | {command: answer}) as (second, _),
            pulling(store, asked(first), asked(second)) as made,
        ):
            await until(lambda: _troubled(made, sentence))
            assert "Gateway" not in await stored(store)  # it may soon be mended
            clock.at += 1000
            await until(lambda: _written_to(store, second))
            good.put("INBOX", letter(2))
            await until(lambda: _came(store, letter(2)))
            assert (await made.state())[0]["trouble"] == ""
            assert len((await stored(store))["Gateway"]) == 1


async def test_a_refusal_is_told_at_once_and_again_only_after_it_has_worked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_pull, "_REFUSED_REST_SECONDS", 0.01)
    monkeypatch.setattr(account_pull, "_FIRST_REST_SECONDS", 0.01)
    monkeypatch.setattr(account_pull, "_PROOF_SECONDS", 0.1)
    account = LiveAccount()
    refused: dict[str, Reply] = {"LOGIN": b"%t NO password expired\r\n"}
    script = dict(account.script())
    async with scripted(tmp_path, script) as (server, talks), a_store() as store:
        async with pulled(server, store) as made:
            for number in (1, 2):
                script.update(refused)
                talks[-1].writer.transport.abort()
                await until(lambda: _troubled(made, "password expired"))
                await until(lambda number=number: _letters(store, number))  # type: ignore[misc]
                del script["LOGIN"]
                await until(lambda: _mended(made))
                account.put("INBOX", letter(number))
                await until(lambda number=number: _came(store, letter(number)))  # type: ignore[misc]
        _, flags, _ = (await stored(store))["Gateway"][0]
        assert flags == set()


async def test_a_secret_is_not_shown(tmp_path: Path) -> None:
    account = LiveAccount()
    async with scripted(tmp_path, account.script()) as (server, _), a_store() as store:
        async with pulled(server, store) as made:
            assert "secret" not in str(await made.state())
        assert "secret" not in repr(asked(server))


async def _troubled(made: Pulling, sentence: str) -> bool:
    return any(re.search(sentence, one["trouble"]) for one in await made.state())


async def _mended(made: Pulling) -> bool:
    return not any(one["trouble"] for one in await made.state())


async def _letters(store: AccountStore, number: int) -> bool:
    return len((await stored(store)).get("Gateway", [])) == number


async def _written_to(store: AccountStore, server: Server) -> bool:
    letters = (await stored(store)).get("Gateway", [])
    return any(
        server.location.encode() in octets.replace(b"=\r\n", b"") for octets, _, _ in letters
    )


async def _came(store: AccountStore, octets: bytes) -> bool:
    return octets in await texts(store)
