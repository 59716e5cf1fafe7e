"""The index says nothing but what a scan of all texts finds, at every moment."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings

from mx_core.db.database import Database
from mx_core.mime.casemap import fold
from mx_core.model.errors import Refused, StoreDamaged
from mx_core.model.flags import DELETED
from mx_core.model.ids import MessageId
from mx_core.model.mailbox_name import INBOX
from mx_core.model.secret import Secret
from mx_core.ports import FlagChange
from mx_core.store.account_store import AccountStore
from mx_core.store.text_index import block, index, merging, runs, state, words
from mx_core.store.text_index.making import batch
from mx_core.store.text_index.runs import Run
from mx_core.store.text_index.source import Source
from tests.support.indexed_mail import MAIL, TERMS, add, assert_same, catch_up, searched
from tests.support.stores import Clock, memory_store, open_store

Story = Callable[[AccountStore], Coroutine[Any, Any, None]]


def run(story: Story) -> None:
    with memory_store() as store:
        asyncio.run(story(store))


def test_every_kind_of_term_finds_what_a_scan_finds() -> None:
    async def story(store: AccountStore) -> None:
        for octets in MAIL:
            await add(store, octets)
        await catch_up(store)

        await assert_same(store)

    run(story)


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from(MAIL)),
        st.tuples(st.just("expunge"), st.integers(0, 9)),
        st.tuples(st.just("step"), st.none()),
        st.tuples(st.just("sweep"), st.none()),
        st.tuples(st.just("anew"), st.none()),
        st.tuples(st.just("search"), st.sampled_from(TERMS)),
    ),
    min_size=10,
    max_size=60,
)


@pytest.mark.parametrize("block_octets", [64, 64 * 1024])
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(actions=ACTIONS)
def test_at_every_moment_a_search_finds_what_a_scan_finds(
    actions: list[tuple[str, Any]], block_octets: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block, "WORDS_OCTETS", block_octets)  # small blocks: many of them
    monkeypatch.setattr(merging, "FAN_IN", 2)  # runs are joined at every chance
    clock = Clock()

    async def story(store: AccountStore) -> None:
        for action, what in actions:
            if action == "add":
                await add(store, bytes(what))
            elif action == "expunge":
                await expunge(store, int(what))
            elif action == "step":
                await asyncio.to_thread(store.text_index.step)
            elif action == "sweep":
                clock.at += 100
                await store.mail.sweep()
            elif action == "anew":
                store.text_index.make_anew()
            else:
                await assert_same(store, (str(what),))
        await catch_up(store)
        await assert_same(store, TERMS[::3])

    with memory_store(clock) as store:
        asyncio.run(story(store))


async def expunge(store: AccountStore, place: int) -> None:
    inbox = await store.mail.read(lambda r: r.mailbox(INBOX).id)
    uids = (await store.mail.read(lambda r: r.snapshot(inbox))).uids
    if uids:
        uid = uids[place % len(uids)]
        await store.mail.write(
            lambda w: w.store_flags(inbox, [uid], FlagChange.ADD, frozenset({DELETED}))
        )
        await store.mail.write(lambda w: w.expunge(inbox))


def test_what_is_indexed_is_decided_and_what_is_not_is_left_open() -> None:
    async def story(store: AccountStore) -> None:
        await add(store, MAIL[0])
        await catch_up(store)
        await add(store, MAIL[0])

        hits = await store.mail.text_hits("WORLD", body_only=True)

        assert [hits.verdict(MessageId(n)) for n in (1, 2)] == [True, None]
        assert not hits.maybe

    run(story)


def test_many_small_runs_become_one() -> None:
    async def story(store: AccountStore) -> None:
        for number in range(9):
            await add(store, MAIL[number % len(MAIL)])
            await catch_up(store)
        await assert_same(store, TERMS[::4])
        database = store.text_index._database
        assert database is not None

        whole = await database.read(runs.whole)

        assert [run.messages for run in whole] == [8, 1]

    run(story)


def test_words_of_swept_messages_leave_the_file() -> None:
    clock = Clock()

    async def story(store: AccountStore) -> None:
        await add(store, b"\r\nleaves\r\n")
        await add(store, b"\r\nstays\r\n")
        await catch_up(store)
        await expunge(store, 0)
        clock.at += 100
        await store.mail.sweep()
        store.text_index._looked = 0.0  # ten minutes later
        await catch_up(store)
        database = store.text_index._database
        assert database is not None

        words = await database.read(
            lambda c: b"".join(c.exec_driver_sql("SELECT words FROM block").scalars())
        )

        assert words == b"\nSTAYS\n"

    with memory_store(clock) as store:
        asyncio.run(story(store))


def test_a_message_that_can_not_be_read_is_left_to_the_scan(tmp_path: Path) -> None:
    async def story(store: AccountStore) -> None:
        await add(store, b"\r\n" + b"word " * 60_000)
        [file] = (tmp_path / "bodies").iterdir()
        file.write_bytes(b"")
        await catch_up(store)

        hits = await store.mail.text_hits("ABSENT", body_only=False)

        assert hits.verdict(MessageId(1)) is None
        with pytest.raises(StoreDamaged):
            await searched(store, "absent", body_only=False)

    store = open_store(tmp_path)
    asyncio.run(story(store))
    store.close()


def test_the_thread_follows_the_mail() -> None:
    async def story(store: AccountStore) -> None:
        store.text_index.start()
        await add(store, MAIL[0])
        async with asyncio.timeout(60):
            while store.text_index.indexed_until < 2:
                await asyncio.sleep(0.05)

        hits = await store.mail.text_hits("WORLD", body_only=True)

        assert hits.verdict(MessageId(1)) is True

    run(story)


@pytest.mark.parametrize("opens", [True, False])
def test_a_search_right_after_a_start_waits_until_the_file_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opens: bool
) -> None:
    """Or it would read all mail; if the file does not open it does read it, as it always may."""
    go_on = threading.Event()

    async def fill(store: AccountStore) -> None:
        await add(store, MAIL[0])
        await catch_up(store)

    def late(path: Path, key: Secret[bytes], source: Source) -> Database:
        assert go_on.wait(60)
        if not opens:
            raise Refused("Another process has the index open.")
        return open_index(path, key, source)

    async def story(store: AccountStore) -> None:
        store.text_index.start()
        asked, given_up = (
            asyncio.create_task(store.mail.text_hits("WORLD", body_only=True)) for _ in range(2)
        )
        await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.sleep(0.05)
        assert not asked.done()
        go_on.set()

        assert (await asked).verdict(MessageId(1)) is (True if opens else None)

    store = open_store(tmp_path)
    asyncio.run(fill(store))
    store.close()
    open_index = state.open_index
    monkeypatch.setattr(state, "open_index", late)
    store = open_store(tmp_path)
    asyncio.run(story(store))
    store.close()


def test_a_message_that_no_code_of_ours_can_take_is_left_to_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The others are indexed all the same, every search is right, and the fault is told of."""

    def distinct(text: str, breathe: Callable[[], None]) -> set[str]:
        if fold("poison") in text:
            raise RecursionError("a bug of ours")
        return words.distinct(text, breathe)

    async def story(store: AccountStore) -> None:
        for octets in (b"Subject: 1\r\n\r\npoison world\r\n", MAIL[0]):
            await add(store, octets)
        assert (await store.text_index.state()).waiting == 2
        await catch_up(store)

        at = await store.text_index.state()
        assert (at.indexed_until, at.waiting, at.faults) == (3, 0, 1)
        assert at.last_fault == "RecursionError"
        await assert_same(store, ("world", "poison", "wide", "absent"))

    monkeypatch.setattr(batch, "distinct", distinct)
    run(story)


def test_the_thread_goes_on_after_a_fault_that_nobody_expected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    faults = iter([ZeroDivisionError("a bug of ours"), OSError("a disk")])

    def runs_whole(connection: sa.Connection) -> list[Run]:
        for fault in faults:
            raise fault
        return whole(connection)

    async def story(store: AccountStore) -> None:
        store.text_index.start()
        await add(store, MAIL[0])
        async with asyncio.timeout(60):
            while store.text_index.indexed_until < 2:
                await asyncio.sleep(0.05)

        at = await store.text_index.state()
        assert (at.faults, at.last_fault) == (2, "OSError")

    whole = runs.whole
    monkeypatch.setattr(runs, "whole", runs_whole)
    monkeypatch.setattr(index, "_PUT_OFF_SECONDS", 0.01)
    run(story)
