"""The index says nothing but what a scan of all texts finds, at every moment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import hypothesis.strategies as st
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings

from mx_core.mime.casemap import fold
from mx_core.model.errors import StoreDamaged
from mx_core.model.flags import DELETED
from mx_core.model.ids import MessageId
from mx_core.model.mailbox_name import INBOX
from mx_core.ports import FlagChange
from mx_core.store.account_store import AccountStore
from mx_core.store.fsck.check import check_store
from mx_core.store.text_index import block, index, merging, runs, state, words
from mx_core.store.text_index.making import batch
from mx_core.store.text_index.runs import Run
from tests.support.indexed_mail import add, catch_up, scanned, searched
from tests.support.stores import STORE_KEY, Clock, memory_store, open_store

MAIL = (
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= an alle\r\nTo: a@b.example\r\n\r\nHello wide world\r\n",
    b'Subject: "quoted" AND OR NOT *\r\n\r\nSELECT * FROM "words" WHERE x = \'%_\'\r\n',
    "Subject: 東京都の天気\r\n\r\n今日は良い天気ですね。\u3000また明日\r\n".encode(),
    "Subject: oﬃce\r\n\r\nﬁne e\u0301te\u0301 \u0301x na\u00efve\r\n".encode(),
    (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n"
        b"Content-Description: wide\r\n\r\n<p>wo<b>rl</b>d</p>&euro;\r\n--b--\r\n"
    ),
    b"\r\n",
    b"Subject: many\r\n\r\n" + b" ".join(b"item%d" % number for number in range(300)),
    b"X-Long: " + b"abcdefgh" * 400 + b"\r\n\r\n" + b"abcd efgh\r\n" * 300,
)
TERMS = (
    *("w", "wo", "wor", "world", "WORLD", "e", "de w", "wide world", "wide  world", " wide", "e w"),
    *(
        "grüße",
        "GRÜSSE",
        "ß",
        "ü",
        "u\u0308",
        "\u0308",
        "ﬁ",
        "fi",
        "ffi",
        "été",
        "\u0301x",
        "naïve",
    ),
    *("天", "天気", "良い天気", "。", "です", "気\u3000", "\u3000また", "東京都の"),
    *(
        '"',
        '"quoted"',
        '"words" where',
        "*",
        " * ",
        "and or",
        "not",
        "%_",
        "'",
        "=?utf-8?q?gr",
        "\\",
    ),
    *(
        "subject:",
        "subject: gr",
        "to: a@b.example",
        "@b.ex",
        "€",
        "<b>",
        "content-description: wide",
    ),
    *(
        "abcdefghabcdefgh",
        "abcd efgh\r\nabcd",
        "\r\n",
        " ",
        "\t",
        "absent",
        "h" * 900,
        "hello world",
    ),
)

Story = Callable[[AccountStore], Awaitable[None]]


def run(story: Story) -> None:
    with memory_store() as store:
        asyncio.run(story(store))


async def assert_same(store: AccountStore, terms: tuple[str, ...] = TERMS) -> None:
    for term in terms:
        for body_only in (False, True):
            found = await searched(store, term, body_only=body_only)
            expected = await store.mail.read(
                lambda r, t=term, b=body_only: scanned(r, t, body_only=b)
            )
            assert found == expected, (term, body_only)


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
    actions: list[tuple[str, object]], block_octets: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block, "WORDS_OCTETS", block_octets)  # small blocks: many of them
    monkeypatch.setattr(merging, "FAN_IN", 2)  # runs are joined at every chance
    clock = Clock()

    async def story(store: AccountStore) -> None:
        for action, what in actions:
            if action == "add":
                await add(store, bytes(what))  # type: ignore[arg-type]
            elif action == "expunge":
                await expunge(store, int(what))  # type: ignore[call-overload]
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
        await add(store, b"\r\n" + b"word " * 30_000)
        for file in (tmp_path / "bodies").iterdir():
            file.write_bytes(b"")
        await catch_up(store)

        hits = await store.mail.text_hits("ABSENT", body_only=False)

        assert hits.verdict(MessageId(1)) is None
        with pytest.raises(StoreDamaged):
            await searched(store, "absent", body_only=False)

    store = open_store(tmp_path)
    asyncio.run(story(store))
    store.close()


def damaged(path: Path) -> None:
    path.write_bytes(b"\0" * 40_000)


def newer(path: Path) -> None:
    database = state.Database.open(path, migrations=state._MIGRATIONS, key=state.key_of(STORE_KEY))
    database.write_at_start(
        lambda c: c.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'").rowcount
    )
    database.close()


def of_another_format(path: Path) -> None:
    database = state.Database.open(path, migrations=state._MIGRATIONS, key=state.key_of(STORE_KEY))
    database.write_at_start(
        lambda c: c.exec_driver_sql("UPDATE state SET format = format + 1").rowcount
    )
    database.close()


def of_other_mail(path: Path) -> None:
    database = state.Database.open(path, migrations=state._MIGRATIONS, key=state.key_of(STORE_KEY))
    database.write_at_start(lambda c: c.exec_driver_sql("UPDATE state SET device = x'00'").rowcount)
    database.close()


def missing(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("spoil", [damaged, newer, of_another_format, of_other_mail, missing])
def test_an_index_that_is_not_of_this_mail_and_program_is_made_anew(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    async def story() -> None:
        store = open_store(tmp_path)
        await add(store, MAIL[0])
        await catch_up(store)
        store.close()
        spoil(tmp_path / "index.db")
        store = open_store(tmp_path)
        await assert_same(store, TERMS[:5])
        await catch_up(store)

        hits = await store.mail.text_hits("WORLD", body_only=True)
        store.close()

        assert hits.verdict(MessageId(1)) is True

    asyncio.run(story())


def test_mending_the_mail_takes_the_index_with_it(tmp_path: Path) -> None:
    async def story() -> None:
        store = open_store(tmp_path)
        await add(store, MAIL[0])
        await catch_up(store)
        await store.mail.write_with(
            lambda _w, connection: connection.exec_driver_sql("UPDATE form SET parts = x'00'")
        )
        store.close()
        before = check_store(tmp_path, STORE_KEY, Clock(), deep=True)
        assert before.findings
        assert (tmp_path / "index.db").exists()

        check_store(tmp_path, STORE_KEY, Clock(), repair=True, deep=True)

        assert not (tmp_path / "index.db").exists()

    asyncio.run(story())


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


def test_a_message_that_no_code_of_ours_can_take_is_left_to_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The others are indexed all the same, every search is right, and the fault is told of."""

    def distinct(text: str, breathe: Callable[[], None]) -> Iterator[str]:
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


def test_nothing_of_the_mail_stands_in_the_file(tmp_path: Path) -> None:
    async def story(store: AccountStore) -> None:
        await add(store, b"Subject: canary-in-header\r\n\r\ncanary-in-body\r\n")
        await catch_up(store)

    store = open_store(tmp_path)
    asyncio.run(story(store))
    octets = b"".join(path.read_bytes() for path in tmp_path.glob("index.db*"))
    store.close()

    assert b"CANARY" not in octets.upper()
