"""The door over real sockets: who is there, what is taken, and every bound that is crossed."""

from __future__ import annotations

import asyncio
import smtplib

import pytest

from mx_core.model.errors import Busy, NotPermitted, PeerUnreachable
from tests.support.door import MESSAGE, open_door
from tests.support.loopback_tls import client_context
from tests.support.submission import Dialog, dialog

pytestmark = pytest.mark.anyio


async def begin(client: Dialog, *recipients: str, sender: str = "carol@c.example") -> None:
    assert (await client.say("EHLO mail.c.example")).startswith("250-b.example\n")
    assert await client.say(f"MAIL FROM:<{sender}>") == "250 2.1.0 sender accepted"
    for recipient in recipients or ("bob@b.example",):
        assert (await client.say(f"RCPT TO:<{recipient}>")).startswith("250 2.1.5 ")


async def send(client: Dialog, message: bytes = MESSAGE) -> str:
    assert (await client.say("DATA")).startswith("354 ")
    client.send(message.replace(b"\r\n.", b"\r\n..") + b".\r\n")
    return await client.reply()


# ── what is said ─────────────────────────────────────────────────────────────────────
async def test_it_announces_what_holds_and_lets_nobody_log_in() -> None:
    async with open_door(message_octets=1234, recipients=7) as door, dialog(door.port) as client:
        told = (await client.say("EHLO x")).split("\n")
        login = await client.say("AUTH PLAIN AGEAYQ==")

    assert told == [
        "250-b.example",
        "250-PIPELINING",
        "250-SIZE 1234",
        "250-8BITMIME",
        "250-SMTPUTF8",
        "250-ENHANCEDSTATUSCODES",
        "250-LIMITS RCPTMAX=7",
        "250 STARTTLS",
    ]
    assert login.startswith("502 5.5.1 ")


async def test_a_message_is_taken_octet_for_octet_with_what_was_seen_of_its_sender() -> None:
    async with open_door() as door, dialog(door.port) as client:
        await begin(client, "bob+news@B.Example", "alice@b.example", "BOB@b.example")
        assert await send(client) == "250 2.0.0 sealed, and kept for every recipient"

    [taken] = door.behind.taken
    assert taken.octets == MESSAGE
    assert taken.mail_from == "carol@c.example"
    assert (taken.peer.ip, taken.peer.helo, taken.peer.tls) == (
        "127.0.0.1",
        "mail.c.example",
        False,
    )
    assert [(one.given, str(one.whose)) for one in taken.recipients] == [
        ("bob+news@B.Example", "bob@b.example"),
        ("alice@b.example", "alice@b.example"),
    ]


async def test_smtplib_brings_mail_inside_of_tls() -> None:
    def bring(port: int) -> None:
        with smtplib.SMTP("localhost", port, timeout=10) as client:
            client.starttls(context=client_context())
            client.sendmail("carol@c.example", ["bob@b.example"], MESSAGE)

    async with open_door() as door:
        await asyncio.to_thread(bring, door.port)

    assert [(one.octets, one.peer.tls) for one in door.behind.taken] == [(MESSAGE, True)]


async def test_nothing_said_in_clear_survives_the_handshake() -> None:
    """RFC 3207 §4.2."""
    async with open_door() as door, dialog(door.port) as client:
        await begin(client)
        assert await client.say(b"STARTTLS\r\nEHLO injected\r\nNOOP\r\n") == (
            "220 2.0.0 ready to start TLS"
        )
        await client.writer.start_tls(client_context(), server_hostname="localhost")
        first = await client.say("RCPT TO:<bob@b.example>")
        mail = await client.say("MAIL FROM:<x@c.example>")

    assert first.startswith("503 5.5.1 ")
    assert mail.startswith("503 5.5.1 ")


# ── who is there ─────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("path", "reply"),
    [
        ("<nobody@b.example>", "550 5.1.1 "),
        ("<bob@c.example>", "550 5.7.1 "),
        ("<bob@sub.b.example>", "550 5.7.1 "),
        ("<bob>", "550 5.7.1 "),
        ("<bob%c.example@b.example>", "550 5.1.1 "),
        ('<"bob smith"@b.example>', "550 5.1.1 "),
        ("<@relay.example:bob@b.example>", "250 2.1.5 "),
        ("<bob@[127.0.0.1]>", "550 5."),
        ("<+x@b.example>", "550 5.1.1 "),
        ("<>", "501 5.5.4 "),
        ("bob@b.example", "501 5.5.4 "),
        ("<bob@b.example> NOTIFY=SUCCESS", "555 5.5.4 "),
        ("<zoë@b.example>", "553 5.6.7 "),
        ("<postmaster>", "250 2.1.5 "),
        ("<PostMaster@b.example>", "250 2.1.5 "),
    ],
)
async def test_a_recipient_is_somebody_here_or_nobody(path: str, reply: str) -> None:
    async with open_door(aliases={"postmaster": "alice"}) as door, dialog(door.port) as client:
        await client.say("EHLO x")
        await client.say("MAIL FROM:<carol@c.example>")
        told = await client.say(f"RCPT TO:{path}")

    assert told.startswith(reply)


