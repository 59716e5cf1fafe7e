"""The door over real sockets: TLS, deadlines, caps, and what is told."""

import asyncio
import contextlib
import logging
import re
import smtplib

import pytest

from mx_core.ports import Account
from mx_core.trail_port import Step, Trail
from smtp_in.limits import Limits
from tests.support.loopback_tls import client_context
from tests.support.submission import (
    ALICE,
    MESSAGE,
    PASSWORD,
    begin_data,
    dialog,
    logged_in,
    plain,
    submission_door,
)

pytestmark = pytest.mark.anyio


# ── greeting and announcements ───────────────────────────────────────────────────────
async def test_ehlo_announces_what_holds_before_and_after_tls() -> None:
    async with submission_door(Limits(message_octets=1234)) as door:
        async with dialog(door.clear) as client:
            clear = (await client.say("EHLO x")).split("\n")
        async with dialog(door.implicit, tls=client_context()) as client:
            secure = (await client.say("EHLO x")).split("\n")

    dated = [re.sub(r" [0-9-]{10}T[0-9:]{8}Z$", " (in 30 days)", line) for line in clear]
    clear_again = [line for line in clear if "FUTURERELEASE" not in line]
    assert dated == [
        "250-localhost",
        "250-PIPELINING",
        "250-SIZE 1234",
        "250-8BITMIME",
        "250-SMTPUTF8",
        "250-CHUNKING",
        "250-DSN",
        "250-ENHANCEDSTATUSCODES",
        "250-LIMITS RCPTMAX=500",
        "250-FUTURERELEASE 2592000 (in 30 days)",
        "250-STARTTLS",
        "250 AUTH PLAIN LOGIN",
    ]
    without = [line for line in secure if "FUTURERELEASE" not in line]
    assert without == [line for line in clear_again if "STARTTLS" not in line]


async def test_auth_in_clear_is_neither_offered_nor_taken_unless_allowed() -> None:
    asked: list[tuple[object, object]] = []

    def never(peer: tuple[str, int], own: tuple[str, int]) -> bool:
        asked.append((peer, own))
        return False

    async with submission_door(allow_clear=never) as door:
        async with dialog(door.clear) as client:
            assert "AUTH" not in await client.say("EHLO x")
            assert (await client.say(f"AUTH PLAIN {plain()}")).startswith("538 5.7.11 ")
        assert asked[0][0][0] == "127.0.0.1"  # type: ignore[index]
        assert asked[0][1] == ("127.0.0.1", door.clear)
        async with dialog(door.implicit, tls=client_context()) as client:
            await client.say("EHLO x")
            assert (await client.say(f"AUTH PLAIN {plain()}")).startswith("235 ")


async def test_smtplib_logs_in_and_sends_over_starttls_and_implicit_tls() -> None:
    def over_starttls(port: int) -> None:
        with smtplib.SMTP("localhost", port, timeout=10) as client:
            client.starttls(context=client_context())
            client.login(str(ALICE), PASSWORD)
            client.sendmail(str(ALICE), ["bob@b.example"], MESSAGE, mail_options=["BODY=8BITMIME"])

    def over_implicit(port: int) -> None:
        with smtplib.SMTP_SSL("localhost", port, timeout=10, context=client_context()) as client:
            client.login(str(ALICE), PASSWORD)
            client.sendmail(str(ALICE), ["bob@b.example"], MESSAGE)

    async with submission_door(allow_clear=lambda _peer, _own: False) as door:
        await asyncio.to_thread(over_starttls, door.clear)
        await asyncio.to_thread(over_implicit, door.implicit)

        assert [each.octets for each in door.kept] == [MESSAGE, MESSAGE]
        assert [str(each) for each in door.kept[0].recipients] == ["bob@b.example"]


