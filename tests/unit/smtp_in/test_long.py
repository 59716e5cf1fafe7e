"""Messages that are too long for memory: the same octets, judged the same, and never held whole."""

from __future__ import annotations

import asyncio
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mx_core.model.errors import DiskFull, MailError
from mx_core.store.account_store import AccountStore
from smtp_in import body, chunks
from smtp_in.body import DataReader, Flaw, Room
from smtp_in.chunks import ChunkReader
from smtp_in.limits import Limits
from smtp_in.long import LongMessage
from smtp_in.submission import Transaction
from tests.support.stores import open_store
from tests.support.submission import ALICE, begin, logged_in, submission_door

LINES = (b"a line\r\n", b"..stuffed\r\n", b"\r\n", b"x" * 40 + b"\r\n", b"...\r\n")
ODD = (b"bare\nline\r\n", b"nul\0\r\n", b"long" * 40 + b"\r\n")
HEAD = b"Subject: x\r\n\r\n"
BOB = "bob@b.example"


class Kept:
    """A sink."""

    def __init__(self) -> None:
        self.blocks: list[bytes] = []

    def write(self, block: bytes) -> None:
        self.blocks.append(block)


def read(
    octets: bytes, pieces: list[int], sink: Kept | None, message_octets: int = 5_000
) -> tuple[bytes | Flaw | None, int]:
    """Return what DATA is taken for, and how much was held at most."""
    room = Room(100_000)
    one = DataReader(
        room, message_octets=message_octets, line_octets=100, sink=sink, memory_octets=200
    )
    at = held = 0
    for piece in [*pieces, len(octets)]:
        rest = one.feed(octets[at : at + piece])
        at += piece
        held = max(held, one._held)
        if rest is not None:
            return one.message(), held
    return None, held


@given(
    lines=st.lists(st.sampled_from([*LINES * 4, *ODD]), max_size=200),
    pieces=st.lists(st.integers(1, 400), max_size=60),
    message_octets=st.sampled_from([600, 5_000]),
)
def test_what_goes_into_the_sink_is_what_would_have_been_held(
    lines: list[bytes], pieces: list[int], message_octets: int
) -> None:
    octets = HEAD + b"".join(lines) + b".\r\n"
    plain, _ = read(octets, pieces, None, message_octets)
    sink = Kept()
    given_, _ = read(octets, pieces, sink, message_octets)

    if isinstance(plain, Flaw):
        assert isinstance(given_, Flaw)
    elif sink.blocks:
        assert b"".join(sink.blocks) == plain
        assert sink.blocks[0].startswith(HEAD)
    else:
        assert given_ == plain


def test_little_more_than_the_limit_of_memory_is_ever_held() -> None:
    octets = HEAD + b"a line\r\n" * 500 + b".\r\n"
    taken, held = read(octets, [50] * 100, Kept())

    assert isinstance(taken, bytes)
    assert held <= 200 + 100


