"""Our IMAP beside Dovecot's: one run, in turns, the same mailbox of 10,000 messages.

``MX_BENCH_ONLY=regex`` takes the cases that measure something it matches;
``MX_BENCH_FOLDER`` keeps the filled mailboxes there for the next run; without, all goes;
``MX_BENCH_ROUNDS`` is how often each is asked, 5 if not set.
"""

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.rows import Row
from bench.side_by_side import changing, fetching, searching, sessions
from bench.side_by_side.corpus import Corpus
from bench.side_by_side.line import Refused
from bench.side_by_side.servers import Dovecot, Own, Server, login
from bench.side_by_side.turns import ROUNDS, Case, take

MESSAGES = 10_000
_DISK = "disk for each octet of mail"
_CATCHING_UP = "index caught up after filling"
_RESTING = "bodies at rest after filling"


def measure() -> list[Row]:
    kept = os.environ.get("MX_BENCH_FOLDER")
    folder = Path(kept or tempfile.mkdtemp(prefix="mx-bench-", dir="/var/tmp")).absolute()
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)  # Dovecot's users walk through
    servers: Sequence[Server] = (Own(folder), Dovecot(folder))
    try:
        for server in servers:
            server.start()
        filled = _filled(servers)
        servers[0].catch_up()
        return [*filled, *_measured(servers)]
    finally:
        for server in servers:
            server.stop()
        if not kept:
            shutil.rmtree(folder)


def _filled(servers: Sequence[Server]) -> list[Row]:
    """Give both the same mail, unless they have it; return what it takes on the disk."""
    empty = [server for server in servers if not _has(server, fetching.LARGE)]
    if not empty:
        return []
    corpus = Corpus(MESSAGES)
    disk: dict[str, float] = {}
    rows: list[Row] = []
    for server in empty:
        rate = changing.fill(server, fetching.MAIN, corpus.samples)
        _note(f"filled {server.name}: {rate:,.0f} messages a second")
        took = server.catch_up()
        rested = server.come_to_rest()  # else bodies are read in their rows and in their files
        disk[server.name] = server.stored_octets() / corpus.octets
        _append_large(server)
        if server is servers[0]:
            rows.append(Row(_CATCHING_UP, "s", "lower", took, 1, floor=60))
            rows.append(Row(_RESTING, "s", "lower", took + rested, 1, floor=60))
    return [Row(_DISK, "×", "lower", disk["ours"], 1, disk.get("Dovecot"), floor=1.4), *rows]


def _has(server: Server, mailbox: str) -> bool:
    try:
        with login(server) as line:
            line.ask(f'SELECT "{mailbox}"')
    except Refused:
        return False
    return True


def _append_large(server: Server) -> None:
    lines = (b"y" * 74 + b"\r\n") * (fetching.LARGE_OCTETS // 76)
    octets = b"Subject: large\r\n\r\n" + lines
    with login(server) as line:
        line.make(fetching.LARGE)
        tag = line.tag()
        head = b' APPEND "%b" {%d+}\r\n' % (fetching.LARGE.encode(), len(octets))
        line.sock.sendall(tag + head + octets + b"\r\n")
        line.wait(tag)


def _measured(servers: Sequence[Server]) -> list[Row]:
    samples = Corpus(changing.APPENDS * ROUNDS).samples
    cases = [
        *changing.appending(samples),
        *sessions.CASES,
        *fetching.CASES,
        *searching.CASES,
        *changing.CASES,
        sessions.idling(samples),
        sessions.LAST,
    ]
    asked = re.compile(os.environ.get("MX_BENCH_ONLY", ""))
    rows = []
    for case in cases:
        if any(asked.search(bound.measure) for bound in case.bounds):
            rows += _taken(case, servers)
    return rows


def _taken(case: Case, servers: Sequence[Server]) -> list[Row]:
    rows = take(case, servers)
    if case.indexed:
        measure = f"index caught up after {case.bounds[0].measure}"
        rows.append(Row(measure, "s", "lower", servers[0].catch_up(), 1))
    for row in rows:
        _note(f"{row.measure}: {row.ours:,.2f} {row.unit}, Dovecot {row.peer or 0:,.2f}")
    return rows


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
