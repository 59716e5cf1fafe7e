"""What is made of odd messages, beside Dovecot: ENVELOPE, BODY, BODYSTRUCTURE and the size."""

import json
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from bench.side_by_side import servers
from tests.differential.letters import Letter, pool
from tests.differential.pair import two_servers
from tests.differential.talk import Talk, Value
from tests.differential.test_differential import open_folder
from tests.fuzz.mutation import mutants
from tests.support.odd_messages import odd_messages

LETTERS = 300
ALTERED = 400
ITEMS = ("RFC822.SIZE", "ENVELOPE", "BODY", "BODYSTRUCTURE")
# differences that are meant, each with its reason
MEANT = json.loads(
    (Path(__file__).parents[1] / "vectors" / "mime" / "differences.json").read_text("ascii")
)["messages"]

# of these a message has one each (RFC 5322 §3.6)
ONCE = ("subject", "date", "message-id", "in-reply-to", "sender", "reply-to")
FIRST_COUNTS = "of a field that may stand once the first counts with us (RFC 5322 §3.6)"
NO_CASE = "names of types have no case (RFC 2045 §5.1)"

pytestmark = [pytest.mark.interop, pytest.mark.timeout(0)]


class Reader:
    """One server: takes a message and says what it is."""

    def __init__(self, server: servers.Own | servers.Dovecot) -> None:
        self._talk = Talk(server.port, server.user, server.password)
        for command in (b"CREATE mime", b"SELECT mime"):
            assert self._talk.ask(command).status == "OK"

    def made_of(self, octets: bytes) -> dict[str, Value]:
        appended = self._talk.ask(b"APPEND mime %s", octets)
        uid = appended.code.split()[-1].encode()
        fetched = self._talk.ask(b"UID FETCH %b (%b)" % (uid, " ".join(ITEMS).encode()))
        pairs = next(data.values[-1] for data in fetched.data if data.kind == "FETCH")
        assert isinstance(pairs, list)
        told = dict(zip(map(str, pairs[::2]), pairs[1::2], strict=True))
        return {item: told[item] for item in ITEMS}

    def close(self) -> None:
        self._talk.close()


@pytest.fixture(scope="module")
def readers() -> Iterator[tuple[Reader, Reader]]:
    with open_folder() as folder, two_servers(folder) as (ours, theirs):
        both = Reader(ours), Reader(theirs)
        yield both
        for reader in both:
            reader.close()


def test_odd_messages_are_told_alike_but_for_differences_that_are_meant(
    readers: tuple[Reader, Reader],
) -> None:
    ours, theirs = readers
    meant: Counter[str] = Counter()
    for message in odd_messages():
        if ours.made_of(message.octets) != theirs.made_of(message.octets):
            assert message.name in MEANT, message.name
            meant[MEANT[message.name]["because"]] += 1
    print()
    for because, count in meant.most_common():
        print(f"{count:>5}  {because}")
    assert meant


def test_messages_put_together_from_odd_ones_are_told_alike(
    readers: tuple[Reader, Reader],
) -> None:
    made_of = pool(frozenset(MEANT))
    ours, theirs = readers
    for seed in range(LETTERS):
        octets = Letter(seed, made_of).octets
        assert ours.made_of(octets) == theirs.made_of(octets), seed


def test_messages_with_a_fault_are_told_alike_but_for_named_rules(
    readers: tuple[Reader, Reader],
) -> None:
    ours, theirs = readers
    sound = [m.octets for m in odd_messages() if m.name not in MEANT and len(m.octets) < 3_000]
    lines = (octets for octets in mutants(sound, "beside Dovecot") if _has_lines(octets))
    fired: Counter[str] = Counter()
    for octets in islice(lines, ALTERED):
        mine, peer = ours.made_of(octets), theirs.made_of(octets)
        if mine != peer and _has_twice(octets):
            # what differs may be in an ENVELOPE inside, so the size alone is left to compare
            fired[FIRST_COUNTS] += 1
            mine, peer = {"": mine["RFC822.SIZE"]}, {"": peer["RFC822.SIZE"]}
        if mine != peer:
            fired[NO_CASE] += 1
            mine, peer = _folded(mine), _folded(peer)
        assert mine == peer, octets
    for rule, count in fired.items():
        print(f"\n{count:>5}  {rule}")
    assert fired[FIRST_COUNTS]


def _has_lines(octets: bytes) -> bool:
    """Tell whether all lines end in CRLF: with others, Dovecot keeps what it made of them."""
    rest = octets.replace(b"\r\n", b"")
    return bool(octets) and not set(rest) & set(b"\r\n\0")


def _has_twice(octets: bytes) -> bool:
    lines = [line.partition(b":")[0].strip().lower() for line in octets.split(b"\r\n")]
    return any(lines.count(name.encode()) > 1 for name in ONCE)


def _folded(told: dict[str, Value]) -> dict[str, Value]:
    return {item: str(value).lower() for item, value in told.items()}
