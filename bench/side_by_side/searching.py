"""What is searched for: words in texts, fields, dates, flags."""

from bench.side_by_side.corpus import EVERY, HITS, ONE_PERCENT, RARE_BODY, RARE_SUBJECT, VIP, VIPS
from bench.side_by_side.fetching import MAIN
from bench.side_by_side.servers import Server, login
from bench.side_by_side.turns import Bound, Case, Measured


def _case(
    key: str, floor: float, goal: float, printed: float, *, hits: int | None = None, rounds: int = 5
) -> Case:
    def run(server: Server, _number: int) -> Measured:
        with login(server) as line:
            line.ask(f'SELECT "{MAIN}"')
            took = line.milliseconds(f"UID SEARCH {key}")
            if hits is not None:
                found = line.ask(f"UID SEARCH {key}").split(b"\r\n")[0].split()[2:]
                assert len(found) == hits, f"{server.name}: {key}: {len(found)} hits"
        return {f"SEARCH {key}": took}

    return Case([Bound(f"SEARCH {key}", "ms", "lower", floor, goal, printed)], run, rounds)


CASES = [
    _case("TEXT qqnotpresentqq", 50, 10, 2_431, hits=0, rounds=3),
    _case(f"TEXT {RARE_BODY}", 50, 10, 2_812, hits=HITS, rounds=3),
    _case(f"TEXT {ONE_PERCENT}", 150, 50, 2_812, rounds=3),
    _case(f"TEXT {EVERY}", 400, 150, 2_812, rounds=3),
    _case("TEXT zy", 2_812, 150, 2_812, rounds=3),
    _case(f"NOT BODY {EVERY}", 2_812, 150, 2_812, rounds=3),
    _case(f"SUBJECT {RARE_SUBJECT.lower()}", 10, 2, 32.1, hits=HITS),
    _case(f"FROM {VIP}", 10, 2, 52, hits=VIPS),
    _case("SINCE 1-Jan-2021", 5, 2, 36.7),
    _case("UNSEEN", 4, 2, 4.01),
]
