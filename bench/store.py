"""What the account's store costs: snapshots, flags, appends, ranges, on the real disk."""

import asyncio
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench.rows import Row
from mx_core.model.flags import FLAGGED, SEEN
from mx_core.model.ids import MailboxId, MessageId
from mx_core.model.mailbox_name import INBOX, MailboxName
from mx_core.model.message import HeaderField, MessageForm, PartMapOctets
from mx_core.model.secret import Secret
from mx_core.ports import FlagChange, MailWriter
from mx_core.store.account_store import AccountStore

MESSAGES = 10_000
OCTETS = (
    b"Subject: a usual message\r\n\r\n" + b"A line of usual length, as people write them.\r\n" * 20
)
LARGE = bytes(25 << 20)
ROUNDS = 20
APPENDS = 2_000
ONE_BY_ONE = 300


def measure() -> list[Row]:
    folder = Path(tempfile.mkdtemp(prefix="mx-bench-", dir=Path.cwd()))
    try:
        return asyncio.run(_measure(folder))
    finally:
        shutil.rmtree(folder)


async def _measure(folder: Path) -> list[Row]:
    store = AccountStore.open(folder, Secret(bytes(32)), time.time)
    mail = store.mail
    inbox = (await mail.read(lambda reader: reader.mailbox(INBOX))).id
    form = form_of(OCTETS)

    def fill(writer: MailWriter) -> None:
        for _ in range(MESSAGES):
            writer.append(inbox, OCTETS, form, frozenset())

    await mail.write(fill)
    shot = await mail.read(lambda reader: reader.snapshot(inbox))

    async def load() -> None:
        mail._known.live._newest.clear()  # noqa: SLF001  # what a first SELECT pays
        await mail.read(lambda reader: reader.snapshot(inbox))

    async def flag(change: FlagChange) -> None:
        await mail.write(lambda w: w.store_flags(inbox, shot.uids, change, frozenset({SEEN})))

    async def flag_all() -> None:
        flag_all_turn[0] = not flag_all_turn[0]
        await flag(FlagChange.ADD if flag_all_turn[0] else FlagChange.REMOVE)

    async def flag_one() -> None:
        flag_one_turn[0] += 1
        await mail.write(
            lambda w: w.store_flags(
                inbox, [shot.uids[flag_one_turn[0]]], FlagChange.ADD, frozenset({FLAGGED})
            )
        )

    async def append() -> None:
        await mail.write(lambda w: w.append(inbox, OCTETS, form, frozenset()))

    flag_all_turn, flag_one_turn = [False], [0]
    loading = await milliseconds(load, ROUNDS)
    flagging = await milliseconds(flag_all, ROUNDS)
    flagging_one = await milliseconds(flag_one, 100)
    forms = await milliseconds(lambda: mail.read(lambda r: r.forms(shot.messages)), ROUNDS)
    one_by_one = 1e3 / await milliseconds(append, ONE_BY_ONE)
    begun = time.perf_counter()
    await asyncio.gather(*(append() for _ in range(APPENDS)))
    together = APPENDS / (time.perf_counter() - begun)
    moving = await milliseconds(
        lambda: mail.write(lambda w: w.move(inbox, shot.uids, MailboxName("Trash"))), 1
    )
    large = await largest(store, inbox)
    begun = time.perf_counter()
    await mail.write(lambda w: w.append(inbox, LARGE, form_of(LARGE), frozenset()))
    writing = len(LARGE) / 1e6 / (time.perf_counter() - begun)
    ranges = await milliseconds(
        lambda: mail.read(lambda r: r.octets(large, 12 << 20, (12 << 20) + 65_536)), 50
    )
    store.close()
    return [
        Row("load a snapshot of 10,000, p50", "ms", "lower", loading, ROUNDS, floor=25, goal=5),
        Row("STORE 1:* of 10,000, p50", "ms", "lower", flagging, ROUNDS, floor=50, goal=10),
        Row("STORE of one in 10,000, p50", "ms", "lower", flagging_one, 100, floor=20, goal=3),
        Row("MOVE 10,000", "ms", "lower", moving, 1, floor=1_000, goal=200),
        Row("forms of 10,000, p50", "ms", "lower", forms, ROUNDS, floor=400, goal=100),
        Row("APPEND one after the other", "1/s", "higher", one_by_one, ONE_BY_ONE, floor=100),
        Row("APPEND, 2,000 waiting", "1/s", "higher", together, APPENDS, floor=500, goal=3_000),
        Row("APPEND of 25 MiB", "MB/s", "higher", writing, 1, floor=20, goal=150),
        Row("64 KiB out of 25 MiB, p50", "ms", "lower", ranges, 50, floor=20, goal=2),
    ]


async def largest(store: AccountStore, inbox: MailboxId) -> MessageId:
    await store.mail.write(lambda w: w.append(inbox, LARGE, form_of(LARGE), frozenset()))
    return (await store.mail.read(lambda reader: reader.snapshot(inbox))).messages[-1]


async def milliseconds(job: Callable[[], Awaitable[object]], rounds: int) -> float:
    took = []
    for _ in range(rounds):
        begun = time.perf_counter()
        await job()
        took.append((time.perf_counter() - begun) * 1e3)
    return statistics.median(took)


def form_of(octets: bytes) -> MessageForm:
    names = (b"from", b"to", b"subject", b"date", b"message-id", b"mime-version", b"content-type")
    fields = tuple(HeaderField(name, n * 30, n * 30 + 30) for n, name in enumerate(names))
    return MessageForm(
        size=len(octets),
        header_end=26,
        fields=fields,
        envelope=b"(" + b"NIL " * 40 + b"NIL)",
        bodystructure=b'("TEXT" "PLAIN" NIL NIL NIL "7BIT" 900 20 NIL NIL NIL NIL)',
        body=b'("TEXT" "PLAIN" NIL NIL NIL "7BIT" 900 20)',
        parts=PartMapOctets(bytes(60)),
        sent=1_700_000_000,
        message_id=b"0123456789abcdef@a.example",
        base_subject="a usual message",
    )
