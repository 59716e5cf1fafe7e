"""The dialogue over real sockets: order, verdicts, and what is durable before 250."""

import asyncio
import re

import pytest

from mx_core.model.errors import (
    DiskFull,
    PeerUnreachable,
    SchemaTooNew,
    Unavailable,
    UnknownRecipient,
    Untrusted,
)
from smtp_in.limits import Limits
from tests.support.submission import (
    MESSAGE,
    begin,
    begin_data,
    dialog,
    logged_in,
    plain,
    submission_door,
)

pytestmark = pytest.mark.anyio


# ── authentication ───────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("verb", ["AUTH PLAIN", "auth plain", "Auth Login"])
async def test_mechanism_names_have_no_case_and_responses_may_come_on_their_own_line(
    verb: str,
) -> None:
    async with submission_door() as door, dialog(door.clear) as client:
        await client.say("EHLO x")
        assert (await client.say(verb)).startswith("334 ")
        if "plain" in verb.lower():
            answer = await client.say(plain())
        else:
            assert await client.say("YWxpY2VAYS5leGFtcGxl") == "334 UGFzc3dvcmQ6"
            answer = await client.say("Y2FuYXJ5LXBhc3N3b3Jk")

        assert answer == "235 2.7.0 authenticated"
        assert (await client.say("AUTH PLAIN")).startswith("503 5.5.1 ")


async def test_bad_logins_are_answered_alike_and_bounded() -> None:
    async with submission_door(Limits(failed_logins=4)) as door, dialog(door.clear) as client:
        await client.say("EHLO x")
        bad = [plain(password="no"), plain(username="mallory"), "AGFsaWNl"]
        answers = {await client.say(f"AUTH PLAIN {each}") for each in bad}

        assert answers == {"535 5.7.8 user name or password is not right"}
        assert (await client.say(f"AUTH PLAIN {bad[0]}")).startswith("421 4.7.0 ")
        assert await client.ended()


async def test_other_refusals_of_auth_say_what_is_wrong() -> None:
    async with submission_door() as door, dialog(door.clear) as client:
        assert (await client.say("AUTH PLAIN")).startswith("503 5.5.1 ")
        await client.say("EHLO x")
        assert (await client.say("AUTH")).startswith("501 5.5.4 ")
        assert (await client.say("AUTH PLAIN a b")).startswith("501 5.5.4 ")
        assert (await client.say("AUTH SCRAM-SHA-256 abc")).startswith("504 5.5.4 ")
        assert (await client.say("AUTH PLAIN !!!")).startswith("501 5.5.2 ")
        await client.say("AUTH LOGIN")
        assert (await client.say("*")).startswith("501 5.7.0 ")
        door.accounts.failure = Unavailable("the store is locked")
        assert await client.say(f"AUTH PLAIN {plain()}") == "454 4.7.0 the store is locked"
        door.accounts.failure = None
        assert (await client.say(f"AUTH PLAIN {plain()}")).startswith("235 ")


async def test_an_auth_line_may_have_12288_octets_and_a_mail_line_may_not() -> None:
    """RFC 4954 §4; the limits are of this connection and not of the class."""
    async with submission_door() as door:
        for _ in range(2):
            async with dialog(door.clear) as client:
                for _ in range(3):
                    await client.say("EHLO x")
                assert (await client.say("AUTH PLAIN " + "A" * 12_288)).startswith("535 ")
                assert (await client.say("AUTH PLAIN " + "A" * 12_292)).startswith("500 5.5")
                await client.say("AUTH PLAIN")
                assert (await client.say("A" * 12_292)).startswith("500 5.5.6 ")
                assert (await client.say("MAIL FROM:<" + "a" * 3000)).startswith("500 5.5.2 ")
                await client.say("AUTH PLAIN")
                assert (await client.say("A" * 200_000)).startswith("500 5.5.6 ")
                assert await client.ended()


@pytest.mark.parametrize("extra", [b"MAIL FROM:<alice@a.example>\r\n", b"x"])
async def test_nothing_is_taken_that_was_pipelined_behind_auth(extra: bytes) -> None:
    async with submission_door() as door:
        for opening in (b"AUTH PLAIN %s\r\n" % plain().encode(), b"AUTH LOGIN\r\n"):
            async with dialog(door.clear) as client:
                await client.say("EHLO x")
                client.send(opening + extra)

                assert (await client.reply()).startswith("421 4.7.0 ")
                assert await client.ended()
        assert door.accounts.attempts == 0


