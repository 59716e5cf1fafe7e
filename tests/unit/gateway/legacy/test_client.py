"""The client against servers that are wrong on purpose: one sentence, in bounded time and memory."""

import asyncio
import base64
from pathlib import Path

import pytest
from msgspec import structs

from gateway.legacy import client as client_module
from gateway.legacy import remote_mailbox
from gateway.legacy.account_url import server_of
from gateway.legacy.client import ImapClient, SaidNo, Server
from gateway.legacy.remote_mailbox import Row
from mx_core.model.errors import BadCredentials, PeerUnreachable, Refused
from mx_core.model.secret import Secret
from tests.support.imap_script import Reply, Talk, scripted

pytestmark = pytest.mark.anyio
PASSWORD = Secret("secret")


async def endless(talk: Talk) -> None:
    while True:
        await talk.send(b"* 1 FETCH (UID 1 FLAGS ())\r\n" * 1000)


async def silent(_talk: Talk) -> None:
    await asyncio.sleep(3600)


async def closing(talk: Talk) -> None:
    talk.writer.close()


async def test_a_login_and_what_was_said(tmp_path: Path) -> None:
    async with scripted(tmp_path, {}) as (server, talks):
        client = await ImapClient.open(server, Secret('p"w\\'))
        await client.close()

        assert talks[0].heard == ["CAPABILITY", 'LOGIN "alice" "p\\"w\\\\"', "CAPABILITY"]


async def test_plain_is_used_where_it_is_offered(tmp_path: Path) -> None:
    async def plain(talk: Talk) -> None:
        await talk.send(b"+ \r\n")
        talk.heard.append((await talk.reader.readline()).decode().strip())
        await talk.send(b"%t OK in\r\n")

    script: dict[str, Reply] = {
        "CAPABILITY": b"* CAPABILITY IMAP4rev1 AUTH=PLAIN LOGINDISABLED\r\n%t OK\r\n",
        "AUTHENTICATE": plain,
    }
    async with scripted(tmp_path, script) as (server, talks):
        client = await ImapClient.open(server, Secret("sécret"))
        await client.close()

        assert talks[0].heard[2] == "AGFsaWNlAHPDqWNyZXQ="


@pytest.mark.parametrize(
    ("script", "error", "sentence"),
    [
        ({"LOGIN": b"%t NO [AUTHENTICATIONFAILED] wrong\r\n"}, BadCredentials, "does not let alice in"),
        (
            {"CAPABILITY": b"* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n%t OK\r\n"},
            Refused, "does not let anybody log in with a password",
        ),
        ({"": b"SSH-2.0-OpenSSH_9.2\r\n"}, PeerUnreachable, "no answer|does not greet"),
        ({"": b"* BYE full\r\n"}, PeerUnreachable, "does not greet"),
        ({"": closing}, PeerUnreachable, "closed the connection"),
        ({"CAPABILITY": closing}, PeerUnreachable, "closed the connection"),
        ({"": b"x" * 200_000}, PeerUnreachable, "without end|more than was asked"),
    ],
)  # fmt: skip
async def test_who_can_not_be_logged_in_to_is_one_sentence(
    tmp_path: Path, script: dict[str, Reply], error: type[Exception], sentence: str
) -> None:
    async with scripted(tmp_path, script) as (server, _):
        with pytest.raises(error, match=sentence):
            await ImapClient.open(server, PASSWORD)


async def test_a_server_that_begins_in_clear_is_not_used(tmp_path: Path) -> None:
    async with scripted(tmp_path, {"": b"* OK [CAPABILITY STARTTLS] hello\r\n"}, tls=False) as (
        server,
        talks,
    ):
        with pytest.raises(Refused, match="does not speak TLS from the first octet"):
            await ImapClient.open(server, PASSWORD)
        assert not any("LOGIN" in line for talk in talks for line in talk.heard)


async def test_a_server_that_does_not_prove_its_name_is_not_used(tmp_path: Path) -> None:
    async with scripted(tmp_path, {}) as (server, talks):
        other = Server("127.0.0.1", server.port, "alice", server.ca_file)
        with pytest.raises(Refused, match=r"does not prove that it is 127\.0\.0\.1"):
            await ImapClient.open(other, PASSWORD)
        with pytest.raises(Refused, match="does not prove"):
            await ImapClient.open(Server("localhost", server.port, "alice"), PASSWORD)
        assert all(talk.heard == [] for talk in talks)


