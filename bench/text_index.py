"""What the search index costs and answers: size, rate, and the time of each kind of term.

``MX_BENCH_MESSAGES=100000`` takes so many messages of 1 KB instead of the usual mailbox.
"""

import asyncio
import os
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from bench.rows import Row
from bench.side_by_side.corpus import EVERY, ONE_PERCENT, RARE_BODY, Corpus
from bench.store import milliseconds
from mx_core.mime.casemap import fold
from mx_core.mime.prepare import prepare
from mx_core.model.mailbox_name import INBOX
from mx_core.model.message import MessageForm
from mx_core.model.secret import Secret
from mx_core.ports import MailWriter
from mx_core.store.account_store import AccountStore

MESSAGES = 10_000
ROUNDS = 5
_AT_ONCE = 200
_QUIET_SECONDS = 3.0


def measure() -> list[Row]:
    folder = Path(tempfile.mkdtemp(prefix="mx-bench-", dir="/var/tmp"))
    try:
        return asyncio.run(_measure(folder))
    finally:
        shutil.rmtree(folder)


async def _measure(folder: Path) -> list[Row]:
    scale = int(os.environ.get("MX_BENCH_MESSAGES", "0"))
    store = AccountStore.open(folder, Secret(bytes(32)), time.time)
    mail_octets = await _fill(store, _small(scale) if scale else _usual())
    waits, build = await _index(store)
    index_octets, all_octets = _size(folder, "index.db"), _size(folder, "*")
    searches = await (_scale_searches if scale else _searches)(store)
    store.close()
    count = scale or MESSAGES
    return [
        Row(f"{count:,} messages indexed", "s", "lower", build, 1, floor=None if scale else 60),
        Row("the loop waits meanwhile, p99", "ms", "lower", waits, 1),
        Row("index, of the mail", "%", "lower", 100 * index_octets / mail_octets, 1),
        Row("store and index, of the mail", "%", "lower", 100 * all_octets / mail_octets, 1),
        *searches,
    ]


def _size(folder: Path, pattern: str) -> int:
    return sum(path.stat().st_size for path in folder.rglob(pattern) if path.is_file())


async def _fill(store: AccountStore, messages: Iterator[bytes]) -> int:
    inbox = (await store.mail.read(lambda reader: reader.mailbox(INBOX))).id
    octets = 0
    while some := [(message, prepare(message)) for message in islice(messages, _AT_ONCE)]:

        def job(writer: MailWriter, some: list[tuple[bytes, MessageForm]] = some) -> None:
            for message, form in some:
                writer.append(inbox, message, form, frozenset())

        await store.mail.write(job)
        octets += sum(len(message) for message, _ in some)
    return octets


async def _index(store: AccountStore) -> tuple[float, float]:
    """Return what the loop waited, p99 in ms, and how long it took, in seconds."""
    shot = await store.mail.read(lambda r: r.snapshot(r.mailbox(INBOX).id))
    newest = max(shot.messages)
    waits: list[float] = []
    begun = time.perf_counter()
    store.text_index.start()
    while store.text_index.indexed_until <= newest:
        at = time.perf_counter()
        await asyncio.sleep(0.005)
        waits.append((time.perf_counter() - at - 0.005) * 1e3)
    took = time.perf_counter() - begun
    await asyncio.sleep(_QUIET_SECONDS)
    return sorted(waits)[int(len(waits) * 0.99)], took


async def _searches(store: AccountStore) -> list[Row]:
    ask = {
        "TEXT absent": ("qqnotpresentqq", False, 50, 10),
        "TEXT in few": (RARE_BODY, False, 50, 10),
        "TEXT in 1 %": (ONE_PERCENT, False, 150, 50),
        "TEXT in every message": (EVERY, False, 400, 150),
        "TEXT of 2 characters": ("zy", False, 2_400, 150),
        "TEXT not ASCII": ("été", False, 2_400, 150),
        "BODY in every message": (EVERY, True, 2_400, 150),
    }
    return [await _row(store, name, *what) for name, what in ask.items()]


async def _scale_searches(store: AccountStore) -> list[Row]:
    return [
        await _row(store, "TEXT absent", "qqnotpresentqq", False, 20, None),
        await _row(store, "TEXT in 20", RARE_BODY, False, 300, None),
    ]


async def _row(
    store: AccountStore, name: str, term: str, body_only: bool, floor: float, goal: float | None
) -> Row:
    took = await milliseconds(lambda: store.mail.text_hits(fold(term), body_only=body_only), ROUNDS)
    return Row(name, "ms", "lower", took, ROUNDS, floor=floor, goal=goal)


def _usual() -> Iterator[bytes]:
    return (sample.octets for sample in Corpus(MESSAGES).samples)


def _small(count: int) -> Iterator[bytes]:
    """Yield messages of 1 KB, of a vocabulary of 50,000 words; 20 hold the rare one."""
    draw = random.Random(1)
    words = [f"{draw.getrandbits(40):x}" for _ in range(50_000)]
    rare = set(draw.sample(range(count), min(20, count)))
    for number in range(count):
        text = " ".join(draw.choices(words, k=75))
        yield (
            f"From: {draw.choice(words)}@a.example\r\nTo: b@b.example\r\n"
            f"Subject: {' '.join(draw.choices(words, k=4))}\r\n"
            f"Message-ID: <{draw.getrandbits(64):x}.{number}@a.example>\r\n\r\n"
            f"{text}{f' {RARE_BODY}' if number in rare else ''}\r\n"
        ).encode()