# ── STARTTLS ──
async def test_nothing_injected_before_the_handshake_survives_it() -> None:
    """RFC 3207 §4.2, and the state of the clear phase with it."""
    async with submission_door() as door, dialog(door.clear) as client:
        await client.say("EHLO x")
        await client.say(f"AUTH PLAIN {plain()}")
        await client.say("MAIL FROM:<alice@a.example>")
        assert await client.say(b"STARTTLS\r\nEHLO injected\r\nNOOP\r\n") == (
            "220 2.0.0 ready to start TLS"
        )
        await client.writer.start_tls(client_context(), server_hostname="localhost")

        assert (await client.say("MAIL FROM:<alice@a.example>")).startswith("503 5.5.1 ")
        assert "STARTTLS" not in await client.say("EHLO again")
        assert (await client.say("MAIL FROM:<alice@a.example>")).startswith("530 5.7.0 ")
        assert (await client.say("STARTTLS")).startswith("503 5.5.1 ")
        assert (await client.say(f"AUTH PLAIN {plain()}")).startswith("235 ")
        await begin_data(client)
        client.send(MESSAGE.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        assert (await client.reply()).startswith("250 2.0.0 queued as ")


async def test_a_failed_handshake_ends_the_connection_only() -> None:
    async with submission_door() as door:
        async with dialog(door.clear) as client:
            await client.say("STARTTLS")
            client.send(b"this is no TLS at all\r\n" * 20)
            assert await client.ended()
        async with dialog(door.clear) as client:
            assert (await client.say("EHLO x")).startswith("250-")


# ── bounds of time and number ────────────────────────────────────────────────────────
async def test_connections_are_capped() -> None:
    async with submission_door(Limits(connections=1)) as door:
        async with dialog(door.clear) as first:
            async with dialog(door.clear, greet=False) as second:
                assert (await second.reply()).startswith("421 4.3.2 ")
                assert await second.ended()
            assert (await first.say("NOOP")).startswith("250 ")
            await first.say("QUIT")
            assert await first.ended()
        async with dialog(door.clear) as third:
            assert (await third.say("NOOP")).startswith("250 ")


async def test_a_connection_that_never_logs_in_is_closed() -> None:
    limits = Limits(before_login_seconds=0.05)
    async with submission_door(limits) as door, dialog(door.clear) as client:
        assert (await client.reply()).startswith("421 4.7.0 ")
        assert await client.ended()


async def test_an_idle_connection_is_closed_with_a_word() -> None:
    async with submission_door(Limits(idle_seconds=0.05)) as door, dialog(door.clear) as client:
        assert (await client.reply()).startswith("421 4.4.2 ")
        assert await client.ended()


async def test_a_slow_message_is_not_an_idle_one() -> None:
    """The timer restarts with each piece; aiosmtpd's own runs from the DATA command."""
    async with submission_door(Limits(idle_seconds=0.4)) as door, logged_in(door) as client:
        await begin_data(client)
        for _ in range(7):
            client.send(b"X-Slow: yes\r\n")
            await asyncio.sleep(0.1)
        assert (await client.say(b"\r\nx\r\n.\r\n")).startswith("250 ")


async def test_a_refused_message_may_go_on_for_a_bounded_time_only() -> None:
    limits = Limits(message_octets=1000, drain_seconds=0.05)
    async with submission_door(limits) as door, logged_in(door) as client:
        await begin_data(client)
        client.send(b"x" * 1500)
        await asyncio.sleep(0.1)
        client.send(b"x")
        assert (await client.reply()).startswith("552 5.3.4 ")
        assert await client.ended()


async def test_stopping_lets_a_message_under_way_be_answered() -> None:
    async with submission_door() as door, logged_in(door) as client, dialog(door.clear) as idle:
        door.outbox.gate = asyncio.Event()
        await begin_data(client)
        client.send(MESSAGE + b".\r\n")
        await door.outbox.asked.wait()
        door.stopping.set()
        assert (await idle.reply()).startswith("421 4.3.2 ")
        door.outbox.gate.set()

        assert (await client.reply()).startswith("250 2.0.0 queued")
        assert (await client.reply()).startswith("421 4.3.2 ")


async def test_stopping_does_not_wait_for_ever() -> None:
    async with submission_door(Limits(leaving_seconds=0.05)) as door, logged_in(door) as client:
        await begin_data(client)
        door.stopping.set()
        assert await client.ended()


# ── every reply ──────────────────────────────────────────────────────────────────────
async def test_every_reply_has_an_enhanced_code_of_its_class() -> None:
    commands = [
        b"", b"  ", b"NONSENSE canary", b"\xff\xfe", b"NOOP", b"NOOP x", b"HELP", b"HELP MAIL",
        b"VRFY bob", b"EXPN x", b"RSET", b"RSET x", b"EHLO", b"HELO", b"STARTTLS x", b"BDAT 0",
        b"MAIL", b"MAIL FROM:", b"MAIL FROM:alice", b"MAIL FROM:<>", b"RCPT", b"RCPT TO:<>",
        b"RCPT TO:<b\xc3\xb6b@b.example>", b"RCPT TO:<bob>", b"RCPT TO:<bob@b.example> NOTIFY=SOMETIMES",
        b"MAIL FROM:<alice@a.example> SIZE=x", b"A" * 5000, b"A" * 100_000, b"AUTH PLAIN", b"RSET",
        b"MAIL FROM:<eve@e.example>", b"MAIL FROM:<alice@a.example> FOO=BAR", b"NOPE", b"NOPE",
    ]  # fmt: skip
    async with submission_door() as door, logged_in(door) as client:
        for command in commands:
            answer = await client.say(command + b"\r\n")

            assert re.match(r"([245])\d\d \1\.\d{1,3}\.\d{1,3} \S", answer), (command, answer)
            assert "canary" not in answer
        assert await client.say("HELO x") == "250 localhost"


async def test_a_command_that_nobody_knows_is_the_client_s_fault_and_costs_nothing() -> None:
    """451 would say that the gateway has failed, and a mail program would try again."""
    async with submission_door() as door, logged_in(door) as client:
        for command in (b"NONSENSE", b"X" * 300, b"\xff\xfe", b"CONTENT-TYPE: text/plain"):
            answer = await client.say(command + b"\r\n")

            assert answer.startswith(("500 5.5.1 ", "500 5.5.2 ")), (command, answer)


async def test_the_library_logs_nothing_that_was_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with submission_door() as door, logged_in(door) as client:
        await begin_data(client)
        await client.say(MESSAGE + b"canary-line\r\n.\r\n")
        await client.say("CANARY-COMMAND with an argument")

    said = caplog.text.lower()
    assert not any(word in said for word in ("canary", "alice", "bob", plain().lower()))


class Told(Trail):
    """Everything that was told of one connection."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def reached(self, step: Step) -> None:
        self.heard.append(step.value)

    def is_called(self, name: str) -> None:
        self.heard.append(f"is {name}")

    def belongs_to(self, account: Account) -> None:
        self.heard.append(f"of {account.address}")

    def is_refused(self) -> None:
        self.heard.append("refused")


@pytest.mark.parametrize("implicit", [True, False], ids=["implicit", "starttls"])
async def test_each_step_of_a_mail_program_is_told_as_it_is_taken(implicit: bool) -> None:
    told = Told()

    def work() -> None:
        if implicit:
            client: smtplib.SMTP = smtplib.SMTP_SSL(
                "localhost", door.implicit, timeout=10, context=client_context()
            )
        else:
            client = smtplib.SMTP("localhost", door.clear, timeout=10)
            client.starttls(context=client_context())
        with client:
            with contextlib.suppress(smtplib.SMTPAuthenticationError):
                client.login(str(ALICE), "wrong")
            client.login(str(ALICE), PASSWORD)
            client.sendmail(str(ALICE), ["bob@b.example"], b"Subject: x\r\n\r\nhello\r\n")

    async with submission_door(observer=lambda: told) as door:
        await asyncio.to_thread(work)

    first = ["reached", "secured", "refused"]
    assert list(dict.fromkeys(told.heard)) == [*first, f"of {ALICE}", "submitted"]