# ── mail and recipients ──────────────────────────────────────────────────────────────
async def test_commands_out_of_order_are_refused() -> None:
    async with submission_door() as door, dialog(door.clear) as client:
        assert (await client.say("MAIL FROM:<alice@a.example>")).startswith("503 5.5.1 ")
        await client.say("EHLO x")
        for command in ("MAIL FROM:<alice@a.example>", "RCPT TO:<b@b.example>", "DATA"):
            assert (await client.say(command)).startswith("530 5.7.0 ")
        await client.say(f"AUTH PLAIN {plain()}")
        assert (await client.say("RCPT TO:<b@b.example>")).startswith("503 5.5.1 ")
        assert (await client.say("DATA")).startswith("503 5.5.1 ")
        await begin(client)
        assert (await client.say("MAIL FROM:<alice@a.example>")).startswith("503 5.5.1 ")
        assert (await client.say("DATA now")).startswith("501 5.5.4 ")
        assert await client.say("RSET") == "250 2.0.0 OK"
        assert (await client.say("DATA")).startswith("503 5.5.1 ")
        await begin(client)
        await client.say("EHLO x")
        assert (await client.say("DATA")).startswith("503 5.5.1 ")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UnknownRecipient("nobody there has that name"), "550 5.1.1 "),
        (PeerUnreachable("b.example does not answer"), "450 4.4.1 "),
        (Untrusted("pid-changed", "the key of bob has changed"), "550 5.7.5 "),
        (SchemaTooNew("written by a newer version"), "451 4.3.0 "),
    ],
)
async def test_the_verdict_on_a_recipient_is_the_outbox_s(error: Exception, code: str) -> None:
    async with submission_door() as door, logged_in(door) as client:
        door.outbox.verdicts["bob@b.example"] = error  # type: ignore[assignment]
        await client.say("MAIL FROM:<alice@a.example>")

        assert await client.say("RCPT TO:<bob@b.example>") == code + str(error)
        assert (await client.say("DATA")).startswith("503 5.5.1 ")
        assert (await client.say("RCPT TO:<eve@e.example>")).startswith("250 2.1.5 ")


async def test_the_number_of_recipients_is_bounded_and_doubles_are_one() -> None:
    async with submission_door(Limits(recipients=2)) as door, logged_in(door) as client:
        await begin(client, "bob@b.example", "BOB@B.example", "eve@e.example")
        assert (await client.say("RCPT TO:<dan@d.example>")).startswith("452 4.5.3 ")
        await client.say("DATA")
        await client.say(MESSAGE + b".\r\n")

        assert [str(each) for each in door.kept[0].recipients] == ["bob@b.example", "eve@e.example"]


# ── the message ──────────────────────────────────────────────────────────────────────
async def test_250_is_said_only_after_the_outbox_has_the_message() -> None:
    async with submission_door() as door, logged_in(door) as client:
        door.outbox.gate = asyncio.Event()
        await begin_data(client)
        client.send(MESSAGE + b".\r\nNOOP\r\n")
        await door.outbox.asked.wait()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.reader.readexactly(1)
        door.outbox.gate.set()

        assert await client.reply() == "250 2.0.0 queued as 0000000000000001"
        assert await client.reply() == "250 2.0.0 OK"


async def test_a_message_that_can_not_be_made_durable_is_refused_for_now() -> None:
    async with submission_door() as door, logged_in(door) as client:
        door.outbox.failure = DiskFull("the disk is full")
        await begin_data(client)
        assert await client.say(MESSAGE + b".\r\n") == "452 4.3.1 the disk is full"
        door.outbox.failure = None
        await begin_data(client)
        assert (await client.say(MESSAGE + b".\r\n")).startswith("250 ")


async def test_a_bug_gives_a_reference_and_never_its_text() -> None:
    async with submission_door() as door, logged_in(door) as client:
        door.outbox.failure = RuntimeError("canary of the inside")
        await begin_data(client)

        answer = await client.say(MESSAGE + b".\r\n")
        assert re.fullmatch(r"451 4\.3\.0 the gateway failed; its log .* [0-9a-f]{8}", answer)
        assert (await client.say("NOOP")).startswith("250 ")


async def test_a_pipelined_envelope_and_what_follows_the_body_are_all_answered() -> None:
    async with submission_door() as door, logged_in(door) as client:
        client.send(
            b"MAIL FROM:<alice@a.example>\r\nRCPT TO:<bob@b.example>\r\nRCPT TO:<eve@e.example>\r\n"
            b"DATA\r\n"
        )
        replies = [(await client.reply())[:9] for _ in range(4)]
        client.send(MESSAGE + b".\r\nNOOP\r\nRSET\r\nQUIT\r\nNOOP\r\n")
        replies += [(await client.reply())[:9] for _ in range(4)]

        assert replies == [
            "250 2.1.0", "250 2.1.5", "250 2.1.5", "354 end t",
            "250 2.0.0", "250 2.0.0", "250 2.0.0", "221 2.0.0",
        ]  # fmt: skip
        assert await client.ended()
        assert len(door.kept) == 1


async def test_what_came_before_the_end_of_input_is_carried_out() -> None:
    async with submission_door() as door, logged_in(door) as client:
        client.send(
            b"MAIL FROM:<alice@a.example>\r\nRCPT TO:<bob@b.example>\r\nDATA\r\n"
            + MESSAGE + b".\r\nMAIL FR"
        )  # fmt: skip
        client.writer.write_eof()
        replies = [(await client.reply())[:3] for _ in range(4)]

        assert replies == ["250", "250", "354", "250"]
        assert len(door.kept) == 1


