"""MAIL to 250, durable, beside Postfix and a plain aiosmtpd in the same run.

Each cell is asked of all servers in turn, ``MX_BENCH_ROUNDS`` times (3); medians.  A floor or goal of a
rate was printed beside what Postfix reached on the same machine: what binds is the ratio of the two,
by what Postfix reaches in this run.  Without Postfix, and for times and memory, it binds as it stands.
"""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.rows import Row
from bench.submitting.client import Cell, Connection, letter, round_of
from bench.submitting.servers import OwnDoor, Postfix, Server, Sink

ROUNDS = int(os.environ.get("MX_BENCH_ROUNDS", "3"))
SMALL = 10_000
MEGABYTE = 1_000_000
# connections, messages; floor, goal and what Postfix reached beside them, in messages a second
SMALL_CELLS = (
    (1, 400, (450.0, 900.0, 457.0)),
    (10, 1_000, (800.0, 3_000.0, 785.0)),
    (100, 1_000, (800.0, 3_000.0, 476.0)),
)
_LARGE = (80.0, 200.0, 176.0)  # MB a second
LARGE_CELLS = ((1, 20, _LARGE), (10, 40, _LARGE))
HUGE = 50_000_000
_LEFT_SECONDS = 30.0  # seconds that a slow machine takes to seal and hand over HUGE


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="mx-bench-") as directory:
        folder = Path(directory)
        own, others = OwnDoor(folder / "own"), [Sink()]
        peers: list[Server] = [*others]
        try:
            if Postfix.installed():
                folder.chmod(0o755)
                peers.insert(0, Postfix(folder / "postfix"))
            return [*_small(own, peers), *_large(own, peers), *_huge(own)]
        finally:
            for server in (own, *peers):
                server.stop()


def _small(own: OwnDoor, peers: Sequence[Server]) -> list[Row]:
    rows = []
    for connections, messages, bounds in SMALL_CELLS:
        cells, used = _cells(own, peers, connections, messages, SMALL)
        what, mine = f"10 KB, {connections} at once", cells.pop(own.name)
        compared = ", ".join(f"{name} {_rate(found):,.0f}" for name, found in cells.items())
        first = next(iter(cells.values()))
        rows += [
            _rate_row(f"{what} ({compared})", "1/s", mine, cells, messages, bounds),
            Row(
                f"{what}, p99",
                "ms",
                "lower",
                statistics.median(cell.p99_ms for cell in mine),
                messages,
                statistics.median(cell.p99_ms for cell in first),
                {1: 20.0, 100: 150.0}.get(connections),
                {100: 60.0}.get(connections),
            ),
            Row(f"{what}, processor, all of the flow out too", "ms", "lower", used, messages),
        ]
    return rows


def _large(own: OwnDoor, peers: Sequence[Server]) -> list[Row]:
    rows = []
    for connections, messages, bounds in LARGE_CELLS:
        cells, _ = _cells(own, peers, connections, messages, MEGABYTE)
        mine = cells.pop(own.name)
        compared = ", ".join(f"{name} {_rate(found):,.0f}" for name, found in cells.items())
        what = f"1 MB, {connections} at once ({compared})"
        rows.append(_rate_row(what, "MB/s", mine, cells, messages, bounds))
    return rows


def _rate_row(
    what: str,
    unit: str,
    mine: Sequence[Cell],
    peers: Mapping[str, Sequence[Cell]],
    messages: int,
    bounds: tuple[float, float, float],
) -> Row:
    """Return the row of a rate; *bounds* are floor, goal, and Postfix when they were printed."""
    floor, goal, printed = bounds
    share = _rate(peers[Postfix.name]) / printed if Postfix.name in peers else 1.0
    peer = _rate(next(iter(peers.values())))
    return Row(what, unit, "higher", _rate(mine), messages, peer, floor * share, goal * share)


def _huge(own: OwnDoor) -> list[Row]:
    octets = letter(HUGE, 1)
    time.sleep(2)
    own.forget_peak()
    before = own.resident_mb()
    seconds = asyncio.run(_submit_one(own, octets))
    peak = own.resident_mb("VmHWM")
    time.sleep(_LEFT_SECONDS)  # shown in Outbox, sealed, handed over, in Sent
    later = own.resident_mb("VmHWM")
    return [
        Row("50 MB", "s", "lower", seconds, 1, floor=1.5),
        Row("50 MB, extra memory at most", "MB", "lower", peak - before, 1, floor=30.0),
        Row("50 MB, extra memory until it has left", "MB", "lower", later - before, 1, floor=30.0),
    ]


async def _submit_one(own: OwnDoor, octets: bytes) -> float:
    connection = await Connection.open(own.port, own.user, own.password)
    begun = time.perf_counter()
    await connection.submit(octets)
    seconds = time.perf_counter() - begun
    await connection.close()
    return seconds


def _cells(
    own: OwnDoor, peers: Sequence[Server], connections: int, messages: int, octets: int
) -> tuple[dict[str, list[Cell]], float]:
    """Return rounds by server, the peers' in their order, and our processor ms for a message."""
    found: dict[str, list[Cell]] = {server.name: [] for server in (*peers, own)}
    used = []
    for _ in range(ROUNDS):
        for server in (own, *peers):
            before = own.processor_seconds()
            cell = asyncio.run(
                round_of(
                    server.port,
                    server.user,
                    server.password,
                    connections=connections,
                    messages=messages,
                    octets=octets,
                )
            )
            found[server.name].append(cell)
            if server is own:
                _await_rest(own)  # what was accepted also leaves; it shall not disturb the others
                used.append((own.processor_seconds() - before) * 1000 / messages)
    return found, statistics.median(used)


def _await_rest(own: OwnDoor) -> None:
    """Return when its process does nothing any more."""
    used = own.processor_seconds()
    while True:
        time.sleep(0.5)
        now = own.processor_seconds()
        if now - used < 0.03:  # a twentieth of the time
            return
        used = now


def _rate(cells: Sequence[Cell]) -> float:
    return statistics.median(cell.per_second for cell in cells)
