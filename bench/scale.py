"""One mailbox of many messages of 1 KB: what a session's first steps cost at each size.

20,000 by default; ``MX_BENCH_SCALE=1000000`` is the full form.  The curve has 10,000, 100,000 and
1,000,000 as far as the size goes, so a cost that grows faster than the mailbox shows.
"""

import asyncio
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from bench.rows import Row
from bench.side_by_side.memory import megabytes
from mx_core.mime.prepare import prepare
from mx_core.model.flags import Flag
from mx_core.model.ids import MailboxId
from mx_core.model.mailbox_name import INBOX
from mx_core.model.secret import Secret
from mx_core.ports import FlagChange, MailReader, MailWriter
from mx_core.store.account_store import AccountStore

FULL = 1_000_000
SIZE = int(os.environ.get("MX_BENCH_SCALE", "20000"))
CURVE = [size for size in (10_000, 100_000, FULL) if size < SIZE] + [SIZE]
OCTETS = (
    b"From: a@a.example\r\nTo: b@b.example\r\nSubject: one of many\r\n"
    b"Date: Mon, 1 Jan 2024 00:00:00 +0000\r\nMessage-ID: <1@a.example>\r\n\r\n"
) + b"A line of usual length, as people write them.\r\n" * 18
_AT_ONCE = 1_000
_OFTEN = 20
_CHANGED = 10


def measure() -> list[Row]:
    folder = Path(tempfile.mkdtemp(prefix="mx-bench-", dir="/var/tmp"))
    try:
        return asyncio.run(_measure(folder))
    finally:
        shutil.rmtree(folder)


async def _measure(folder: Path) -> list[Row]:
    rows: list[Row] = []
    for size in CURVE:
        store = _opened(folder)
        adding = await _fill(store, size)
        store.close()
        rows += [
            Row(f"{size:,}: APPEND, {_AT_ONCE:,} a commit", "µs", "lower", adding, 1),
            *await _steps(folder, size),
        ]
    resident = megabytes(os.getpid())
    return [*rows, Row(f"{SIZE:,}: memory of the process", "MB", "lower", resident, 1, floor=400)]


def _opened(folder: Path) -> AccountStore:
    return AccountStore.open(folder, Secret(bytes(32)), time.time)


async def _inbox(store: AccountStore) -> MailboxId:
    return await store.mail.read(lambda reader: reader.mailbox(INBOX).id)


async def _fill(store: AccountStore, size: int) -> float:
    """Append until there are *size*; return microseconds for each message."""
    inbox, form = await _inbox(store), prepare(OCTETS)
    there = await store.mail.read(lambda reader: reader.mailbox(INBOX).messages)

    def some(writer: MailWriter) -> None:
        for _ in range(_AT_ONCE):
            writer.append(inbox, OCTETS, form, frozenset())

    begun = time.perf_counter()
    for _ in range(there, size, _AT_ONCE):
        await store.mail.write(some)
    return (time.perf_counter() - begun) / (size - there) * 1e6


async def _steps(folder: Path, size: int) -> list[Row]:
    store = _opened(folder)
    inbox = await _inbox(store)
    mail = store.mail

    async def select() -> float:
        begun = time.perf_counter()
        (await mail.follow(inbox)).close()
        return (time.perf_counter() - begun) * 1e3

    first = await select()
    warm = statistics.median([await select() for _ in range(_OFTEN)])
    rows = await mail.read(lambda reader: reader.snapshot(inbox))
    known = rows.highest_modseq
    mark = Flag(f"$at{size}")
    some = [rows.uids[at] for at in range(0, size, size // _CHANGED)][:_CHANGED]
    await mail.write(
        lambda writer: writer.store_flags(inbox, some, FlagChange.ADD, frozenset({mark}))
    )

    def resync(reader: MailReader) -> int:
        newest = reader.snapshot(inbox)
        return len(newest.changed_since(known)) + len(reader.vanished_since(inbox, known))

    took = []
    for _ in range(_OFTEN):
        begun = time.perf_counter()
        found = await mail.read(resync)
        took.append((time.perf_counter() - begun) * 1e3)
        assert found == _CHANGED, found
    store.close()
    return [
        Row(f"{size:,}: SELECT after start", "ms", "lower", first, 1, floor=1_000),
        Row(f"{size:,}: SELECT warm, p50", "ms", "lower", warm, _OFTEN, floor=50),
        Row(
            f"{size:,}: 10 changes since, p50",
            "ms",
            "lower",
            statistics.median(took),
            _OFTEN,
            floor=20,
        ),
    ]