async def test_half_a_message_is_never_kept() -> None:
    async with submission_door() as door:
        async with logged_in(door) as client:
            await begin_data(client)
            client.send(MESSAGE)
            client.writer.write_eof()
            assert (await client.reply()).startswith("421 ")
        async with logged_in(door) as client:
            await begin_data(client)
            client.send(MESSAGE + b"\r\n.\r")
            client.writer.transport.abort()
        async with dialog(door.clear):
            pass

        assert door.kept == []


async def test_what_a_lost_connection_held_is_given_back() -> None:
    limits = Limits(message_octets=1000, held_octets=1000)
    async with submission_door(limits) as door:
        for _ in range(3):
            async with logged_in(door) as client:
                await begin_data(client)
                client.send(b"Subject: x\r\n" * 60)
                client.send(b"\0")
            async with logged_in(door) as client:
                await client.say("QUIT")
        async with logged_in(door) as client:
            await begin_data(client)
            assert (await client.say(MESSAGE + b".\r\n")).startswith("250 ")


ENDINGS = (
    b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\n.\r", b"\r\n\0.\r\n",
    b"\r\n.\0\r\n", b"\r\n.\r\r\n", b"\r\r\n.\r\n",
)  # fmt: skip


@pytest.mark.parametrize("ending", ENDINGS)
async def test_a_smuggled_second_message_is_not_sent(ending: bytes) -> None:
    """Nothing is stored, the reply comes at the real end, and the connection is closed."""
    smuggled = b"MAIL FROM:<alice@a.example>\r\nRCPT TO:<eve@e.example>\r\nDATA\r\nx: y\r\n\r\n"
    async with submission_door() as door, logged_in(door) as client:
        await begin_data(client)
        client.send(b"Subject: x\r\n\r\nbody" + ending + smuggled + b"evil\r\n.\r\n")

        assert (await client.reply()).startswith("554 5.6.0 ")
        assert await client.ended()
        assert door.kept == []


async def test_the_size_limit_is_told_at_mail_and_kept_at_data() -> None:
    size = len(MESSAGE)
    async with submission_door(Limits(message_octets=size)) as door, logged_in(door) as client:
        answer = await client.say(f"MAIL FROM:<alice@a.example> SIZE={size + 1}")
        assert answer.startswith("552 5.3.4 ")
        await client.say(f"MAIL FROM:<alice@a.example> SIZE={size} BODY=8BITMIME")
        await client.say("RCPT TO:<bob@b.example>")
        await client.say("DATA")
        wire = MESSAGE.replace(b"\r\n.", b"\r\n..")
        assert (await client.say(wire + b".\r\n")).startswith("250 ")
        await begin_data(client)
        assert (await client.say(wire + b"!\r\n.\r\n")).startswith("552 5.3.4 ")
        assert (await client.say("NOOP")).startswith("250 ")
        assert len(door.kept) == 1


async def test_a_message_without_end_is_hung_up_on() -> None:
    limits = Limits(message_octets=10_000, line_octets=1000)
    async with submission_door(limits) as door:
        for flood, code in (
            ((b"x" * 98 + b"\r\n") * 250, "552 5.3.4 "),
            (b"x" * 2500, "500 5.6.0 "),
        ):
            async with logged_in(door) as client:
                await begin_data(client)
                client.send(flood)
                assert (await client.reply()).startswith(code)
                client.send(b"\r\n.\r\nNOOP\r\n")
                assert await client.ended()

        assert door.kept == []


async def test_a_line_that_is_too_long_is_refused_at_the_end_of_the_message() -> None:
    async with submission_door(Limits(line_octets=1000)) as door, logged_in(door) as client:
        await begin_data(client)
        client.send(b"a: b\r\n\r\n" + b"x" * 1001 + b"\r\n.\r\nNOOP\r\n")

        assert (await client.reply()).startswith("500 5.6.0 ")
        assert (await client.reply()).startswith("250 2.0.0 ")
        assert door.kept == []


async def test_a_quoted_local_part_is_the_same_as_a_plain_one() -> None:
    async with submission_door() as door, logged_in(door) as client:
        assert (await client.say('MAIL FROM:<"alice"@a.example>')).startswith("250 ")
        await client.say("RSET")
        for nobody in ('"a b"@a.example', "a@[127.0.0.1]", "a@[IPv6:::1]"):  # addresses, not ours
            assert (await client.say(f"MAIL FROM:<{nobody}>")).startswith("250 ")
            assert (await client.say("RCPT TO:<bob@b.example>")).startswith("550 5.7.1 ")
            assert (await client.say("DATA")).startswith("503 ")
            await client.say("RSET")
        for nothing in ("a@[]", '""@a.example', "a@[1.2.3.4"):
            assert (await client.say(f"MAIL FROM:<{nothing}>")).startswith("553 5.1.7 ")
        assert (await client.say("MAIL FROM:<eve@e.example>")).startswith("550 5.7.1 ")
        assert (await client.say("mail from: <Alice+x@A.example> AUTH=<> size=10")).startswith(
            "250"
        )
