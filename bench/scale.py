"""One mailbox of many messages of 1 KB: what it costs at each size, with its search index.

20,000 by default; ``MX_BENCH_SCALE=1000000`` is the full form, and ``make torture`` goes through
that one in steps, over as many sittings as it takes.  The curve has 10,000, 100,000 and 1,000,000
as far as the size goes, so a cost that grows faster than the mailbox shows.

``MX_BENCH_FOLDER`` keeps the mailbox of each size there for the next run, which fills up what is
missing.  Where nothing is, it takes 10,000 messages more, so that filling is measured as well.
"""

import asyncio
import os
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.rows import Row
from bench.side_by_side.inside import Inside
from bench.side_by_side.memory import megabytes
from imap_out.session.state.kept_answer import KeptAnswer
from mx_core.mime.prepare import prepare
from mx_core.model.flags import Flag
from mx_core.model.ids import MailboxId
from mx_core.model.mailbox_name import INBOX
from mx_core.model.secret import Secret
from mx_core.ports import FlagChange, MailReader, MailWriter, NewMail
from mx_core.program.memory import give_back_heap
from mx_core.program.quiet import look_less_for_garbage
from mx_core.store.account_store import AccountStore

FULL = 1_000_000
STEP = 10_000  # filled at once, and as many as the index may be behind
SIZE = int(os.environ.get("MX_BENCH_SCALE", "20000"))
RARE, ABSENT = "zyxqvortal", "qqnotpresentqq"
HITS = 20  # at most, however large the mailbox
_AT_ONCE = 500
_OFTEN = 20
_ASKED = 5
_CHANGED = 10
_SESSIONS = 100
_WORDS = [f"{random.Random(n).getrandbits(40):x}" for n in range(20_000)]
_BEGINNING = 1_600_000_000


@dataclass(frozen=True)
class Line:
    """What is measured at each size; *floor* at most, *large* where it is more than 100,000."""

    name: str
    unit: str
    floor: float | None
    large: float | None = None

    def bound(self, size: int) -> float | None:
        return self.floor if self.large is None or size <= FULL // 10 else self.large


LINES = (
    Line("APPEND, 500 a commit", "µs", None),
    Line("index behind by 10,000", "s", 60),
    Line("SELECT after start", "ms", 1_000),
    Line("SELECT warm, p50", "ms", 50),
    Line("10 changes since, p50", "ms", 20),
    Line("TEXT absent, p50", "ms", 20),
    Line("TEXT in 20, p50", "ms", 300),
    Line("SORT (SUBJECT), p50", "ms", 300, 3_000),
    Line("SORT (REVERSE DATE), p50", "ms", 300, 3_000),
    Line("THREAD REFERENCES, p50", "ms", 300, 3_000),
    Line("the loop held meanwhile, at most", "ms", None),
    Line("one more session", "MB", 0.3),
    Line("memory of the process", "MB", 400),
    Line("memory once it is quiet", "MB", 400),
    Line("store and index for each octet of mail", "×", 2.2),
)


def curve(size: int) -> list[int]:
    """Return the sizes to measure at on the way to *size*."""
    return [each for each in (10_000, 100_000, FULL) if each < size] + [size]


def measure() -> list[Row]:
    kept = os.environ.get("MX_BENCH_FOLDER")
    folder = Path(kept or tempfile.mkdtemp(prefix="mx-bench-", dir="/var/tmp"))
    try:
        return [row for size in curve(SIZE) for row in rows(size, _measured(folder, size))]
    finally:
        if kept is None:
            shutil.rmtree(folder)


def _measured(folder: Path, size: int) -> dict[str, float]:
    """Measure in a folder of its own, which begins as a copy of the largest that is smaller."""
    own = folder / str(size)
    if not own.exists():
        smaller = [each for each in curve(size) if each < size and (folder / str(each)).exists()]
        if smaller:
            half = own.with_suffix(".half")  # a run that ends here leaves no store that looks whole
            shutil.rmtree(half, ignore_errors=True)
            shutil.copytree(folder / str(smaller[-1]), half)
            half.rename(own)
        own.mkdir(parents=True, exist_ok=True)
    there = asyncio.run(_there(own))
    return asyncio.run(step(own, size if there < size else there + STEP))


