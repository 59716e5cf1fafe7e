"""What questions about a mailbox cost: header and flag keys of SEARCH, SORT, THREAD.

``MX_BENCH_MESSAGES=1000000`` asks a mailbox of that size; the default is 100,000.  Keys of made-up
messages are put straight into the tables, so that the answers alone are measured: through the
session core, with a ticker beside it that tells how long the event loop was ever held.
"""

import asyncio
import os
import random
import resource
import shutil
import statistics
import struct
import tempfile
import time
from array import array
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bench.rows import Row
from bench.side_by_side.inside import Inside
from imap_out.session.state.kept_answer import KeptAnswer
from mx_core.mime.header_keys import hash_of
from mx_core.model.flags import SEEN
from mx_core.model.mailbox_name import mailbox_name
from mx_core.model.secret import Secret
from mx_core.store.account_store import AccountStore
from mx_core.store.mail.writer import Writer
from mx_core.store.places import segment

SMALL = 10_000
LARGE = int(os.environ.get("MX_BENCH_MESSAGES", "100000"))
WORDS = [f"WORD{n}" for n in range(3_000)]
PEOPLE = [f"PERSON {n} <P{n}@X{n % 50}.EXAMPLE>" for n in range(500)]
ROUNDS = 7


def measure() -> list[Row]:
    folder = Path(tempfile.mkdtemp(prefix="mx-bench-", dir=Path.cwd()))
    try:
        return asyncio.run(_measure(folder))
    finally:
        shutil.rmtree(folder)


def _fill(name: str, count: int, seed: int) -> Any:
    """Return a job that makes a mailbox of *count* messages with keys and no octets."""
    chance = random.Random(seed)

    def job(writer: Writer, connection: sa.Connection) -> None:
        box = writer.create(mailbox_name(name))
        first = (
            connection.exec_driver_sql("SELECT coalesce(max(id), 0) FROM message").scalar_one() + 1
        )
        raw: Any = connection.connection.driver_connection
        subjects: list[str] = []
        chains: list[tuple[int, ...]] = []
        rows, keys, texts = [], [], []
        for n in range(count):
            own = hash_of(b"%d-%d" % (seed, n))
            if n and chance.random() < 0.6:
                parent = max(0, n - 1 - int(chance.expovariate(1 / 20)))
                subject, chain = subjects[parent], chains[parent][-9:]
                chain = (*chain, hash_of(b"%d-%d" % (seed, parent)))
            else:
                subject, chain = " ".join(chance.choices(WORDS, k=4)), ()
            subjects.append(subject)
            chains.append(chain)
            sent = 1_600_000_000 + 60 * n + chance.randrange(3_600)
            sender, recipient = chance.choice(PEOPLE), chance.choice(PEOPLE)
            numbers = (own, hash_of(subject.encode()), bool(chain), *chain)
            thread = struct.pack(f"<{len(numbers)}Q", *numbers)
            who = [p.split("<")[1].split("@")[0].encode() for p in (sender, recipient)]
            shown = [p.split(" <")[0].encode() for p in (sender, recipient)]
            message = first + n
            rows.append((message, b"", 0, 1_000 + chance.randrange(9_000), sent, 1))
            order = (subject.encode(), *who, b"", *shown)
            keys.append((message, sent, sent // 86_400, thread, *order))
            answer = b"RE: " if chain else b""
            told = (b"\xff" + answer + subject.encode(), b"\xff" + sender.encode())
            texts.append(
                (message, *told, b"\xff" + recipient.encode(), b"", b"", b"\xff<%x@X>" % own)
            )
        for table, values in (("message", rows), ("header_key", keys), ("header_text", texts)):
            marks = ", ".join("?" * len(values[0]))
            raw.executemany(f"INSERT INTO {table} VALUES ({marks})", values)
        numbered = writer._flag_sets.number  # noqa: SLF001  # no octets, so no append
        sets = [numbered(flags) for flags in (frozenset(), frozenset({SEEN}))]
        for start in range(0, count, segment.ENTRIES_MAX):
            places = range(start, min(start + segment.ENTRIES_MAX, count))
            segment.save(
                connection,
                box.id,
                segment.Segment(
                    None,
                    start + 1,
                    array("I", [n + 1 for n in places]),
                    array("Q", [1]) * len(places),
                    array("I", [sets[chance.random() < 0.7] for _ in places]),
                    array("Q", [first + n for n in places]),
                ),
            )
        connection.exec_driver_sql(
            "UPDATE mailbox SET uid_next = ?, messages = ? WHERE id = ?",
            (count + 1, count, box.id),
        )

    return job


async def _measure(folder: Path) -> list[Row]:
    store = AccountStore.open(folder, Secret(bytes(32)), time.time)
    await store.mail.write_with(_fill("Small", SMALL, 1))
    await store.mail.write_with(_fill("Large", LARGE, 2))
    session = Inside(store.mail)
    await session.ask("LOGIN a b")
    rows: list[Row] = []
    try:
        await session.ask("SELECT Small")
        for key, floor, goal in (
            ("SUBJECT word77", 10, 2),
            ("FROM p17@", 10, 2),
            ("SINCE 1-Jan-2021", 5, 2),
            ("SENTSINCE 1-Jan-2021", 5, 2),
            ("UNSEEN", 4, 2),
        ):
            rows.append(
                await _row(session, f"SEARCH {key} of {SMALL:,}", f"UID SEARCH {key}",
                           floor, goal)
            )  # fmt: skip
        await session.ask("SELECT Large")
        large = 300 * max(1, LARGE // 100_000) if LARGE < 1_000_000 else 3_000
        for command in (
            "SORT (SUBJECT) UTF-8 ALL",
            "SORT (REVERSE DATE) UTF-8 ALL",
            "SORT (FROM SIZE) UTF-8 ALL",
            "THREAD REFERENCES UTF-8 ALL",
            "THREAD ORDEREDSUBJECT UTF-8 ALL",
            "SEARCH RETURN (COUNT) SUBJECT word77",
        ):
            name = f"{command} of {LARGE:,}"
            rows.append(await _row(session, name, f"UID {command}", large))
    finally:
        store.close()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024
    rows.append(Row("memory at most", "MB", "lower", memory, 1))
    return rows


async def _row(
    session: Inside,
    name: str,
    command: str,
    floor: float,
    goal: float | None = None,
) -> Row:
    first, _ = await session.ask(command)
    session.held = 0.0
    times, used = [], []
    for _ in range(ROUNDS):
        view = session.core.session.view
        assert view is not None
        view.kept = KeptAnswer()  # what is measured is making the answer
        begun = time.process_time()
        times.append((await session.ask(command))[0])
        used.append(1_000 * (time.process_time() - begun))
    print(
        f"{name}: first {first:.1f}, then {min(times):.1f}–{max(times):.1f} ms,"
        f" processor {statistics.median(used):.1f} ms,"
        f" the loop was held {session.held:.1f} ms",
        flush=True,
    )
    return Row(name, "ms", "lower", statistics.median(times), ROUNDS, floor=floor, goal=goal)
