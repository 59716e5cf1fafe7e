"""What a folder adds to an APPEND: pairs of appends in one store, in random order."""

import asyncio
import random
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from bench.rows import Row
from bench.store import OCTETS
from mx_core.mime.prepare import prepare
from mx_core.model.flags import Flag
from mx_core.model.mailbox_name import INBOX, MailboxName
from mx_core.model.secret import Secret
from mx_core.ports import MailWriter
from mx_core.store.account_store import AccountStore

MESSAGE = (
    b"From: Alice <alice@a.example>\r\nTo: Bob <bob@b.example>\r\n"
    b"Date: Fri, 01 Jan 2027 00:30:00 +0100\r\nMessage-ID: <1@a.example>\r\n" + OCTETS
)
ENTERED = (0, 1, 4)
ROUNDS = 400


def measure() -> list[Row]:
    folder = Path(tempfile.mkdtemp(prefix="mx-bench-", dir=Path.cwd()))
    try:
        return asyncio.run(_measure(folder))
    finally:
        shutil.rmtree(folder)


async def _measure(folder: Path) -> list[Row]:
    (folder / "rules").mkdir()
    bare_folder = folder / "bare"
    bare_folder.mkdir()
    store = AccountStore.open(folder / "rules", Secret(bytes(32)), time.time)
    bare = AccountStore.open(bare_folder, Secret(bytes(32)), time.time)
    for state in await bare.folders.all():
        await bare.folders.remove(state.info.name)
    for n in range(max(ENTERED)):
        rule = " ".join(f"UNKEYWORD to{m}" for m in ENTERED if m <= n)
        await store.folders.add(MailboxName(f"Shown {n}"), f"KEYWORD counted {rule}")
    for n in range(4):
        await store.folders.add(MailboxName(f"Not shown {n}"), f"FROM nobody{n}@x.example")
    form = prepare(MESSAGE)
    kinds = {"bare": bare} | {f"to{n}": store for n in ENTERED}
    took: dict[str, list[float]] = {kind: [] for kind in kinds}  # µs until it is durable
    work: dict[str, list[float]] = {kind: [] for kind in kinds}  # µs of work in the job

    async def append(kind: str) -> None:
        flags = frozenset({Flag("counted"), Flag(kind)})

        def job(writer: MailWriter) -> None:
            begun = time.thread_time()
            writer.append(writer.mailbox(INBOX).id, MESSAGE, form, flags)
            work[kind].append((time.thread_time() - begun) * 1e6)

        begun = time.perf_counter()
        await kinds[kind].mail.write(job)
        took[kind].append((time.perf_counter() - begun) * 1e6)

    for _ in range(ROUNDS):
        for kind in random.sample(list(kinds), len(kinds)):
            await append(kind)
    store.close()
    bare.close()
    return [row for what, times in (("durable", took), ("work", work)) for row in rows(what, times)]


def rows(what: str, times: dict[str, list[float]]) -> list[Row]:
    without, none, one, four = (statistics.median(times[kind]) for kind in times)
    floor = {"rule": 1.0, "folder": 5.0} if what == "durable" else {"rule": None, "folder": None}
    return [
        Row(f"APPEND, {what}: without folders", "µs", "lower", without, ROUNDS),
        Row(f"APPEND, {what}: each of 8 rules that do not hold", "%", "lower", 100 * (none / without - 1) / 8, ROUNDS, floor=floor["rule"]),
        Row(f"APPEND, {what}: the first folder it enters", "%", "lower", 100 * (one / none - 1), ROUNDS, floor=floor["folder"]),
        Row(f"APPEND, {what}: each of four", "%", "lower", 100 * (four / none - 1) / 4, ROUNDS, floor=floor["folder"]),
    ]  # fmt: skip
