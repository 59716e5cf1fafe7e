"""SORT and THREAD asked again, and of many messages."""

from __future__ import annotations

import asyncio

import pytest

from imap_out.session.search import do_sort
from tests.support.transcript import Line, Transcript


async def ask(line: Line, command: str) -> bytes:
    await line.feed(command.encode() + b"\r\n")
    return line.taken()


async def deliver(world: Transcript, *subjects: str) -> None:
    for subject in subjects:
        await world.mail.deliver(f"Subject: {subject}\r\n\r\n".encode())


def test_an_answer_asked_again_follows_what_comes_and_goes() -> None:
    async def play() -> list[bytes]:
        world = Transcript()
        await deliver(world, "b", "a", "c")
        line = await world.open("")
        await ask(line, "a SELECT INBOX")
        said = [await ask(line, "b SORT (SUBJECT) UTF-8 ALL")]
        said.append(await ask(line, "c STORE 1 +FLAGS.SILENT (\\Deleted)"))
        said.append(await ask(line, "d SORT (SUBJECT) UTF-8 ALL"))
        said.append(await ask(line, "e UID SORT (SUBJECT) UTF-8 ALL"))
        await ask(line, "f EXPUNGE")
        said.append(await ask(line, "g UID SORT (SUBJECT) UTF-8 ALL"))
        await deliver(world, "aa")
        await ask(line, "h NOOP")
        said.append(await ask(line, "i UID SORT (SUBJECT) UTF-8 ALL"))
        return [each.split(b"\r\n")[0] for each in said]

    assert asyncio.run(play()) == [
        b"* SORT 2 1 3",
        b"c OK stored",
        b"* SORT 2 1 3",
        b"* SORT 2 1 3",
        b"* SORT 2 3",
        b"* SORT 2 4 3",
    ]


def test_a_question_about_flags_is_answered_anew() -> None:
    async def play() -> list[bytes]:
        world = Transcript()
        await deliver(world, "b", "a")
        line = await world.open("")
        await ask(line, "a SELECT INBOX")
        one = await ask(line, "b THREAD REFERENCES UTF-8 UNSEEN")
        await ask(line, "c STORE 1 +FLAGS.SILENT (\\Seen)")
        two = await ask(line, "d THREAD REFERENCES UTF-8 UNSEEN")
        return [each.split(b"\r\n")[0] for each in (one, two)]

    assert asyncio.run(play()) == [b"* THREAD (1)(2)", b"* THREAD (2)"]


def test_of_a_message_that_is_there_twice_the_first_is_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second is read with the answer, the first before them."""
    monkeypatch.setattr(do_sort, "_THREADED_AT_ONCE", 3)

    async def play() -> bytes:
        world = Transcript()
        await world.mail.deliver(b"Message-ID: <1@a>\r\n\r\n")
        await world.mail.deliver(b"Message-ID: <2@a>\r\n\r\n")
        line = await world.open("")
        await ask(line, "a SELECT INBOX")
        await ask(line, "b COPY 1 INBOX")
        await world.mail.deliver(b"Message-ID: <3@a>\r\nReferences: <1@a>\r\n\r\n")
        await ask(line, "c NOOP")
        return await ask(line, "d THREAD REFERENCES UTF-8 ALL")

    assert asyncio.run(play()).split(b"\r\n")[0] == b"* THREAD (1 4)(2)(3)"
