"""Permission asked for and kept, against a real authorization server over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec
import pytest
from msgspec import structs

from gateway.legacy.client import ImapClient
from gateway.legacy.logging_in import Login, logged_in
from gateway.legacy.oauth import asking, grants
from gateway.legacy.oauth.grants import AskedGrant, Grants, NoGrants
from gateway.legacy.relay_account import RelayAccount, RelayAccounts
from gateway.legacy.smtp_relay import SmtpRelay
from mx_core.model.address import Address
from mx_core.model.errors import BadCredentials, PeerUnreachable, Refused, Unavailable
from mx_core.store.account_store import AccountStore
from tests.support.authorization_server import AuthorizationServer, authorization_server
from tests.support.imap_script import Reply, Talk, scripted
from tests.support.loopback_tls import client_context
from tests.support.smtp_sink import smtp_sink
from tests.support.stores import STORE_KEY, Clock, open_store

pytestmark = pytest.mark.anyio

USER = "alice@old.example"
ASKED = AskedGrant(USER, "isp")


@dataclass
class Room:
    server: AuthorizationServer
    store: AccountStore
    clock: Clock
    grants: Grants
    folder: Path

    async def granted(self) -> None:
        """Get permission by a browser."""
        told = await self.grants.begin(ASKED)
        assert await self.server.browse(told["url"]) == 200
        assert await self.grants.wait(told["id"])

    def started_anew(self) -> Grants:
        return Grants(self.store.settings, {"isp": self.server.table}, self.clock)


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    clock = Clock()
    async with authorization_server() as server:
        store = open_store(tmp_path / "account", clock, STORE_KEY)
        made = Grants(store.settings, {"isp": server.table}, clock)
        yield Room(server, store, clock, made, tmp_path / "account")
        made.close()
        store.close()


# ── the browser ─────────────────────────────────────────────────────────────────────
async def test_a_browser_brings_permission_and_it_outlives_the_gateway(room: Room) -> None:
    await room.granted()
    (path, form), *_ = room.server.asked

    assert (path, form["grant_type"]) == ("/token", "authorization_code")
    assert await room.grants.all() == [{"user": USER, "provider": "isp"}]
    assert (await room.started_anew().token(USER)).reveal() in room.server.shown


async def test_what_does_not_answer_the_question_is_told_so_and_changes_nothing(room: Room) -> None:
    told = await room.grants.begin(ASKED)
    right = room.server.visited(told["url"])
    base, _, query = right.partition("?")
    async with httpx.AsyncClient(trust_env=False) as other:
        statuses = [
            (await other.get(f"{base}?code=mallory")).status_code,
            (await other.get(f"{base}?code=mallory&state=x")).status_code,
            (await other.get(f"{base}?state=x&error=access_denied")).status_code,
            (await other.get(f"{base}?{query}&state=second")).status_code,
            (await other.post(right)).status_code,
        ]
    assert statuses == [400] * 5
    assert not room.server.asked

    assert await room.server.browse(told["url"]) == 200
    assert await room.grants.wait(told["id"])


async def test_a_no_is_one_sentence_and_ends_it(room: Room) -> None:
    room.server.consent = False
    told = await room.grants.begin(ASKED)
    await room.server.browse(told["url"])

    with pytest.raises(Refused, match="permission was not given: access_denied"):
        await room.grants.wait(told["id"])
    with pytest.raises(Refused, match="begin again"):
        await room.grants.wait(told["id"])


async def test_who_waits_is_answered_after_a_while_and_waits_again(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grants, "_WAIT_SECONDS", 0.01)
    told = await room.grants.begin(ASKED)

    assert not await room.grants.wait(told["id"])
    await room.server.browse(told["url"])
    assert await room.grants.wait(told["id"])


async def test_nobody_answers_and_the_port_is_closed(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "BROWSER_SECONDS", 0.01)
    told = await room.grants.begin(ASKED)

    with pytest.raises(Refused, match="in time"):
        await room.grants.wait(told["id"])
    with pytest.raises(httpx.ConnectError):
        await room.server.browse(told["url"])


async def test_a_code_that_somebody_saw_is_of_no_use_without_the_verifier(room: Room) -> None:
    told = await room.grants.begin(ASKED)
    room.server.visited(told["url"])
    (code,) = room.server.codes
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": "guessed"}
    table = room.server.table
    form |= {"client_id": table.client_id, "client_secret": table.client_secret}
    status, _ = room.server.answer("/token", form | {"redirect_uri": "x"})

    assert status == 400


async def test_only_so_many_are_asked_for_at_once(room: Room) -> None:
    first = await room.grants.begin(ASKED)
    for _ in range(grants._ASKING_MAX):
        await room.grants.begin(ASKED)

    with pytest.raises(Refused, match="begin again"):
        await room.grants.wait(first["id"])


# ── a code on another device ────────────────────────────────────────────────────────
async def test_a_code_is_typed_elsewhere_and_waited_for_at_the_pace_that_is_asked(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_SHORTEST_SECONDS", 0.01)
    monkeypatch.setattr(asking, "_LONGEST_SECONDS", 0.01)
    room.server.consent = None
    told = await room.grants.begin(msgspec.structs.replace(ASKED, device=True))
    waiting = asyncio.ensure_future(room.grants.wait(told["id"]))
    while len(room.server.asked) < 3:
        await asyncio.sleep(0.005)
    room.server.consent = True

    assert (told["code"], told["url"]) == ("ABCD-EFGH", f"http://127.0.0.1:{room.server.port}/type")
    assert await waiting
    assert (await room.grants.token(USER)).reveal() in room.server.shown


async def test_a_code_that_is_denied_or_never_typed_ends_it(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_LONGEST_SECONDS", 0.01)
    room.server.consent = False
    denied = await room.grants.begin(msgspec.structs.replace(ASKED, device=True))
    with pytest.raises(Refused, match="access_denied"):
        await room.grants.wait(denied["id"])
    monkeypatch.setattr(asking, "_DEVICE_SECONDS", 0.0)
    never = await room.grants.begin(msgspec.structs.replace(ASKED, device=True))

    with pytest.raises(Refused, match="not typed in time"):
        await room.grants.wait(never["id"])


async def test_slow_down_is_heeded(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_LONGEST_SECONDS", 0.01)
    monkeypatch.setattr(asking, "_SLOWER_SECONDS", 60.0)
    monkeypatch.setattr(grants, "_WAIT_SECONDS", 0.1)
    told = await room.grants.begin(msgspec.structs.replace(ASKED, device=True))
    room.server.answers["/token"] = (400, b'{"error": "slow_down"}')

    assert not await room.grants.wait(told["id"])
    assert not await room.grants.wait(told["id"])
    assert [path for path, _ in room.server.asked] == ["/device", "/token"]


async def test_google_gives_no_codes_for_mail(room: Room) -> None:
    with pytest.raises(Refused, match="use a browser"):
        await room.grants.begin(AskedGrant(USER, "google", "id", device=True))


# ── tokens ──────────────────────────────────────────────────────────────────────────
async def test_a_token_is_shown_until_shortly_before_its_end_and_then_renewed(room: Room) -> None:
    await room.granted()
    first = (await room.grants.token(USER)).reveal()
    room.clock.at += room.server.lasts - 121
    same = (await room.grants.token(USER)).reveal()
    room.clock.at += 2
    renewed, again = await asyncio.gather(room.grants.token(USER), room.grants.token(USER))

    assert first == same
    assert renewed.reveal() == again.reveal() != first
    assert [form["grant_type"] for _, form in room.server.asked].count("refresh_token") == 1
    assert (await room.started_anew().token(USER)).reveal() in room.server.shown  # the rotated one


async def test_a_permission_that_has_ended_says_what_to_do(room: Room) -> None:
    await room.granted()
    room.server.good.clear()

    with pytest.raises(Refused, match=r"has ended .*gone for good\): mx-gateway oauth grant"):
        await room.started_anew().token(USER)


@pytest.mark.parametrize(
    "answer",
    [
        (500, b"{}"),
        (429, b'{"error": "too_many"}'),
        (200, b"not json"),
        (200, b'{"access_token": ""}'),
        (200, b'{"access_token": "a\\r\\nb"}'),
        (200, b'{"access_token": "x", "token_type": "mac"}'),
        (200, b'{"access_token": "' + b"x" * 70_000 + b'"}'),
        (302, b""),
    ],
)
async def test_an_answer_that_is_none_is_tried_again_later(
    room: Room, answer: tuple[int, bytes]
) -> None:
    await room.granted()
    room.server.answers["/token"] = answer
    with pytest.raises(Unavailable):
        await room.started_anew().token(USER)
    room.server.answers.clear()

    assert (await room.started_anew().token(USER)).reveal() in room.server.shown


async def test_without_a_refresh_token_nothing_is_kept(room: Room) -> None:
    room.server.offline = False
    told = await room.grants.begin(ASKED)
    await room.server.browse(told["url"])

    with pytest.raises(Refused, match="for an hour only"):
        await room.grants.wait(told["id"])
    assert await room.grants.all() == []


async def test_removed_it_is_ended_at_the_provider_and_forgotten(room: Room) -> None:
    await room.granted()

    assert await room.grants.remove(USER)
    assert not room.server.good
    with pytest.raises(Refused, match="no permission"):
        await room.grants.token(USER)
    with pytest.raises(Refused, match="no permission"):
        await room.grants.remove(USER)


async def test_nothing_of_it_lies_on_the_disk_in_clear(room: Room) -> None:
    await room.granted()
    (token,) = room.server.good
    files = [path for path in room.folder.rglob("*") if path.is_file()]

    assert files
    for path in files:
        octets = path.read_bytes()
        for secret in (token, "access-canary", "client-secret-canary"):
            assert secret.encode() not in octets


# ── where it logs in ────────────────────────────────────────────────────────────────
async def test_mail_is_pulled_with_a_token_and_one_that_is_refused_is_not_shown_again(
    room: Room, tmp_path: Path
) -> None:
    await room.granted()
    shown: list[str] = []

    async def authenticate(talk: Talk) -> None:
        await talk.send(b"+ \r\n")
        line = (await talk.reader.readline()).strip()
        shown.append(line.decode())
        if len(shown) == 1:
            await talk.send(b"+ eyJ9\r\n")
            await talk.reader.readline()
            await talk.send(b"%t NO [AUTHENTICATIONFAILED] expired\r\n")
        else:
            await talk.send(b"%t OK\r\n")

    script: dict[str, Reply] = {
        "CAPABILITY": b"* CAPABILITY IMAP4rev1 IDLE AUTH=XOAUTH2\r\n%t OK\r\n",
        "AUTHENTICATE XOAUTH2": authenticate,
    }
    async with scripted(tmp_path, script) as (named, _):
        server = structs.replace(named, user=USER, by_token=True)
        with pytest.raises(BadCredentials):
            await logged_in(server, Login(oauth=True), room.grants)
        client = await logged_in(server, Login(oauth=True), room.grants)
        await client.close()

    assert isinstance(client, ImapClient)
    assert len(set(shown)) == 2


async def test_ordinary_mail_leaves_with_a_token_and_waits_when_permission_has_ended(
    room: Room,
) -> None:
    await room.granted()
    token = (await room.grants.token(USER)).reveal()
    alice, dora = Address.parse("alice@a.example"), Address.parse("dora@old.example")
    async with smtp_sink() as sink:
        sink.extensions = ("AUTH XOAUTH2 PLAIN",)
        sink.tokens.add((USER, token))
        account = RelayAccount("localhost", sink.port, True, USER, "", oauth=True)
        await RelayAccounts(room.store.settings).put(account)
        relay = SmtpRelay(client_context, room.grants)
        await relay.send(account, alice, dora, b"Subject: x\r\n\r\nx\r\n")
        await relay.close()
        room.server.good.clear()
        room.grants.forget(USER)
        with pytest.raises(PeerUnreachable, match="has ended"):
            await SmtpRelay(client_context, room.grants).send(account, alice, dora, b"\r\nx\r\n")
        sink.extensions = ("AUTH PLAIN",)
        with pytest.raises(PeerUnreachable, match="takes no token"):
            await SmtpRelay(client_context, room.grants).send(account, alice, dora, b"\r\nx\r\n")

    assert len(sink.taken) == 1


async def test_without_any_permission_the_sentence_says_how_to_get_one() -> None:
    with pytest.raises(Refused, match="mx-gateway oauth grant"):
        await NoGrants().token(USER)
