"""Asking both servers in turns, and the rows that come of it.

A floor and a goal are given as they were printed beside a figure of the same peer on another
day; what binds is the ratio of the two, so a slow or busy machine moves floor and goal with it.
Where the peer does not compare (another task, or none) the figure binds as it stands.
"""

import os
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.rows import Row
from bench.side_by_side.servers import Server

ROUNDS = int(os.environ.get("MX_BENCH_ROUNDS", "5"))
Measured = dict[str, float]


@dataclass(frozen=True)
class Bound:
    """What one measure has to reach."""

    measure: str
    unit: str
    better: str
    floor: float | None = None
    goal: float | None = None
    printed_peer: float | None = None  # None: floor and goal are absolute


@dataclass(frozen=True)
class Case:
    """*run* measures one or more of *bounds* on one server; it may raise Unsupported."""

    bounds: Sequence[Bound]
    run: Callable[[Server, int], Measured]
    rounds: int = ROUNDS
    extension: bytes = b""  # asked only where it is announced
    indexed: bool = False  # the search index has work by it: how much, is told as well


def take(case: Case, servers: Sequence[Server]) -> list[Row]:
    """Return the rows of *case*: *servers* are ours and then the peer."""
    values: list[dict[str, list[float]]] = [{} for _ in servers]
    for number in range(min(case.rounds, ROUNDS)):
        for server, found in zip(servers, values, strict=True):
            for measure, value in case.run(server, number).items():
                found.setdefault(measure, []).append(value)
    return [_row(bound, *values) for bound in case.bounds if bound.measure in values[0]]


def _row(bound: Bound, ours: dict[str, list[float]], peers: dict[str, list[float]]) -> Row:
    peer = statistics.median(peers[bound.measure]) if bound.measure in peers else None
    share = 1.0 if bound.printed_peer is None or peer is None else peer / bound.printed_peer
    return Row(
        bound.measure,
        bound.unit,
        "higher" if bound.better == "higher" else "lower",
        statistics.median(ours[bound.measure]),
        len(ours[bound.measure]),
        peer,
        None if bound.floor is None else bound.floor * share,
        None if bound.goal is None else bound.goal * share,
    )