async def test_an_alias_leads_to_the_mailbox_of_a_person() -> None:
    async with open_door(aliases={"abuse": "alice"}) as door, dialog(door.port) as client:
        await begin(client, "abuse@b.example")
        await send(client)

    [taken] = door.behind.taken
    assert [(one.given, str(one.whose)) for one in taken.recipients] == [
        ("abuse@b.example", "alice@b.example")
    ]


async def test_bounces_come_from_the_null_sender_and_are_taken() -> None:
    async with open_door() as door, dialog(door.port) as client:
        await begin(client, sender="")
        await send(client)

    assert [one.mail_from for one in door.behind.taken] == [""]


@pytest.mark.parametrize(
    ("argument", "reply"),
    [
        ("<carol@c.example> SIZE=99999999", "552 5.3.4 "),
        ("<carol@c.example> SIZE=x", "501 5.5.4 "),
        ("<carol@c.example> BODY=8BITMIME SIZE=10", "250 "),
        ("<carol@c.example> BODY=BINARYMIME", "501 5.5.4 "),
        ("<carol@c.example> AUTH=<>", "555 5.5.4 "),
        ("<carol@c.example> RET=FULL", "555 5.5.4 "),
        ("<zoë@c.example>", "553 5.6.7 "),
        ("<zoë@c.example> SMTPUTF8", "250 "),
        ("<carol>", "553 5.1.7 "),
        ('<"carol x"@c.example>', "553 5.1.7 "),
        ("carol@c.example", "501 5.5.4 "),
    ],
)
async def test_a_sender_is_an_address_or_none(argument: str, reply: str) -> None:
    async with open_door() as door, dialog(door.port) as client:
        await client.say("EHLO x")

        assert (await client.say(f"MAIL FROM:{argument}")).startswith(reply)


async def test_commands_out_of_order_are_told_what_comes_first() -> None:
    async with open_door() as door, dialog(door.port) as client:
        assert (await client.say("MAIL FROM:<a@c.example>")).startswith("503 5.5.1 say EHLO")
        await client.say("HELO x")
        assert (await client.say("RCPT TO:<bob@b.example>")).startswith("503 5.5.1 MAIL")
        assert (await client.say("DATA")).startswith("503 5.5.1 MAIL")
        await client.say("MAIL FROM:<a@c.example>")
        assert (await client.say("MAIL FROM:<a@c.example>")).startswith("503 5.5.1 ")
        assert (await client.say("DATA")).startswith("503 5.5.1 no recipient")
        await client.say("RSET")
        assert (await client.say("RCPT TO:<bob@b.example>")).startswith("503 5.5.1 MAIL")
        assert (await client.say("VRFY bob")).startswith("252 ")
        assert (await client.say("EXPN list")).startswith("50")
        assert (await client.say("BDAT 3 LAST")).startswith("500 5.5.1 ")


# ── what is not taken ────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("octet", [b"\r", b"\n", b"\0"])
async def test_a_bare_octet_ends_the_connection(octet: bytes) -> None:
    """Two servers that see two ends in one message could be made to disagree."""
    async with open_door() as door, dialog(door.port) as client:
        await begin(client)
        assert (await send(client, b"Subject: x\r\n\r\na" + octet + b"b\r\n")).startswith(
            "554 5.6.0 "
        )
        assert await client.ended()

    assert door.behind.taken == []


async def test_what_is_too_large_or_has_too_long_a_line_is_refused() -> None:
    small = open_door(message_octets=2_000, line_octets=1_000)
    async with small as door, dialog(door.port) as client:
        await begin(client)
        assert (await send(client, b"a\r\n" * 900)).startswith("552 5.3.4 ")
        await begin(client)
        assert (await send(client, b"a" * 1_500 + b"\r\n")).startswith("500 5.6.0 ")
        await begin(client)
        assert (await send(client)).startswith("250 ")

    assert len(door.behind.taken) == 1


async def test_a_line_without_an_end_is_cut_off() -> None:
    async with open_door(line_octets=1_000) as door, dialog(door.port) as client:
        await begin(client)
        await client.say("DATA")
        client.send(b"a" * 10_000)
        assert (await client.reply()).startswith("500 5.6.0 ")
        assert await client.ended()


