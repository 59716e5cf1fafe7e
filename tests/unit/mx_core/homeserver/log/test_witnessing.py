"""Two home servers watch each other's logs: each cosigns only what goes on from what it saw."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey

from mx_core.db.database import Database
from mx_core.homeserver.domain.role_keys import of_seed
from mx_core.homeserver.log import log_rows
from mx_core.homeserver.log.log_book import LogBook
from mx_core.homeserver.log.witnessing import Cosigned, Witness
from mx_core.homeserver.queue.peer_times import PeersSay, PeerTimes
from mx_core.model.secret import Secret
from mx_core.tlog import witness
from mx_core.tlog.checkpoint import OpenedCheckpoint, open_checkpoint
from mx_core.tlog.note import Kind, NoteKey
from mx_core.tlog.witness import Request, Said
from tests.support.home_rows import home_database
from tests.support.people import NOW
from tests.support.stores import Clock

pytestmark = pytest.mark.anyio

A, B = (of_seed(Secret(SigningKey(octet * 32))) for octet in (b"a", b"b"))


@dataclass
class Pair:
    """a.example runs a log, b.example watches it; no network between them."""

    book: LogBook
    rows: Database
    watching: Witness
    cosigned: Cosigned
    clock: Clock
    times: PeerTimes

    async def grow(self, name: str) -> None:
        await self.rows.write(lambda tx: log_rows.enqueue(tx, f"{name}@a.example", b"binding"))
        await self.book.flush()

    def shown(self) -> OpenedCheckpoint:
        public = dict(B.public)["witness"]
        key = NoteKey(witness.name_of("b.example"), public, Kind.COSIGNATURE)
        kt = dict(A.public)["kt"]
        return open_checkpoint(self.book.published.note, self.book.origin, kt, [key])


async def kept(pair: Pair) -> tuple[bytes, int | None]:
    """Return the checkpoint that the witness keeps as it was asked about it, and its own date."""
    note = await pair.watching.newest("a.example")
    assert note is not None
    public = dict(B.public)["witness"]
    key = NoteKey(witness.name_of("b.example"), public, Kind.COSIGNATURE)
    opened = open_checkpoint(note, pair.book.origin, dict(A.public)["kt"], [key])
    return note[: note.rindex("\u2014".encode())], opened.newest


class Between:
    """What stands between the two: finder and peers in one."""

    def __init__(self) -> None:
        self.watching: Witness | None = None
        self.asked: list[Request] = []

    async def find(self, _: str) -> Any:
        return self

    def role_key(self, role: str, _: float) -> bytes:
        return dict(B.public)[role]

    def recent(self, _: int) -> list[str]:
        return ["b.example"]

    async def add_checkpoint(self, _: str, body: bytes) -> tuple[int, bytes]:
        assert self.watching is not None
        self.asked.append(Request.decode(body))
        return await self.watching.add("a.example", dict(A.public)["kt"], body)


@pytest.fixture
def between() -> Between:
    return Between()


@pytest.fixture
def databases(tmp_path: Path) -> Iterator[tuple[Database, Database]]:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with contextlib.ExitStack() as stack:
        one, other = (stack.enter_context(home_database(tmp_path / name)) for name in "ab")
        yield one, other


@pytest.fixture
async def pair(databases: tuple[Database, Database], between: Between) -> Pair:
    clock = Clock(NOW)
    book = LogBook(databases[0], "a.example", A, clock)
    await book.start()
    between.watching = Witness(databases[1], "b.example", B.witness, clock)
    either: Any = between
    times = PeerTimes(clock, lambda: 0.0)
    cosigned = Cosigned(book, either, either, times, clock)
    return Pair(book, databases[0], between.watching, cosigned, clock, times)


async def test_a_new_tree_is_cosigned_in_the_next_round_and_asked_for_once(
    pair: Pair, between: Between
) -> None:
    await pair.cosigned.one_round()
    assert pair.shown().newest == NOW
    await pair.grow("alice")
    assert pair.shown().newest is None

    await pair.cosigned.one_round()
    await pair.cosigned.one_round()

    assert pair.shown().newest == NOW
    assert [one.old for one in between.asked] == [0, 1]
    assert await kept(pair) == (between.asked[-1].note_octets, NOW)


async def test_a_cosignature_tells_how_far_the_own_clock_is_ahead(pair: Pair) -> None:
    await pair.cosigned.one_round()
    assert pair.times.told() == PeersSay(1, 0.0, 0)

    pair.clock.at += 3_600.0

    assert pair.times.told() == PeersSay(1, 3_600.0, 0)


async def test_a_log_that_forgot_what_was_cosigned_is_told(pair: Pair, between: Between) -> None:
    await pair.cosigned.one_round()
    await pair.grow("alice")
    either: Any = between
    restarted = Cosigned(pair.book, either, either, pair.times, pair.clock)

    await restarted.one_round()

    assert [one.old for one in between.asked] == [0, 0, 1]
    assert pair.shown().newest == NOW


async def test_a_log_with_another_past_is_not_cosigned(
    pair: Pair, between: Between, tmp_path: Path
) -> None:
    await pair.grow("alice")
    await pair.cosigned.one_round()
    (tmp_path / "other").mkdir()
    with home_database(tmp_path / "other") as rows:
        other = LogBook(rows, "a.example", A, pair.clock)
        await other.start()
        for name in ("mallory", "bob"):
            await rows.write(lambda tx, n=name: log_rows.enqueue(tx, f"{n}@a.example", b"evil"))  # type: ignore[misc]
            await other.flush()
        old = pair.book.published.size
        body = Request(old, other.consistency_between(old, 5), other.published.note).encode()

        status, answer = await pair.watching.add("a.example", dict(A.public)["kt"], body)

    assert (status, answer) == (Said.NOT_CONSISTENT, b"")
    assert await kept(pair) == (between.asked[-1].note_octets, NOW)


async def test_what_else_stands_under_a_checkpoint_is_not_kept_with_it(
    pair: Pair, between: Between
) -> None:
    """A log that hides its own line among others would make what was witnessed unreadable."""
    await pair.cosigned.one_round()
    request = between.asked[-1]
    text, _, own = request.note_octets.decode().rpartition("\n\n")
    noise = "".join(f"\u2014 w{n}.example/mailx-witness AAAAAAAA\n" for n in range(62))
    noisy = f"{text}\n\n{noise}{own}".encode()
    pair.clock.at += 60

    body = Request(pair.book.published.size, (), noisy).encode()
    status, _ = await pair.watching.add("a.example", dict(A.public)["kt"], body)

    assert status == Said.COSIGNED
    assert await kept(pair) == (request.note_octets, NOW + 60)


async def test_an_old_cosignature_is_taken_off_and_a_quiet_log_is_cosigned_again(
    pair: Pair,
) -> None:
    await pair.cosigned.one_round()
    pair.clock.at += 13 * 3_600

    await pair.cosigned.one_round()

    assert pair.shown().newest == NOW + 13 * 3_600
