"""What a session costs: to begin, to be told, to be one of a hundred, to stay."""

import asyncio
import random
import re
import select
import statistics
import time

from bench.rows import percentile
from bench.side_by_side import memory
from bench.side_by_side.corpus import Sample
from bench.side_by_side.fetching import MAIN
from bench.side_by_side.line import Refused, literal
from bench.side_by_side.servers import Server, login
from bench.side_by_side.turns import Bound, Case, Measured

_OFTEN = 30
_AT_ONCE = 100
_SESSIONS = 300
_NEWS = 60


def _short(server: Server, _number: int) -> Measured:
    selects = []
    for _ in range(_OFTEN):
        with login(server) as line:
            selects.append(line.milliseconds(f'SELECT "{MAIN}"'))
    with login(server) as line:
        statuses = [
            line.milliseconds('STATUS "large" (MESSAGES UNSEEN UIDNEXT UIDVALIDITY)')
            for _ in range(_OFTEN)
        ]
        line.ask(f'SELECT "{MAIN}"')
        noops = [line.milliseconds("NOOP") for _ in range(10 * _OFTEN)]
    return {
        "SELECT, new connection, p50": statistics.median(selects),
        "STATUS, p50": statistics.median(statuses),
        "NOOP, p50": statistics.median(noops),
    }


def _resync(server: Server, number: int) -> Measured:
    with login(server) as line:
        if b"CONDSTORE" not in line.capabilities:
            return {}
        answer = line.ask(f'SELECT "{MAIN}" (CONDSTORE)')
        found = re.search(rb"HIGHESTMODSEQ (\d+)", answer)
        assert found
        line.ask(f"STORE 10:19 {'+-'[number % 2]}FLAGS.SILENT ($resync)")
    took = []
    for _ in range(_OFTEN // 2):
        with login(server) as line:
            begun = time.perf_counter()
            line.ask(f'SELECT "{MAIN}" (CONDSTORE)')
            answer = line.ask(f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {found[1].decode()})")
            took.append((time.perf_counter() - begun) * 1e3)
            assert len(re.findall(rb"FETCH \(", answer)) == 10
    return {"SELECT and 10 changes since, p50": statistics.median(took)}


def idling(samples: list[Sample]) -> Case:
    """APPEND sent by one session until EXISTS comes to another that idles."""
    small = sorted(samples, key=lambda sample: len(sample.octets))[:_NEWS]

    def run(server: Server, number: int) -> Measured:
        draw, took = random.Random(number), []
        with login(server) as one, login(server) as other:
            one.make("idle")
            other.ask('SELECT "idle"')
            other.sock.sendall(other.tag() + b" IDLE\r\n")
            other.read_line()
            for sample in small[: _NEWS if server.name == "ours" else _NEWS // 6]:
                time.sleep(0.01 + draw.random() * 0.05)
                tag = one.tag()
                begun = time.perf_counter()
                octets = literal(sample, plus=True) + sample.octets
                one.sock.sendall(tag + b' APPEND "idle" ' + octets + b"\r\n")
                heard = told = b""
                while b"EXISTS" not in told or tag not in heard:
                    for sock in select.select([one.sock, other.sock], [], [], 40)[0]:
                        if sock is one.sock:
                            heard += sock.recv(65_536)
                            continue
                        told += sock.recv(65_536)
                        if b"EXISTS" in told:
                            took.append((time.perf_counter() - begun) * 1e3)
        return {
            "APPEND to EXISTS in IDLE, p50": statistics.median(took),
            "APPEND to EXISTS in IDLE, p99": percentile(took, 0.99),
        }

    bounds = [
        Bound("APPEND to EXISTS in IDLE, p50", "ms", "lower", 3, 1.5),
        Bound("APPEND to EXISTS in IDLE, p99", "ms", "lower", 10, 4),
    ]
    return Case(bounds, run)


async def _session(server: Server, stay: asyncio.Event | None) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1 << 20)
    try:
        await reader.readline()
        found = 0
        for number, text in enumerate(
            (f'LOGIN "{server.user}" "{server.password}"', f'SELECT "{MAIN}"', "")
        ):
            asked = text or f"FETCH {found - 9}:{found} (UID FLAGS RFC822.SIZE ENVELOPE)"
            writer.write(f"a{number} {asked}\r\n".encode())
            while not (heard := await reader.readline()).startswith(f"a{number} ".encode()):
                if heard.endswith(b"EXISTS\r\n"):
                    found = int(heard.split()[1])
                if not heard:
                    raise Refused("closed")
            if b" OK" not in heard[:6]:
                raise Refused(heard.decode(errors="replace"))
        if stay is not None:
            await stay.wait()
    finally:
        writer.close()


def _concurrent(server: Server, _number: int) -> Measured:
    async def run() -> None:
        left = iter(range(_SESSIONS))

        async def worker() -> None:
            for _ in left:
                await _session(server, None)

        await asyncio.gather(*(worker() for _ in range(_AT_ONCE)))

    begun = time.perf_counter()
    asyncio.run(run())
    return {"LOGIN, SELECT, FETCH, 100 at once": _SESSIONS / (time.perf_counter() - begun)}


def _held(server: Server, _number: int) -> Measured:
    async def run() -> float:
        before, stay = memory.megabytes(server.pid), asyncio.Event()
        sessions = [asyncio.create_task(_session(server, stay)) for _ in range(_AT_ONCE)]
        await asyncio.sleep(4)
        during = memory.megabytes(server.pid)
        stay.set()
        await asyncio.gather(*sessions)
        return (during - before) / _AT_ONCE

    return {"memory for each open session": asyncio.run(run())}


def _after(server: Server, _number: int) -> Measured:
    return {"memory after the run": memory.megabytes(server.pid)}


CASES = [
    Case(
        [
            Bound("SELECT, new connection, p50", "ms", "lower", 1.2, 0.2, 1.19),
            Bound("STATUS, p50", "ms", "lower", 0.3, 0.2, 0.22),
            Bound("NOOP, p50", "ms", "lower", 0.25, 0.2, 0.18),
        ],
        _short,
    ),
    Case([Bound("SELECT and 10 changes since, p50", "ms", "lower", 2, 0.5, 5.29)], _resync),
    Case(
        [Bound("LOGIN, SELECT, FETCH, 100 at once", "1/s", "higher", 300, 1_000, 89.6)], _concurrent
    ),
    Case([Bound("memory for each open session", "MB", "lower", 0.3, 0.1)], _held, rounds=3),
]
LAST = Case([Bound("memory after the run", "MB", "lower", 200, 120)], _after, rounds=1)