async def test_nobody_listens() -> None:
    with pytest.raises(PeerUnreachable, match="can not be reached"):
        await ImapClient.open(Server("localhost", 1, "alice"), PASSWORD)


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (endless, "more answers|more than was asked"),
        (b"* 1 FETCH (UID 1 BODY[] {9999999}\r\n", "larger than what was asked for"),
        (b"* 1 FETCH (UID " + b"9" * 100_000, "without end|more than was asked"),
        (b"* 1 FETCH (" + b"(" * 100 + b"\r\n", "lists within lists"),
        (closing, "closed the connection"),
        (silent, "does not answer in time"),
        (b"* BYE [ALERT] go\r\n", "ended the connection: go"),
        (b"rubbish\r\n", "no answer"),
    ],
)
async def test_a_wrong_answer_ends_the_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reply: Reply, sentence: str
) -> None:
    async with scripted(tmp_path, {"UID FETCH": reply}) as (server, _):
        client = await ImapClient.open(server, PASSWORD)
        if reply is silent:
            monkeypatch.setattr(client_module, "_COMMAND_SECONDS", -6.0)
        with pytest.raises(PeerUnreachable, match=sentence):
            await client.ask("UID FETCH 1 (UID)")
        await client.close()


async def test_a_refusal_carries_its_words_as_far_as_they_can_be_shown(tmp_path: Path) -> None:
    async with scripted(tmp_path, {"EXAMINE": b"%t NO [NONEXISTENT] no\x1b[2J such\r\n"}) as (s, _):
        client = await ImapClient.open(s, PASSWORD)
        with pytest.raises(SaidNo, match=r"refuses EXAMINE: no \[2J such") as said:
            await remote_mailbox.open_read_only(client, b"x")
        assert said.value.code == b"NONEXISTENT"
        await client.close()


async def test_idle_tells_what_came_and_ends_in_time(tmp_path: Path) -> None:
    async def idling(talk: Talk) -> None:
        await talk.send(b"+ idling\r\n* 3 EXISTS\r\n")
        assert await talk.reader.readline() == b"DONE\r\n"
        await talk.send(b"* 1 EXPUNGE\r\n%t OK\r\n")

    async def quiet(talk: Talk) -> None:
        await talk.send(b"+ idling\r\n")
        assert await talk.reader.readline() == b"DONE\r\n"
        await talk.send(b"%t OK\r\n")

    async with scripted(tmp_path, {"IDLE": idling}) as (server, _):
        client = await ImapClient.open(server, PASSWORD)
        assert [data.name for data in await client.idle(60)] == ["EXISTS", "EXPUNGE"]
        await client.close()
    async with scripted(tmp_path, {"IDLE": quiet}) as (server, _):
        client = await ImapClient.open(server, PASSWORD)
        assert await client.idle(0.01) == []
        await client.close()


@pytest.mark.parametrize("reply", [closing, b"+ go\r\n* BYE\r\n", b"* OK\r\n* BYE x\r\n"])
async def test_closing_at_idle_is_an_error_and_no_hang(tmp_path: Path, reply: Reply) -> None:
    async with scripted(tmp_path, {"IDLE": reply}) as (server, talks):
        client = await ImapClient.open(server, PASSWORD)
        waiting = asyncio.ensure_future(client.idle(0.05))
        if not callable(reply):
            while talks[0].heard[-1:] != ["IDLE"]:
                await asyncio.sleep(0.01)
            talks[0].writer.close()
        with pytest.raises(PeerUnreachable):
            await waiting
        await client.close()


async def test_only_what_was_asked_for_is_taken(tmp_path: Path) -> None:
    injected = (
        b'* 1 FETCH (UID 7 BODY[] "not asked for")\r\n'
        b'* 1 FETCH ("UID" 5 BODY[] "no name")\r\n'
        b'* 1 FETCH (UID {1}\r\n5 BODY[] "no number")\r\n'
        b"* 1 FETCH (UID 5 BODY[] atom)\r\n"
        b"* 1 FETCH (UID 99999999999 BODY[] {1}\r\nx)\r\n"
        b"* 1 FETCH (UID 5 BODY[] {4}\r\nmail)\r\n%t OK\r\n"
    )
    async with scripted(tmp_path, {"UID FETCH": injected}) as (server, _):
        client = await ImapClient.open(server, PASSWORD)
        assert await remote_mailbox.octets(client, [Row(5, 10, frozenset(), None, b"")]) == {
            5: b"mail"
        }
        await client.close()


