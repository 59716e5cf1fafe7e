"""What changes a mailbox: APPEND, STORE, COPY, MOVE, EXPUNGE.  Ours is durable before each OK."""

import random
import statistics
import threading
import time

from bench.side_by_side.corpus import Sample
from bench.side_by_side.fetching import MAIN
from bench.side_by_side.line import Refused, literal
from bench.side_by_side.servers import Server, login
from bench.side_by_side.turns import Bound, Case, Measured

APPENDS = 300
BATCH = 100
_MOVED = 1_000
_CHANGES = 100


def fill(server: Server, mailbox: str, samples: list[Sample]) -> float:
    """Append *samples* back to back to *mailbox*, made anew; return how many a second."""
    with login(server) as line:
        line.make(mailbox)

        def write() -> None:
            for number, sample in enumerate(samples):
                head = b'P%d APPEND "%b" ' % (number, mailbox.encode())
                line.sock.sendall(head + literal(sample, plus=True) + sample.octets + b"\r\n")
            line.sock.sendall(b"PEND NOOP\r\n")

        begun = time.perf_counter()
        thread = threading.Thread(target=write)
        thread.start()
        rest, done = b"", 0
        while b"PEND" not in rest:
            *lines, rest = (rest + line.sock.recv(65_536)).split(b"\r\n")
            for answer in lines:
                if answer.startswith(b"PEND"):
                    rest = answer
                elif answer.startswith(b"P"):
                    if b" OK" not in answer[:12]:
                        raise Refused(answer.decode(errors="replace"))
                    done += 1
        took = time.perf_counter() - begun
        thread.join()
    assert done == len(samples)
    return done / took


def appending(samples: list[Sample]) -> list[Case]:
    """Return the APPEND cases over *samples*."""

    def one_by_one(server: Server, number: int) -> Measured:
        with login(server) as line:
            line.make("sync")
            begun = time.perf_counter()
            for sample in samples[number * APPENDS :][:APPENDS]:
                tag = line.tag()
                line.sock.sendall(tag + b' APPEND "sync" ' + literal(sample, plus=False))
                line.read_line()
                line.sock.sendall(sample.octets + b"\r\n")
                line.wait(tag)
            return {"APPEND one by one": APPENDS / (time.perf_counter() - begun)}

    def pipelined(server: Server, number: int) -> Measured:
        return {"APPEND pipelined": fill(server, "pipe", samples[number * APPENDS :][:APPENDS])}

    def multi(server: Server, number: int) -> Measured:
        with login(server) as line:
            if b"MULTIAPPEND" not in line.capabilities:
                return {}
            line.make("multi")
            chosen = samples[number * APPENDS :][:APPENDS]
            begun = time.perf_counter()
            for start in range(0, APPENDS, BATCH):
                tag = line.tag()
                messages = b" ".join(
                    literal(sample, plus=True) + sample.octets
                    for sample in chosen[start : start + BATCH]
                )
                line.sock.sendall(tag + b' APPEND "multi" ' + messages + b"\r\n")
                line.wait(tag)
            return {"MULTIAPPEND of 100": APPENDS / (time.perf_counter() - begun)}

    return [
        Case(
            [Bound("APPEND one by one", "1/s", "higher", 700, 1_000, 646)], one_by_one, indexed=True
        ),
        Case(
            [Bound("APPEND pipelined", "1/s", "higher", 1_500, 2_500, 785)], pipelined, indexed=True
        ),
        Case(
            [Bound("MULTIAPPEND of 100", "1/s", "higher", 2_000, 4_000, 1_495)], multi, indexed=True
        ),
    ]


def _storing(server: Server, number: int) -> Measured:
    sign = "+-"[number % 2]
    with login(server) as line:
        line.ask(f'SELECT "{MAIN}"')
        loud = line.milliseconds(f"STORE 1:* {sign}FLAGS (\\Seen)")
        silent = line.milliseconds(f"STORE 1:* {sign}FLAGS.SILENT (\\Flagged)")
        draw = random.Random(number)
        one = [
            line.milliseconds(f"STORE {draw.randint(1, 9_000)} {'+-'[turn % 2]}FLAGS ($one{turn})")
            for turn in range(0, _CHANGES, 2)
        ]
    return {
        "STORE 1:* ±FLAGS": loud,
        "STORE 1:* ±FLAGS.SILENT": silent,
        "STORE of one, p50": statistics.median(one),
    }


def _moving(server: Server, _number: int) -> Measured:
    with login(server) as line:
        line.make("from")
        line.make("to")
        line.ask(f'SELECT "{MAIN}"')
        copying = line.milliseconds(f'COPY 1:{_MOVED} "from"')
        line.ask('SELECT "from"')
        moving = line.milliseconds(f'MOVE 1:{_MOVED} "to"')
        line.ask('SELECT "to"')
        line.ask(f"STORE 1:{_MOVED} +FLAGS.SILENT (\\Deleted)")
        expunging = line.milliseconds("EXPUNGE")
    return {"COPY 1,000": copying, "MOVE 1,000": moving, "EXPUNGE 1,000": expunging}


CASES = [
    Case(
        [
            Bound("STORE 1:* ±FLAGS", "ms", "lower", 15, 6, 15.2),
            Bound("STORE 1:* ±FLAGS.SILENT", "ms", "lower", 8, 2.5, 4.93),
            Bound("STORE of one, p50", "ms", "lower", 1.2, 0.7, 0.28),
        ],
        _storing,
    ),
    Case(
        [
            Bound("COPY 1,000", "ms", "lower", 30, 6, 49.9),
            Bound("MOVE 1,000", "ms", "lower", 40, 8, 59.3),
            Bound("EXPUNGE 1,000", "ms", "lower", 14, 5, 15.6),
        ],
        _moving,
    ),
]