async def test_all_connections_together_hold_so_much_and_no_more() -> None:
    full = open_door(held_octets=3_000)
    async with full as door, dialog(door.port) as first, dialog(door.port) as second:
        await begin(first)
        await first.say("DATA")
        first.send(b"a\r\n" * 800)
        await asyncio.sleep(0.1)
        await begin(second)
        assert (await send(second, b"b\r\n" * 800)).startswith("452 4.3.1 ")
        first.send(b".\r\n")
        assert (await first.reply()).startswith("250 ")


@pytest.mark.parametrize(
    ("error", "reply"),
    [
        (Busy("the mailbox takes no more mail for now"), "450 4.3.2 "),
        (PeerUnreachable("away"), "450 4.4.1 "),
        (NotPermitted("rejected (DMARC)"), "550 5.7.1 "),
        (RuntimeError("a secret"), "451 4.3.0 "),
    ],
)
async def test_what_is_not_kept_is_still_its_senders(error: Exception, reply: str) -> None:
    async with open_door() as door, dialog(door.port) as client:
        door.behind.failure = error
        await begin(client)
        told = await send(client)
        door.behind.failure = None
        await begin(client)
        again = await send(client)

    assert told.startswith(reply)
    assert "secret" not in told
    assert again.startswith("250 ")


async def test_while_the_home_server_is_away_nobody_is_told_to_be_nobody() -> None:
    async with open_door() as door, dialog(door.port) as client:
        door.behind.away = PeerUnreachable("away")
        await client.say("EHLO x")
        await client.say("MAIL FROM:<carol@c.example>")

        assert (await client.say("RCPT TO:<bob@b.example>")).startswith("450 4.4.1 ")


# ── bounds ───────────────────────────────────────────────────────────────────────────
async def test_who_tries_names_waits_and_is_sent_away() -> None:
    async with open_door(wrong_recipients=3) as door, dialog(door.port) as client:
        await client.say("EHLO x")
        await client.say("MAIL FROM:<carol@c.example>")
        told = [await client.say(f"RCPT TO:<name{n}@b.example>") for n in range(3)]
        assert await client.ended()

    assert [one[:3] for one in told] == ["550", "550", "421"]


async def test_a_refused_name_is_answered_late_and_nobody_else_waits() -> None:
    late = open_door(tarpit_seconds=3_600.0, leaving_seconds=0.1)
    async with late as door, dialog(door.port) as slow:
        await slow.say("EHLO x")
        await slow.say("MAIL FROM:<carol@c.example>")
        slow.send("RCPT TO:<nobody@b.example>")
        while door.behind.asked != ["nobody"]:
            await asyncio.sleep(0.01)
        async with dialog(door.port) as quick:
            await begin(quick)
            assert (await send(quick)).startswith("250 ")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await slow.reader.read(1)


async def test_recipients_messages_and_connections_are_bounded() -> None:
    async with (
        open_door(
            recipients=1, messages_per_connection=1, connections_per_peer=2, connections=2
        ) as door,
        dialog(door.port) as client,
        dialog(door.port),
    ):
        async with dialog(door.port, greet=False) as third:
            assert (await third.reply()).startswith("421 4.")
            assert await third.ended()
        await begin(client)
        assert (await client.say("RCPT TO:<alice@b.example>")).startswith("452 4.5.3 ")
        await send(client)
        assert (await client.say("MAIL FROM:<x@c.example>")).startswith("421 4.7.0 ")
        assert await client.ended()


async def test_one_address_has_so_many_connections_and_no_more() -> None:
    async with open_door(connections_per_peer=1) as door, dialog(door.port) as first:
        async with dialog(door.port, greet=False) as second:
            second.writer.write_eof()
            assert (await second.reply()).startswith("421 4.7.0 too many connections from your")
            assert await second.ended()
        assert (await first.say("NOOP")).startswith("250 ")
    async with open_door(connections_per_peer=1) as door:
        for _ in range(3):  # one after the other
            async with dialog(door.port) as client:
                assert (await client.say("QUIT")).startswith("221 ")
                assert await client.ended()


async def test_idleness_and_a_long_session_end() -> None:
    async with open_door(idle_seconds=0.05) as door, dialog(door.port) as client:
        assert (await client.reply()).startswith("421 4.4.2 ")
    async with open_door(session_seconds=0.05) as door, dialog(door.port) as client:
        assert (await client.reply()).startswith("421 4.4.2 ")


async def test_a_shutdown_lets_a_message_under_way_be_kept() -> None:
    async with open_door() as door, dialog(door.port) as client:
        door.behind.gate = asyncio.Event()
        await begin(client)
        await client.say("DATA")
        client.send(MESSAGE + b".\r\n")
        await asyncio.sleep(0.05)
        door.stopping.set()
        await asyncio.sleep(0.05)
        door.behind.gate.set()
        assert (await client.reply()).startswith("250 ")

    assert len(door.behind.taken) == 1
