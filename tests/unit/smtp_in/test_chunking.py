"""BDAT and SMTPUTF8 over real sockets.  RFC 3030, RFC 6531."""

import asyncio

import pytest

from smtp_in.limits import Limits
from tests.support.submission import MESSAGE, begin, dialog, logged_in, plain, submission_door

pytestmark = pytest.mark.anyio


def chunk(octets: bytes, *, last: bool = False) -> bytes:
    return b"BDAT %d%b\r\n%b" % (len(octets), b" LAST" if last else b"", octets)


async def test_a_message_in_chunks_is_taken_as_it_came() -> None:
    async with submission_door() as door, logged_in(door) as client:
        await begin(client)
        half = len(MESSAGE) // 2
        assert await client.say(chunk(MESSAGE[:half])) == f"250 2.0.0 {half} octets received"
        answer = await client.say(chunk(MESSAGE[half:], last=True))

        assert answer == "250 2.0.0 queued as 0000000000000001"
        assert door.kept[0].octets == MESSAGE


async def test_everything_may_come_in_one_packet_and_commands_behind_it_are_heard() -> None:
    async with submission_door() as door, logged_in(door) as client:
        client.send(
            b"MAIL FROM:<alice@a.example>\r\nRCPT TO:<bob@b.example>\r\n"
            + chunk(MESSAGE)
            + chunk(b"", last=True)
            + b"NOOP\r\n"
        )
        answers = [await client.reply() for _ in range(5)]

        assert [answer[:3] for answer in answers] == ["250"] * 5
        assert len(door.kept) == 1


@pytest.mark.parametrize("step", [1, 7])
async def test_a_message_may_come_octet_by_octet(step: int) -> None:
    wire = chunk(b"Subject: x\r\n\r\n.\r\n", last=True)
    async with submission_door() as door, logged_in(door) as client:
        await begin(client)
        for at in range(0, len(wire), step):
            client.send(wire[at : at + step])
            await asyncio.sleep(0)

        assert (await client.reply()).startswith("250 2.0.0 queued")
        assert door.kept[0].octets.endswith(b"Subject: x\r\n\r\n.\r\n")


async def test_chunks_out_of_order_are_refused_and_their_octets_are_no_commands() -> None:
    trap = b"MAIL FROM:<alice@a.example>\r\n"
    async with submission_door() as door:
        async with dialog(door.clear) as client:
            await client.say("EHLO x")
            assert (await client.say(chunk(trap))).startswith("530 5.7.0 ")
            await client.say(f"AUTH PLAIN {plain()}")
            assert (await client.say(chunk(trap))).startswith("503 5.5.1 ")
            await client.say("MAIL FROM:<alice@a.example>")
            assert (await client.say(chunk(trap, last=True))).startswith("503 5.5.1 ")
            await client.say("RCPT TO:<bob@b.example>")
            await client.say(chunk(MESSAGE))
            assert (await client.say("DATA")).startswith("503 5.5.1 ")
            await client.say("RSET")
            assert (await client.say(chunk(b"", last=True))).startswith("503 5.5.1 ")
        assert door.kept == []


async def test_a_chunk_of_unknown_length_ends_the_connection() -> None:
    async with submission_door() as door, logged_in(door) as client:
        await begin(client)
        client.send(b"BDAT many\r\nMAIL FROM:<alice@a.example>\r\n")

        assert (await client.reply()).startswith("501 5.5.4 ")
        assert await client.ended()
        assert door.kept == []


async def test_a_message_over_the_limit_is_refused_and_the_next_one_is_taken() -> None:
    limits = Limits(message_octets=1_000)
    async with submission_door(limits) as door, logged_in(door) as client:
        await begin(client)
        await client.say(chunk(b"x" * 70 + b"\r\n"))
        assert (await client.say(chunk(b"x" * 990))).startswith("552 5.3.4 ")
        assert (await client.say(chunk(b"x", last=True))).startswith("503 5.5.1 ")
        await begin(client)
        assert (await client.say(chunk(MESSAGE, last=True))).startswith("250 2.0.0 ")
        assert (await client.say("BDAT 2001")).startswith("552 5.3.4 ")
        assert await client.ended()


async def test_a_connection_that_is_lost_between_chunks_gives_its_room_back() -> None:
    limits = Limits(held_octets=len(MESSAGE) + 10)
    async with submission_door(limits) as door:
        async with logged_in(door) as client:
            await begin(client)
            await client.say(chunk(MESSAGE))
        async with logged_in(door) as client:
            await begin(client)
            for _ in range(100):
                answer = await client.say(chunk(MESSAGE, last=True))
                if answer.startswith("250 "):
                    break
                await begin(client)  # the lost connection is noticed a moment later

            assert answer.startswith("250 ")


async def test_a_bare_octet_in_a_chunk_is_refused() -> None:
    async with submission_door() as door, logged_in(door) as client:
        await begin(client)

        assert (await client.say(chunk(b"a\nb\r\n", last=True))).startswith("554 5.6.")
        assert door.kept == []


async def test_an_address_with_more_than_ascii_needs_smtputf8() -> None:
    async with submission_door() as door, logged_in(door) as client:
        await client.say("MAIL FROM:<alice@a.example>")
        assert (await client.say("RCPT TO:<jörg@b.example>")).startswith("553 5.6.7 ")
        await client.say("RSET")
        assert (await client.say("MAIL FROM:<älice@a.example>")).startswith("553 5.6.7 ")
        assert await client.say("MAIL FROM:<alice@a.example> SMTPUTF8") == (
            "250 2.1.0 sender accepted"
        )
        assert (
            await client.say("RCPT TO:<jörg@b.example>")
            == "250 2.1.5 recipient accepted: end-to-end encrypted"
        )
        assert (await client.say(chunk(MESSAGE, last=True))).startswith("250 2.0.0 ")
        assert [str(one) for one in door.kept[0].recipients] == ["jörg@b.example"]


async def test_octets_that_are_no_utf8_name_nobody() -> None:
    async with submission_door() as door, logged_in(door) as client:
        await client.say("MAIL FROM:<alice@a.example> SMTPUTF8")

        answer = await client.say(b"RCPT TO:<j\xff@b.example>\r\n")
        assert answer.startswith("553 5.1.3 ")
        assert (await client.say(b"AUTH PLAIN \xff\r\n")).startswith("503 5.5.1 ")


async def test_smtputf8_takes_no_value() -> None:
    async with submission_door() as door, logged_in(door) as client:
        answer = await client.say("MAIL FROM:<alice@a.example> SMTPUTF8=yes")

        assert answer.startswith("555 5.5.4 ")