@pytest.mark.parametrize(
    "selected",
    [
        b"%t OK\r\n",
        b"* OK [UIDVALIDITY 0]\r\n%t OK\r\n",
        b"* 4000000000 EXISTS\r\n* OK [UIDVALIDITY 1]\r\n%t OK\r\n",
    ],
)
async def test_a_mailbox_that_can_not_be_is_refused(tmp_path: Path, selected: bytes) -> None:
    async with scripted(tmp_path, {"EXAMINE": selected}) as (server, _):
        client = await ImapClient.open(server, PASSWORD)
        with pytest.raises(PeerUnreachable, match=r"opens a mailbox|says that a mailbox"):
            await remote_mailbox.open_read_only(client, b"x")
        await client.close()


@pytest.mark.parametrize(
    ("url", "host", "port", "user"),
    [
        ("imaps://alice@mail.example", "mail.example", 993, "alice"),
        ("imaps://alice@a.example@mail.example:1993/", "mail.example", 1993, "alice@a.example"),
        ("imaps://alice%40a.example@mail.example", "mail.example", 993, "alice@a.example"),
    ],
)
def test_addresses_of_accounts(url: str, host: str, port: int, user: str) -> None:
    server = server_of(url)

    assert (server.host, server.port, server.user) == (host, port, user)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("imap://alice@mail.example", "begins in clear"),
        ("imaps://mail.example", "no address of an account"),
        ("imaps://alice@mail.example/INBOX", "no address of an account"),
        ("imaps://alice@mail.example:x", "no address of an account"),
        ("imaps://alice:secret@mail.example", "a password does not belong"),
    ],
)
def test_what_is_no_address_of_an_account(url: str, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        server_of(url)


@pytest.mark.parametrize(
    ("offered", "said"),
    [
        ("AUTH=XOAUTH2 LOGINDISABLED", b"user=a=b,c@d.example\x01auth=Bearer token\x01\x01"),
        ("AUTH=OAUTHBEARER AUTH=XOAUTH2", b"n,a=a=3Db=2Cc@d.example,\x01auth=Bearer token\x01\x01"),
    ],
)
async def test_a_token_logs_in(tmp_path: Path, offered: str, said: bytes) -> None:
    async def answered(talk: Talk) -> None:
        await talk.send(b"+ \r\n")
        talk.heard.append((await talk.reader.readline()).decode().strip())
        await talk.send(b"%t OK in\r\n")

    script: dict[str, Reply] = {
        "CAPABILITY": f"* CAPABILITY IMAP4rev1 {offered}\r\n%t OK\r\n".encode(),
        "AUTHENTICATE": answered,
    }
    async with scripted(tmp_path, script) as (server, talks):
        by_token = structs.replace(server, user="a=b,c@d.example", by_token=True)
        client = await ImapClient.open(by_token, Secret("token"))
        await client.close()

        assert base64.b64decode(talks[0].heard[2]) == said


@pytest.mark.parametrize(("method", "last"), [("XOAUTH2", ""), ("OAUTHBEARER", "AQ==")])
async def test_a_token_that_is_refused_is_one_sentence(
    tmp_path: Path, method: str, last: str
) -> None:
    async def refused(talk: Talk) -> None:
        await talk.send(b"+ \r\n")
        await talk.reader.readline()
        await talk.send(b"+ eyJzdGF0dXMiOiI0MDAifQ==\r\n")
        talk.heard.append((await talk.reader.readline()).decode().strip())
        await talk.send(b"%t NO invalid token\r\n")

    script: dict[str, Reply] = {
        "CAPABILITY": f"* CAPABILITY IMAP4rev1 AUTH={method}\r\n%t OK\r\n".encode(),
        "AUTHENTICATE": refused,
    }
    async with scripted(tmp_path, script) as (server, talks):
        with pytest.raises(BadCredentials, match="invalid token"):
            await ImapClient.open(structs.replace(server, by_token=True), PASSWORD)

        assert talks[0].heard[2] == last


async def test_who_takes_no_token_is_not_given_one(tmp_path: Path) -> None:
    async with scripted(tmp_path, {}) as (server, talks):
        with pytest.raises(Refused, match="takes no token"):
            await ImapClient.open(structs.replace(server, by_token=True), PASSWORD)

        assert talks[0].heard == ["CAPABILITY"]