def test_once_it_goes_on_no_more_than_a_block_waits_for_the_next_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So there is little left to seal when the end of a long message has come."""
    for module in (body, chunks):
        monkeypatch.setattr(module, "BLOCK_OCTETS", 300)
    limits: Any = {"message_octets": 50_000, "line_octets": 100, "memory_octets": 2_000}
    octets = HEAD + b"a line\r\n" * 1_000
    data, bdat = Kept(), Kept()
    of_data = DataReader(Room(100_000), sink=data, **limits)
    of_bdat = ChunkReader(Room(100_000), sink=bdat, **limits)
    for at in range(0, len(octets), 50):
        of_data.feed(octets[at : at + 50])
        of_bdat.feed(octets[at : at + 50])

    for sink in (data, bdat):
        assert len(sink.blocks[0]) > 1_900
        assert max(map(len, sink.blocks[1:])) <= 300 + 50
        assert len(octets) - sum(map(len, sink.blocks)) <= 300


@given(
    lines=st.lists(st.sampled_from([*LINES * 4, *ODD]), max_size=200),
    pieces=st.lists(st.integers(1, 400), max_size=60),
)
def test_chunks_go_into_the_sink_as_they_would_have_been_held(
    lines: list[bytes], pieces: list[int]
) -> None:
    octets = HEAD + b"".join(lines)
    outcomes = []
    for sink in (None, Kept()):
        room = Room(10_000)
        one = ChunkReader(room, message_octets=5_000, line_octets=100, sink=sink, memory_octets=200)
        at = 0
        for piece in [*pieces, len(octets)]:
            one.feed(octets[at : at + piece])
            at += piece
        last = one.message()
        went = sink is not None and sink.blocks and not isinstance(last, Flaw)
        outcomes.append(b"".join(sink.blocks) if went and sink is not None else last)
        one.close()
        assert room.take(10_000)

    assert isinstance(outcomes[0], Flaw) == isinstance(outcomes[1], Flaw)
    if not isinstance(outcomes[0], Flaw):
        assert outcomes[1] == outcomes[0]


LONG = HEAD + b"..a line that was stuffed\r\n" * 400
STORED = HEAD + b".a line that was stuffed\r\n" * 400
LIMITS = Limits(memory_octets=1_000, line_octets=500)


@pytest.mark.anyio
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_long_message_is_stored_whole_with_what_submission_adds(chunked: bool) -> None:
    async with submission_door(limits=LIMITS) as door, logged_in(door) as client:
        await begin(client)
        if chunked:
            for at in range(0, len(STORED), 3_000):
                await client.say(
                    b"BDAT %d\r\n" % len(STORED[at : at + 3_000]) + STORED[at : at + 3_000]
                )
            answer = await client.say(b"BDAT 0 LAST\r\n")
        else:
            await client.say("DATA")
            client.send(LONG + b".\r\n")
            answer = await client.reply()

        assert answer.startswith("250 2.0.0 queued")
        [kept], [long] = door.kept, door.outbox.long
        assert kept.octets.endswith(STORED)
        assert kept.octets.startswith(b"Date: ")
        assert long.size == len(kept.octets)


@pytest.mark.anyio
async def test_a_disk_that_fills_up_is_told_at_the_end_and_the_next_message_is_heard() -> None:
    async with submission_door(limits=LIMITS) as door, logged_in(door) as client:
        door.outbox.full = DiskFull("the disk is full")
        await begin(client)
        await client.say("DATA")
        client.send(LONG + b".\r\n")

        assert (await client.reply()).startswith("452 4.3.1 ")
        door.outbox.full = None
        await begin(client)
        await client.say("DATA")
        client.send(LONG + b".\r\n")
        assert (await client.reply()).startswith("250 2.0.0 queued")
        assert [each.discarded for each in door.outbox.long] == [True, True]
        assert len(door.kept) == 1


@pytest.mark.anyio
@pytest.mark.parametrize("how", ["RSET", "gone"])
async def test_what_was_begun_and_not_ended_is_discarded(how: str) -> None:
    async with submission_door(limits=LIMITS) as door:
        async with logged_in(door) as client:
            await begin(client)
            await client.say(b"BDAT %d\r\n" % len(STORED) + STORED)
            assert not door.outbox.long[0].discarded
            if how == "RSET":
                await client.say("RSET")
        while not door.outbox.long[0].discarded:
            await asyncio.sleep(0.01)
        assert door.kept == []


@pytest.mark.anyio
async def test_a_header_that_does_not_end_is_refused_and_nothing_is_kept() -> None:
    endless = b"X: y\r\n" * 200_000
    async with submission_door(limits=LIMITS) as door, logged_in(door) as client:
        await begin(client)
        await client.say("DATA")
        client.send(endless + b".\r\n")

        assert (await client.reply()).startswith("554 5.6.0 ")
        assert door.kept == []


@pytest.mark.anyio
async def test_fifty_megabytes_are_received_and_durable_with_little_in_memory(
    tmp_path: Path,
) -> None:
    """From the octets of the socket to the row of the outbox, nothing left out but the socket."""
    store = open_store(tmp_path)
    line = b"0123456789abcdef" * 4 + b"\r\n"
    piece = line * 900
    asked = Transaction(ALICE)
    asked.recipients.append(ALICE.parse(BOB))

    class Outbox:
        begin_long = staticmethod(store.outbox.begin_long)

    tracemalloc.start()
    long = LongMessage(Outbox(), asked)  # type: ignore[arg-type]  # as much of one as is asked
    limits = Limits()
    reader = DataReader(
        Room(limits.held_octets),
        message_octets=64 << 20,
        line_octets=limits.line_octets,
        sink=long,
        memory_octets=limits.memory_octets,
    )
    assert reader.feed(HEAD) is None
    sent = len(HEAD)
    while sent < 50_000_000:
        assert reader.feed(piece) is None
        sent += len(piece)
    assert reader.feed(b".\r\n") == b""
    assert isinstance(reader.message(), bytes)
    submission = long.submission()
    queue_id = await store.outbox.accept(submission, message_id=b"")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 8_000_000
    assert submission.size == sent + len(submission.octets.partition(HEAD)[0])
    long.close()  # it is the outbox's by now
    octets = await store.outbox.octets(queue_id)
    assert octets.endswith(HEAD + piece * ((sent - len(HEAD)) // len(piece)))
    store.close()


@pytest.mark.anyio
async def test_what_no_row_names_is_gone_after_a_restart(tmp_path: Path) -> None:
    """Crash between the last octet and the commit, and a job that fails."""
    store = open_store(tmp_path)
    lost = store.outbox.begin_long()
    lost.write(STORED * 20)
    lost.finish()
    assert len(_files(store)) == 1
    store.close()

    again = open_store(tmp_path)
    assert _files(again) == []
    asked = Transaction(ALICE)
    asked.recipients.append(ALICE.parse(BOB))
    for _ in range(2):
        long = LongMessage(again.outbox, asked)  # type: ignore[arg-type]  # as above
        long.write(STORED * 20)
        try:
            await again.outbox.accept(long.submission(), message_id=b"", queue_id="same")  # type: ignore[arg-type]
        except (MailError, Exception):  # noqa: BLE001  # the second is refused by the table
            long.close()
    assert len(_files(again)) == 1
    again.close()


def _files(store: AccountStore) -> list[Path]:
    return list((store.folder / "bodies").iterdir())
