"""The log of what was accepted: on the disk before anybody is told, read at the next start, then begun anew."""

import asyncio
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mx_core.model.errors import DiskFull, StoreDamaged, Unavailable
from mx_core.store.accepting import log as accepting
from mx_core.store.accepting.log import AcceptedLog
from tests.support.stores import STORE_KEY

pytestmark = pytest.mark.anyio

Open = Callable[[], AcceptedLog]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Open the log of one folder, any number of times; all are ended."""
    logs: list[AcceptedLog] = []

    def again() -> AcceptedLog:
        logs.append(AcceptedLog(tmp_path / accepting.NAME, STORE_KEY))
        return logs[-1]

    yield again
    for log in logs:
        log.end()
        log.close()


class ByHand:
    """In place of the thread: nothing is written before ``write``."""

    def __init__(self, log: AcceptedLog) -> None:
        self._log = log
        log._thread = self  # type: ignore[assignment]

    def join(self) -> None:
        """End, as a thread does."""

    def write(self) -> None:
        """Write all that waits."""
        first = self._log._intake.get_nowait()
        assert isinstance(first, accepting._Waiting)
        self._log._write_with(first)


async def put(log: AcceptedLog, *records: bytes) -> list[int]:
    """Add all at once; return where they are, in the order of announcing."""
    places: list[int] = []
    await asyncio.gather(*(log.add(record, places.append) for record in records))
    return places


async def test_what_was_added_is_found_by_the_next_process_in_its_order(opened: Open) -> None:
    log = opened()
    places = await put(log, b"one", b"two") + await put(log, b"three")

    assert list(opened().found()) == [b"one", b"two", b"three"]
    assert places == sorted(places)
    assert [log.read(at) for at in places] == [b"one", b"two", b"three"]


async def test_it_is_synced_before_whoever_waits_goes_on(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    real = os.fdatasync

    def fdatasync(file: int) -> None:
        real(file)
        order.append("synced")

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    await opened().add(b"one", lambda _at: order.append("announced"))

    assert order == ["synced", "announced"]


async def test_those_that_wait_together_share_one_sync(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    syncs: list[int] = []
    monkeypatch.setattr(os, "fdatasync", syncs.append)
    log = opened()
    thread = ByHand(log)
    adding = asyncio.ensure_future(put(log, *(b"%d" % n for n in range(50))))
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # each is a task of its own
    thread.write()
    await adding

    assert len(syncs) == 1
    assert len(list(opened().found())) == 50


async def test_once_the_database_has_all_of_it_the_log_begins_anew(
    opened: Open, tmp_path: Path
) -> None:
    log = opened()
    await put(log, b"one", b"two")
    log.done(1)
    [behind] = await put(log, b"three")
    log.done(2)
    [anew] = await put(log, b"four")

    assert behind > 0
    assert anew == 0
    assert list(opened().found()) == [b"four"]
    assert (tmp_path / accepting.NAME).stat().st_size == accepting._STEP_OCTETS


async def test_what_the_database_has_is_put_under_zeros(opened: Open, tmp_path: Path) -> None:
    log = opened()
    await put(log, b"x" * 10_000)
    log.done(1)
    log.end()
    log.wipe()

    assert set((tmp_path / accepting.NAME).read_bytes()) == {0}
    assert list(opened().found()) == []


async def test_a_log_that_grew_gives_back_what_goes_beyond_what_is_kept(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accepting, "KEPT_OCTETS", 1 << 20)
    log = opened()
    places = await put(log, *(b"x" * 250_000 for _ in range(9)))
    grown = (tmp_path / accepting.NAME).stat().st_size
    log.done(len(places))
    log.end()
    log.wipe()

    assert grown == 3 << 20
    assert (tmp_path / accepting.NAME).stat().st_size == 1 << 20


async def test_nothing_more_fits_than_the_log_may_have(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accepting, "OCTETS_MAX", 1_000)
    log = opened()
    before = log.has_room(900)
    await put(log, b"x" * 500)
    full = log.has_room(500), log.has_room(100)
    log.done(1)

    assert before
    assert full == (False, True)
    assert log.has_room(900)
    assert not log.has_room(1_000)  # a frame has more octets than its record


async def test_without_room_on_the_disk_nothing_is_kept_and_the_next_one_may_be(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, real = opened(), os.pwrite

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "no room")

    await put(log, b"one")
    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(DiskFull):
        await put(log, b"two")
    monkeypatch.setattr(os, "pwrite", real)
    await put(log, b"three")

    assert list(opened().found()) == [b"one", b"three"]


async def test_what_was_half_written_is_not_read_behind_what_took_its_place(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two frames get to the disk and are not confirmed; the next one has the length of the first."""
    log, real = opened(), os.fdatasync

    def no_room(_file: int) -> None:
        raise OSError(errno.EDQUOT, "no room")

    await put(log, b"kept")
    log.end()
    log._refusal = None
    thread = ByHand(log)
    adding = [asyncio.ensure_future(put(log, record)) for record in (b"AAAA", b"BBBB")]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    monkeypatch.setattr(os, "fdatasync", no_room)
    thread.write()
    outcomes = await asyncio.gather(*adding, return_exceptions=True)
    both = list(opened().found())
    monkeypatch.setattr(os, "fdatasync", real)
    following = asyncio.ensure_future(put(log, b"next"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    thread.write()
    await following

    assert [type(each) for each in outcomes] == [DiskFull, DiskFull]
    assert both == [b"kept", b"AAAA", b"BBBB"]  # what a cut would leave: nobody was told yes
    assert list(opened().found()) == [b"kept", b"next"]


async def test_the_first_of_a_round_that_fails_leaves_the_next_one_at_the_beginning(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, real = opened(), os.fdatasync
    await put(log, b"earlier", b"round")
    log.done(2)
    failed: list[int] = []

    def once(file: int) -> None:
        if not failed:
            failed.append(file)
            raise OSError(errno.ENOSPC, "no room")
        real(file)

    monkeypatch.setattr(os, "fdatasync", once)
    one = asyncio.ensure_future(put(log, b"one"))
    await asyncio.sleep(0)
    with pytest.raises(DiskFull):
        await one
    await put(log, b"two")

    assert list(opened().found()) == [b"two"]


async def test_a_disk_that_does_not_confirm_ends_it(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, real = opened(), os.fdatasync

    def broken(_file: int) -> None:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(os, "fdatasync", broken)
    with pytest.raises(StoreDamaged):
        await put(log, b"one")
    monkeypatch.setattr(os, "fdatasync", real)

    with pytest.raises(StoreDamaged):
        await put(log, b"two")
    assert log.is_empty


async def test_who_is_cancelled_before_it_began_is_not_written(opened: Open) -> None:
    log = opened()
    thread = ByHand(log)
    adding = [asyncio.ensure_future(log.add(each, lambda _at: None)) for each in (b"one", b"two")]
    await asyncio.sleep(0)
    adding[0].cancel()
    await asyncio.sleep(0)
    thread.write()
    await asyncio.gather(*adding, return_exceptions=True)

    assert adding[0].cancelled()
    assert list(opened().found()) == [b"two"]
    log.done(1)
    assert log.is_empty


async def test_who_is_cancelled_once_it_began_is_written_and_announced(opened: Open) -> None:
    log = opened()
    thread = ByHand(log)
    announced: list[int] = []
    adding = asyncio.ensure_future(log.add(b"one", announced.append))
    await asyncio.sleep(0)
    thread.write()
    adding.cancel()
    await asyncio.gather(adding, return_exceptions=True)
    await asyncio.sleep(0)

    assert adding.cancelled()
    assert announced == [0]
    assert list(opened().found()) == [b"one"]


async def test_after_its_end_nothing_is_taken(opened: Open) -> None:
    log = opened()
    await put(log, b"one")
    log.end()

    with pytest.raises(Unavailable):
        await put(log, b"two")
    assert list(opened().found()) == [b"one"]


async def test_a_record_that_is_not_there_is_damage(opened: Open) -> None:
    with pytest.raises(StoreDamaged):
        opened().read(17)