def rows(size: int, figures: dict[str, float]) -> list[Row]:
    """Return what was found at *size* beside its bounds."""
    return [
        Row(
            f"{size:,}: {line.name}",
            line.unit,
            "lower",
            figures[line.name],
            1,
            None,
            line.bound(size),
        )
        for line in LINES
    ]


async def step(folder: Path, size: int, *, ask: bool = True) -> dict[str, float]:
    """Append until there are *size* messages, let the index follow, and measure if asked to."""
    store = _opened(folder)
    try:
        found = await _fill(store, size)
    finally:
        store.close()
    if ask:
        found |= await _ask(folder, size)
    return found


def octets_of(number: int) -> bytes:
    """Return a message of about 1 KB, the same for the same *number*."""
    draw = random.Random(number)
    answers = number and draw.random() < 0.6
    parent = max(0, number - 1 - int(draw.expovariate(1 / 20)))
    words = draw.choices(_WORDS, k=70)
    topic = _WORDS[parent % 997 if answers else number % 997]
    told = (
        f"In-Reply-To: <{parent}@a.example>\r\nReferences: <{parent}@a.example>\r\n"
        if answers
        else ""
    )
    date = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(_BEGINNING + 60 * number))
    rare = f" {RARE}" if number % (FULL // 1_000) == 7 and number < HITS * (FULL // 1_000) else ""
    text = "\r\n".join(" ".join(words[at : at + 7]) for at in range(0, len(words), 7))
    return (
        f"From: {words[0]} <{draw.randrange(500)}@a.example>\r\nTo: b@b.example\r\n"
        f"Subject: {'Re: ' if answers else ''}{topic} {topic[::-1]}\r\nDate: {date}\r\n"
        f"Message-ID: <{number}@a.example>\r\n{told}\r\n{text}{rare}\r\n"
    ).encode()


def _opened(folder: Path) -> AccountStore:
    return AccountStore.open(folder, Secret(bytes(32)), time.time)


async def _inbox(store: AccountStore) -> MailboxId:
    return await store.mail.read(lambda reader: reader.mailbox(INBOX).id)


async def _there(folder: Path) -> int:
    store = _opened(folder)
    try:
        return await store.mail.read(lambda reader: reader.mailbox(INBOX).messages)
    finally:
        store.close()


async def _fill(store: AccountStore, size: int) -> dict[str, float]:
    inbox = await _inbox(store)
    there = await store.mail.read(lambda reader: reader.mailbox(INBOX).messages)
    store.text_index.start()
    storing, behind = [0.0], 0.0
    first = there
    while first < size:
        last = min((first // STEP + 1) * STEP, size)
        if last == size:  # the others are indexed beside storing, as on two cores
            await _caught_up(store, inbox)
        for at in range(first, last, _AT_ONCE):
            octets = [octets_of(number) for number in range(at, min(at + _AT_ONCE, last))]
            new = [NewMail(each, prepare(each), frozenset(), _BEGINNING) for each in octets]
            begun = time.perf_counter()
            await store.mail.write(partial(_append, inbox=inbox, new=new))
            storing.append((time.perf_counter() - begun) / len(new) * 1e6)
        if last == size:
            begun = time.perf_counter()
            await _caught_up(store, inbox)
            behind = time.perf_counter() - begun
        first = last
    return {LINES[0].name: statistics.median(storing), LINES[1].name: behind}


async def _caught_up(store: AccountStore, inbox: MailboxId) -> None:
    shown = await store.mail.read(lambda reader: reader.snapshot(inbox))
    newest = max(shown.messages, default=0)
    while store.text_index.indexed_until <= newest:  # noqa: ASYNC110  # a thread's number
        await asyncio.sleep(0.05)


def _append(writer: MailWriter, inbox: MailboxId, new: Sequence[NewMail]) -> None:
    writer.append_all(inbox, new)


async def _ask(folder: Path, size: int) -> dict[str, float]:
    store = _opened(folder)
    inbox = await _inbox(store)
    found: dict[str, float] = {}
    look_less_for_garbage()  # as the gateway does before it serves

    async def select() -> float:
        begun = time.perf_counter()
        (await store.mail.follow(inbox)).close()
        return (time.perf_counter() - begun) * 1e3

    found["SELECT after start"] = await select()
    found["SELECT warm, p50"] = statistics.median([await select() for _ in range(_OFTEN)])
    found["10 changes since, p50"] = await _resync(store, inbox, size)
    store.text_index.start()
    await _caught_up(store, inbox)  # until it is open, a search reads every message
    session = Inside(store.mail)
    await session.ask("LOGIN a b")
    await session.ask("SELECT INBOX")
    for name, command, hits in (
        ("TEXT absent, p50", f"UID SEARCH TEXT {ABSENT}", 0),
        ("TEXT in 20, p50", f"UID SEARCH TEXT {RARE}", min(HITS, -(-(size - 7) // 1_000))),
        ("SORT (SUBJECT), p50", "UID SORT (SUBJECT) UTF-8 ALL", size),
        ("SORT (REVERSE DATE), p50", "UID SORT (REVERSE DATE) UTF-8 ALL", size),
        ("THREAD REFERENCES, p50", "UID THREAD REFERENCES UTF-8 ALL", None),
    ):
        found[name] = await _asked(session, command, hits)
    found["the loop held meanwhile, at most"] = session.held
    before = megabytes(os.getpid())
    others = [Inside(store.mail) for _ in range(_SESSIONS)]
    for other in others:
        await other.ask("LOGIN a b")
        await other.ask("SELECT INBOX")
    found["memory of the process"] = megabytes(os.getpid())
    give_back_heap()  # as the gateway does when a quiet time begins
    found["memory once it is quiet"] = megabytes(os.getpid())
    found["one more session"] = (found["memory of the process"] - before) / _SESSIONS
    store.close()
    mail = sum(len(octets_of(number)) for number in range(0, size, size // 1_000)) / 1_000 * size
    found["store and index for each octet of mail"] = _disk(folder) / mail
    return found


def _disk(folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


async def _resync(store: AccountStore, inbox: MailboxId, size: int) -> float:
    shown = await store.mail.read(lambda reader: reader.snapshot(inbox))
    known = shown.highest_modseq
    mark = Flag(f"$at{known}")  # a mailbox that is asked again has those of before
    some = [shown.uids[at] for at in range(0, size, size // _CHANGED)][:_CHANGED]
    await store.mail.write(
        lambda writer: writer.store_flags(inbox, some, FlagChange.ADD, frozenset({mark}))
    )

    def changes(reader: MailReader) -> int:
        newest = reader.snapshot(inbox)
        return len(newest.changed_since(known)) + len(reader.vanished_since(inbox, known))

    took = []
    for _ in range(_OFTEN):
        begun = time.perf_counter()
        found = await store.mail.read(changes)
        took.append((time.perf_counter() - begun) * 1e3)
        assert found == _CHANGED, found
    return statistics.median(took)


async def _asked(session: Inside, command: str, hits: int | None) -> float:
    """Return milliseconds of *command* when nothing but its answer is not in memory yet."""
    await session.ask(command)
    took, used = [], []
    for _ in range(_ASKED):
        view = session.core.session.view
        assert view is not None
        view.kept = KeptAnswer()  # what is measured is making the answer
        begun = time.process_time()
        milliseconds, answer = await session.ask(command)
        used.append(1e3 * (time.process_time() - begun))
        took.append(milliseconds)
        if hits is not None:
            told = answer.count(b" ", 0, answer.index(b"\r\n")) - 1  # no list of a million
            assert told == hits, f"{command}: {told} for {hits}"
    least = f"{min(took):.1f} ms at best, processor {min(used):.1f}"
    print(f"{command[:40]}: {least} ms, loop held for {session.held:.1f}", flush=True)
    return statistics.median(took)
