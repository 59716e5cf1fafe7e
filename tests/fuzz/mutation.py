"""Valid inputs with one octet altered, cut, doubled or joined: what finds the errors of parsers.

Random octets hardly pass a parser's first check; a valid input with one fault passes nearly
all of them.  Everything follows from the seed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

TELLING = [
    *(b"\x00", b"\r", b"\n", b"\r\n", b" ", b"\t", b'"', b"\\", b"(", b")", b"{", b"}", b"<", b">"),
    *(b"@", b".", b",", b";", b":", b"*", b"%", b"=", b"+", b"&", b"~", b"-", b"\x7f", b"\x80"),
    *(b"\xff", b"\xc3\xa9", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x80\xae"),
    *(b"0", b"-1", b"4294967296", b"18446744073709551616", b"9" * 40, b"=?utf-8?q?", b"\x1b$B"),
]


def mutants(corpus: Sequence[bytes], seed: object) -> Iterator[bytes]:
    """Yield inputs without end; three of four carry one change, the others a few."""
    chance = random.Random(f"{seed}")
    while True:
        octets = chance.choice(corpus)
        for _ in range(chance.choice((1, 1, 1, 1, 1, 1, 2, 3))):
            octets = chance.choice(CHANGES)(chance, octets, corpus)
        yield octets


def _place(chance: random.Random, octets: bytes) -> int:
    return chance.randrange(len(octets) + 1)


def _altered(chance: random.Random, octets: bytes, _: Sequence[bytes]) -> bytes:
    if not octets:
        return bytes([chance.randrange(256)])
    at = chance.randrange(len(octets))
    change = chance.choice((1 << chance.randrange(8), chance.randrange(1, 256)))
    return octets[:at] + bytes([octets[at] ^ change]) + octets[at + 1 :]


def _told(chance: random.Random, octets: bytes, _: Sequence[bytes]) -> bytes:
    """Put something in that means something to a parser, in place of an octet or before it."""
    at = _place(chance, octets)
    return octets[:at] + chance.choice(TELLING) + octets[at + chance.randrange(2) :]


def _cut(chance: random.Random, octets: bytes, _: Sequence[bytes]) -> bytes:
    start, end = sorted((_place(chance, octets), _place(chance, octets)))
    return octets[:start] + octets[end:]


def _shortened(chance: random.Random, octets: bytes, _: Sequence[bytes]) -> bytes:
    return octets[: _place(chance, octets)]


def _doubled(chance: random.Random, octets: bytes, _: Sequence[bytes]) -> bytes:
    start, end = sorted((_place(chance, octets), _place(chance, octets)))
    times = chance.choice((1, 1, 2, 30)) if end - start < 100 else 1
    return octets[:end] + octets[start:end] * times + octets[end:]


def _joined(chance: random.Random, octets: bytes, corpus: Sequence[bytes]) -> bytes:
    other = chance.choice(corpus)
    return octets[: _place(chance, octets)] + other[_place(chance, other) :]


CHANGES: tuple[Callable[[random.Random, bytes, Sequence[bytes]], bytes], ...] = (
    *(_altered, _altered, _altered, _altered),
    *(_told, _told, _cut, _shortened, _doubled, _joined),
)
