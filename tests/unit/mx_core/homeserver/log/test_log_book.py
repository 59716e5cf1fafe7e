"""What is made true is logged in order, once, and can be proved; whatever breaks in between."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa
from nacl.signing import SigningKey

from mx_core.db.database import Database
from mx_core.homeserver.domain.role_keys import RoleKeys, load_or_make, of_seed
from mx_core.homeserver.log import log_files, log_rows
from mx_core.homeserver.log.log_book import LogBook
from mx_core.homeserver.schema import LOG_LEAF
from mx_core.model.address import Address
from mx_core.model.errors import BadConfiguration, DiskFull, StoreDamaged
from mx_core.model.secret import Secret
from mx_core.tlog import tile
from mx_core.tlog.checkpoint import open_checkpoint
from mx_core.tlog.growing import GrowingLog
from mx_core.tlog.log_proof import LogKeys, LogProof, Seen
from tests.support.people import NOW

pytestmark = pytest.mark.anyio

KEYS = of_seed(Secret(SigningKey(b"r" * 32)))
ALICE, BOB = "alice@a.example", "bob@a.example"


async def open_book(database: Database, keys: RoleKeys = KEYS) -> LogBook:
    book = LogBook(database, "a.example", keys, lambda: NOW)
    await book.start()
    return book


def keys_of(keys: RoleKeys = KEYS) -> LogKeys:
    public = dict(keys.public)
    return LogKeys("a.example/mailx-kt", public["kt"], public["vrf"])


async def wait_in_line(database: Database, *bindings: tuple[str, bytes]) -> None:
    for address, binding in bindings:
        await database.write(lambda tx, a=address, b=binding: log_rows.enqueue(tx, a, b))  # type: ignore[misc]


async def proved(
    book: LogBook, address: str, binding: bytes, seen: Seen | None = None
) -> tuple[Seen, int]:
    """Return the tree and the version in which the proof of *binding* holds."""
    octets = await book.proof(address, binding, 0 if seen is None else seen.size)
    shown = LogProof.decode(octets).verify(keys_of(), Address.parse(address), binding, seen)
    assert shown.value is not None
    return shown.seen, shown.value.version


async def test_each_binding_gets_the_next_version_and_trees_only_grow(database: Database) -> None:
    book = await open_book(database)
    await wait_in_line(database, (ALICE, b"a1"), (BOB, b"b1"), (ALICE, b"a2"))

    first, version = await proved(book, ALICE, b"a2")
    assert version == 2
    await wait_in_line(database, (BOB, b"b2"))
    second, version = await proved(book, BOB, b"b2", first)

    assert version == 2
    assert second.size == first.size + 2  # the leaf, and the root of the map


async def test_only_the_newest_binding_can_be_proved(database: Database) -> None:
    book = await open_book(database)
    await wait_in_line(database, (ALICE, b"a1"), (ALICE, b"a2"))

    with pytest.raises(StoreDamaged):
        await book.proof(ALICE, b"a1", 0)


async def test_a_log_whose_leaves_were_altered_is_not_shown_again(database: Database) -> None:
    book = await open_book(database)
    await wait_in_line(database, (ALICE, b"a1"))
    await book.flush()

    def alter(tx: sa.Connection) -> None:
        first = LOG_LEAF.c.leaf_index == 1
        leaf = bytearray(tx.execute(sa.select(LOG_LEAF.c.octets).where(first)).scalar_one())
        leaf[-1] ^= 1
        tx.execute(LOG_LEAF.update().where(first).values(octets=bytes(leaf)))

    await database.write(alter)

    with pytest.raises(StoreDamaged):
        await open_book(database)


async def test_many_callers_at_once_make_one_order(database: Database) -> None:
    book = await open_book(database)
    names = [(f"u{n}@a.example", b"%d" % n) for n in range(20)]
    await wait_in_line(database, *names)

    await asyncio.gather(*(book.proof(address, binding, 0) for address, binding in names))

    records = [(await book.history(address))[0] for address, _ in names]
    assert [one.leaf_index for one in records] == list(range(1, 21))
    assert book.published.size == 22


async def test_the_log_goes_on_after_a_restart(database: Database) -> None:
    book = await open_book(database)
    await wait_in_line(database, (ALICE, b"a1"))
    seen, _ = await proved(book, ALICE, b"a1")

    again = await open_book(database)

    assert again.published.note == book.published.note
    await wait_in_line(database, (ALICE, b"a2"))
    assert (await proved(again, ALICE, b"a2", seen))[1] == 2


async def test_a_batch_that_could_not_be_written_leaves_no_trace(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = await open_book(database)
    await wait_in_line(database, (ALICE, b"a1"))
    seen, _ = await proved(book, ALICE, b"a1")
    await wait_in_line(database, (ALICE, b"a2"), (BOB, b"b1"))

    def full(*_: object, **__: object) -> None:
        raise DiskFull("no room")

    with monkeypatch.context() as patch:
        patch.setattr(log_rows, "keep", full)
        with pytest.raises(DiskFull):
            await book.flush()
    assert book.published.size == seen.size

    assert (await proved(book, ALICE, b"a2", seen))[1] == 2
    leaves = await book.leaves(0, 100)
    assert GrowingLog.replay(leaves).root() == (await proved(book, BOB, b"b1"))[0].root


async def test_files_are_those_of_the_tree(database: Database) -> None:
    book = await open_book(database)
    await wait_in_line(database, *((f"u{n % 3}@a.example", b"%d" % n) for n in range(300)))
    await book.flush()
    note = await log_files.read(book, "checkpoint")
    assert note is not None
    shown = open_checkpoint(note, book.origin, keys_of().kt).checkpoint

    entries: list[bytes] = []
    for path, width in ((tile.entries_path(0), 256), (tile.entries_path(1, 46), 46)):
        bundle = await log_files.read(book, path)
        assert bundle is not None
        entries += tile.parse_entries(bundle, width)
    replayed = GrowingLog.replay(entries)

    assert (shown.size, shown.root) == (302, replayed.root())
    hashes = await log_files.read(book, tile.tile_path(0, 1, 46))
    assert hashes == b"".join(replayed.node(0, 256 + at) for at in range(46))
    assert await log_files.read(book, tile.tile_path(1, 0, 1)) == replayed.node(8, 0)
    for missing in (tile.tile_path(0, 1), "tile/0/000.p/0", "tile/9/000", "../roles.key", ""):
        assert await log_files.read(book, missing) is None


async def test_a_log_is_never_continued_with_other_keys(database: Database, tmp_path: Path) -> None:
    book = await open_book(database)
    await wait_in_line(database, (ALICE, b"a1"))
    await book.flush()

    with pytest.raises(BadConfiguration, match="begun with another"):
        await open_book(database, of_seed(Secret(SigningKey(b"x" * 32))))
    with pytest.raises(BadConfiguration, match="cannot go on"):
        load_or_make(tmp_path, log_begun=True)
    made = load_or_make(tmp_path, log_begun=False)
    assert load_or_make(tmp_path, log_begun=True).public == made.public


async def test_two_processes_over_one_database_make_one_log(database: Database) -> None:
    first, second = await open_book(database), await open_book(database)
    await wait_in_line(database, (ALICE, b"a1"), (BOB, b"b1"))
    seen, _ = await proved(first, ALICE, b"a1")
    await wait_in_line(database, (ALICE, b"a2"))

    assert (await proved(second, ALICE, b"a2", seen))[1] == 2
    await first.flush()

    assert first.published.note == second.published.note
