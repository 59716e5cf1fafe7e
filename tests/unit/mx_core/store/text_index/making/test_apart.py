"""A worker makes the runs that the index's thread makes, and its loss costs nobody an answer."""

from __future__ import annotations

import asyncio
import io
import random
import sys
from collections.abc import Callable, Iterator

import msgspec
import pytest

from mx_core.mime import field_table
from mx_core.mime.prepare import prepare
from mx_core.model.ids import MessageId
from mx_core.store.account_store import AccountStore
from mx_core.store.text_index import index, words
from mx_core.store.text_index.making import apart, batch, frames, worker
from mx_core.store.text_index.making.apart import MakerApart, Worker, WorkerLost
from mx_core.store.text_index.making.frames import Asked, Finished, Last, Sent, Taken
from mx_core.store.text_index.making.maker import Maker, MakerHere
from mx_core.store.text_index.making.texts import Letter
from tests.support.indexed_mail import add, catch_up, scanned, searched
from tests.support.stores import memory_store

FIRST = MessageId(3)


def letters() -> list[Letter]:
    draw = random.Random(1)
    made = [Letter(FIRST, None)]
    for number in range(1, 60):
        octets = b"Subject: =?utf-8?q?n=C3=BCmber?= %d\r\n\r\n" % number
        octets += b" ".join(b"%x" % draw.getrandbits(9) for _ in range(300)) + b"\r\n"
        form = prepare(octets)
        made.append(Letter(MessageId(FIRST + 2 * number), octets, form.fields, form.parts))
    return made


@pytest.fixture
def process() -> Iterator[Worker]:
    started = Worker()
    yield started
    started.close()


def run_of(maker: Maker) -> object:
    mail = letters()
    full = [maker.take(mail[at : at + 9]) for at in range(0, len(mail), 9)]
    return full, maker.finish(), list(maker.blocks())


def test_a_worker_makes_run_after_run_as_it_is_made_here(process: Worker) -> None:
    here = run_of(MakerHere(FIRST, lambda: None))

    for _ in range(2):
        assert run_of(MakerApart(process, FIRST, lambda: None)) == here


def test_it_ends_when_nobody_can_ask_any_more(process: Worker) -> None:
    process._asked.close()

    assert process._process.wait(60) == 0


def test_one_that_was_ended_is_lost(process: Worker) -> None:
    process.kill()

    with pytest.raises(WorkerLost):
        run_of(MakerApart(process, FIRST, lambda: None))


@pytest.mark.parametrize(
    "said", [b"", b"\1\0", b"\5\0\0\0no", b"\1\0\0\0\xc1", b"\2\0\0\0\x91\xa3"]
)
def test_one_that_says_what_no_worker_says_is_lost(
    said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = f"import sys; sys.stdin.buffer.read(4); sys.stdout.buffer.write({said!r})"
    monkeypatch.setattr(apart, "_PROGRAM", (sys.executable, "-I", "-c", program))
    strange = Worker()
    maker = MakerApart(strange, FIRST, lambda: None)

    with pytest.raises(WorkerLost):
        run_of(maker)
    strange.close()


def test_a_message_that_is_too_much_for_our_code_is_told_of_and_the_others_are_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def distinct(text: str, breathe: Callable[[], None]) -> set[str]:
        if "POISON" in text:
            raise RecursionError
        return words.distinct(text, breathe)

    monkeypatch.setattr(batch, "distinct", distinct)
    asked, answers = io.BytesIO(), io.BytesIO()
    sent = []
    for number, text in enumerate((b"poison", b"word"), FIRST):
        form = prepare(b"\r\n" + text)
        sent.append(Sent(number, b"\r\n" + text, field_table.pack(form.fields), form.parts))
    frames.put(asked, Asked(FIRST, sent))
    frames.put(asked, Asked(FIRST, []))
    asked.seek(0)

    worker.serve(asked, answers)

    answers.seek(0)
    told = [
        msgspec.msgpack.decode(octets, type=frames.Answer)
        for octets in iter(lambda: frames.get(answers), None)
    ]
    assert told[:2] == [Taken(False), Finished(1, [FIRST], [(FIRST, "RecursionError")])]
    assert [told[2].words, told[3:]] == [b"\nWORD\n", [Last()]]


TERMS = ("word", "word1", "d7", "number3", "and word2", "absent")


async def filled(store: AccountStore) -> None:
    for number in range(40):
        await add(store, b"Subject: number%d\r\n\r\nword%d and word2\r\n" % (number, number % 9))


async def assert_right(store: AccountStore) -> None:
    for term in TERMS:
        expected = await store.mail.read(lambda r, t=term: scanned(r, t, body_only=False))  # type: ignore[misc]  # bound now
        assert await searched(store, term, body_only=False) == expected


def test_much_is_indexed_by_a_worker_and_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "_APART_MESSAGES", 40)

    async def story(store: AccountStore) -> None:
        await filled(store)
        assert await asyncio.to_thread(store.text_index.step)
        process = store.text_index._worker
        assert process is not None
        assert store.text_index.indexed_until == 41
        await assert_right(store)

        store.text_index.close()

        assert process._process.returncode is not None

    with memory_store() as store:
        asyncio.run(story(store))


def test_what_a_lost_worker_had_is_indexed_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "_APART_MESSAGES", 40)

    async def story(store: AccountStore) -> None:
        await filled(store)
        store.text_index._worker = Worker()
        store.text_index._worker.kill()
        assert await asyncio.to_thread(store.text_index.step)
        await assert_right(store)
        assert store.text_index.indexed_until == 1
        await catch_up(store)

        at = await store.text_index.state()
        assert (at.indexed_until, at.waiting, at.faults, at.last_fault) == (41, 0, 1, "WorkerLost")
        assert store.text_index._worker is None
        await assert_right(store)

    with memory_store() as store:
        asyncio.run(story(store))
