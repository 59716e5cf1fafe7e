"""What taking a message apart costs, of usual mail and of mail made to be expensive."""

import email.parser
import email.policy
import time
from collections.abc import Callable

from bench.rows import Row
from mx_core.mime.prepare import prepare
from tests.support.mime_bombs import BOMBS
from tests.support.odd_messages import odd_messages

ROUNDS = 5
BOMB_OCTETS = 1_000_000
EMAIL = email.parser.BytesParser(policy=email.policy.compat32)


def measure() -> list[Row]:
    usual = [message.octets for message in odd_messages() if len(message.octets) < 3_000]
    ours = _microseconds(prepare, usual)
    peer = _microseconds(EMAIL.parsebytes, usual)
    slowest = max(BOMBS, key=lambda name: _seconds(BOMBS[name](BOMB_OCTETS)))
    worst = min(_seconds(BOMBS[slowest](BOMB_OCTETS)) for _ in range(ROUNDS))
    return [
        Row("prepare a message (peer: email parses only)", "µs", "lower", ours, len(usual), peer, floor=1_000, goal=300),
        Row(f"worst megabyte ({slowest})", "ms", "lower", worst * 1e3, len(BOMBS), floor=200, goal=100),
    ]  # fmt: skip


def _microseconds(job: Callable[[bytes], object], messages: list[bytes]) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        for octets in messages:
            job(octets)
        best = min(best, time.process_time() - began)
    return best / len(messages) * 1e6


def _seconds(octets: bytes) -> float:
    began = time.process_time()
    prepare(octets)
    return time.process_time() - began
