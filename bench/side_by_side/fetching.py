"""What mail programs fetch: flags, the lists of Thunderbird and mutt, envelopes, bodies."""

import random
import re
import statistics
import time

from bench.side_by_side.servers import Server, login
from bench.side_by_side.turns import Bound, Case, Measured

MAIN, WORN, LARGE = "main", "worn", "large"
THUNDERBIRD = (
    "(UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID"
    " Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To Received)])"
)
MUTT = (
    "(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (DATE FROM SENDER SUBJECT TO CC"
    " MESSAGE-ID REFERENCES CONTENT-TYPE CONTENT-DESCRIPTION IN-REPLY-TO REPLY-TO LINES LIST-POST"
    " X-LABEL)])"
)
ENVELOPE = "(UID FLAGS RFC822.SIZE INTERNALDATE ENVELOPE BODYSTRUCTURE)"
_RANGE_OCTETS = 65_536
_ONE_BY_ONE = 200
LARGE_OCTETS = 50_000_000 - 100


def _fetch(server: Server, mailbox: str, command: str) -> tuple[float, int, int]:
    """Return seconds, answers and octets of *command* on a fresh connection."""
    with login(server) as line:
        line.ask(f'SELECT "{mailbox}"')
        begun = time.perf_counter()
        answer = line.ask(command)
        took = time.perf_counter() - begun
    return took, len(re.findall(rb"^\* \d+ FETCH \(", answer, re.MULTILINE)), len(answer)


def _rate(measure: str, command: str, *, first: bool = False) -> Case:
    def run(server: Server, number: int) -> Measured:
        if first:
            server.forget()
        elif number == 0:
            _fetch(server, MAIN, command)
        took, count, _ = _fetch(server, MAIN, command)
        return {measure: count / took}

    floor, goal, printed = _RATES[measure]
    return Case([Bound(measure, "1/s", "higher", floor, goal, printed)], run)


_RATES: dict[str, tuple[float, float, float]] = {
    "FETCH 1:* (FLAGS)": (866e3, 2.5e6, 866e3),
    "Thunderbird's headers, first": (100e3, 400e3, 12e3),
    "Thunderbird's headers, warm": (150e3, 400e3, 118e3),
    "ENVELOPE BODYSTRUCTURE, first": (100e3, 400e3, 12e3),
    "ENVELOPE BODYSTRUCTURE, warm": (150e3, 400e3, 57e3),
}


def _worn() -> Case:
    """The same after STORE on 1 % and EXPUNGE of 1 %, of a random half, and mutt's fields."""
    asked = {
        "worn: FLAGS": ("FETCH 1:* (FLAGS)", 433e3, 2.5e6, 866e3),
        "worn: Thunderbird's headers": (f"FETCH 1:* {THUNDERBIRD}", 75e3, 400e3, 118e3),
        "worn: mutt's headers": (f"FETCH 1:* {MUTT}", 75e3, 400e3, 118e3),
        "worn: ENVELOPE BODYSTRUCTURE": (f"FETCH 1:* {ENVELOPE}", 75e3, 400e3, 57e3),
        "worn, half of the UIDs: FLAGS": ("(FLAGS)", 433e3, 2.5e6, 866e3),
        "worn, half of the UIDs: Thunderbird's headers": (THUNDERBIRD, 75e3, 400e3, 118e3),
        "worn, half of the UIDs: ENVELOPE BODYSTRUCTURE": (ENVELOPE, 75e3, 400e3, 57e3),
    }

    def run(server: Server, number: int) -> Measured:
        draw = random.Random(number)
        with login(server) as line:
            if number == 0:
                line.ask(f'SELECT "{MAIN}"')
                line.make(WORN)
                line.ask(f'COPY 1:* "{WORN}"')
            answer = line.ask(f'SELECT "{WORN}"')
            found = re.search(rb"\* (\d+) EXISTS", answer)
            assert found
            count = int(found[1])
            some = sorted(draw.sample(range(1, count + 1), count // 100))
            line.ask(f"STORE {','.join(map(str, some))} +FLAGS (\\Flagged)")
            some = sorted(draw.sample(range(1, count + 1), count // 100))
            line.ask(f"STORE {','.join(map(str, some))} +FLAGS.SILENT (\\Deleted)")
            line.ask("EXPUNGE")
            uids = [int(uid) for uid in re.findall(rb"UID (\d+)", line.ask("FETCH 1:* (UID)"))]
        half = ",".join(map(str, sorted(draw.sample(uids, len(uids) // 2))))
        result = {}
        for measure, (command, *_) in asked.items():
            whole = command if command.startswith("FETCH") else f"UID FETCH {half} {command}"
            if number == 0:
                _fetch(server, WORN, whole)
            took, answers, _ = _fetch(server, WORN, whole)
            result[measure] = answers / took
        return result

    bounds = [Bound(measure, "1/s", "higher", *given) for measure, (_, *given) in asked.items()]
    return Case(bounds, run)


def _bodies(server: Server, _number: int) -> Measured:
    took, _, octets = _fetch(server, MAIN, "FETCH 1:* (UID BODY.PEEK[])")
    return {"BODY.PEEK[] of all": octets / 1e6 / took}


def _one_body(server: Server, number: int) -> Measured:
    draw = random.Random(number)
    with login(server) as line:
        found = re.search(rb"\* (\d+) EXISTS", line.ask(f'SELECT "{MAIN}"'))
        assert found
        took = [
            line.milliseconds(f"FETCH {draw.randint(1, int(found[1]))} (UID BODY.PEEK[])")
            for _ in range(_ONE_BY_ONE)
        ]
    return {"one BODY.PEEK[], p50": statistics.median(took)}


def _ranges(server: Server, _number: int) -> Measured:
    """50 MB in ranges, as a multiple of the time that one BODY.PEEK[] takes."""
    with login(server) as line:
        line.ask(f'SELECT "{LARGE}"')
        whole = line.milliseconds("FETCH 1 (BODY.PEEK[])")
        parts = sum(
            line.milliseconds(f"FETCH 1 (BODY.PEEK[]<{start}.{_RANGE_OCTETS}>)")
            for start in range(0, LARGE_OCTETS, _RANGE_OCTETS)
        )
    return {"50 MB: one BODY.PEEK[]": whole, "50 MB in ranges, to one BODY[]": parts / whole}


CASES = [
    _rate("FETCH 1:* (FLAGS)", "FETCH 1:* (FLAGS)"),
    _rate("Thunderbird's headers, first", f"FETCH 1:* {THUNDERBIRD}", first=True),
    _rate("Thunderbird's headers, warm", f"FETCH 1:* {THUNDERBIRD}"),
    _rate("ENVELOPE BODYSTRUCTURE, first", f"FETCH 1:* {ENVELOPE}", first=True),
    _rate("ENVELOPE BODYSTRUCTURE, warm", f"FETCH 1:* {ENVELOPE}"),
    _worn(),
    Case([Bound("BODY.PEEK[] of all", "MB/s", "higher", 298, 500, 298)], _bodies),
    Case([Bound("one BODY.PEEK[], p50", "ms", "lower", 0.29, 0.20, 0.29)], _one_body),
    Case(
        [
            Bound("50 MB: one BODY.PEEK[]", "ms", "lower"),
            Bound("50 MB in ranges, to one BODY[]", "×", "lower", 1.5),
        ],
        _ranges,
    ),
]
