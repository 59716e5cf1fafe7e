"""A body that is checked and given in pieces is judged as one that is opened whole."""

import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mx_core.envelope.format import BODY_HEAD_OCTETS, hash_of_body
from mx_core.envelope.open import check_body, open_body_later
from mx_core.envelope.padding import BODY_FLOOR, ContentEnd, content_length
from mx_core.envelope.statement import Statement
from mx_core.model.errors import Untrusted
from mx_core.model.octets import Octets
from tests.support.envelope import mail

LONG = (bytes(range(256)) * 1024)[:-1]  # padded to four whole chunks
SENT = mail(LONG)
OPENED, _ = SENT.opened()
BODY = SENT.body.octets[0 : len(SENT.body.octets)]
CHUNK = 65_536 + 17


class Sliced:
    """Octets that are not in memory, and say so when they are asked for too much."""

    def __init__(self, octets: bytes, most: int = 2_000_000) -> None:
        self._octets = octets
        self._most = most

    def __len__(self) -> int:
        return len(self._octets)

    def __getitem__(self, part: slice) -> bytes:
        found = self._octets[part]
        assert len(found) <= self._most
        return found


def judged(read: Callable[[], bytes]) -> tuple[bytes, str]:
    """Return what is read, or the class of its failure."""
    try:
        return read(), ""
    except Untrusted as error:
        return b"", error.failure


def both(body: bytes, statement: Statement) -> tuple[bytes, str]:
    """Read *body* whole and in pieces, which must be the same."""

    def in_pieces(octets: Octets) -> bytes:
        checked = check_body(octets, OPENED.body_key, statement)
        once, again = b"".join(checked.pieces()), b"".join(checked.pieces())
        assert once == again
        assert len(once) == checked.length
        return once

    whole = judged(partial(open_body_later, body, OPENED.body_key, statement))
    assert judged(partial(in_pieces, Sliced(body))) == whole
    assert judged(partial(in_pieces, body)) == whole
    return whole


def test_it_is_the_message() -> None:
    assert both(BODY, OPENED.claimed) == (LONG, "")


@pytest.mark.parametrize("length", [0, 1, 2_047, 2_048, 65_535, 65_536, 65_537, 2 * 65_536])
def test_messages_of_every_length_around_a_chunk(length: int) -> None:
    sent = mail(b"x" * length, seed=b"%d" % length)
    opened, message = sent.opened()
    body = sent.body.octets[0 : len(sent.body.octets)]

    checked = check_body(Sliced(body), opened.body_key, opened.claimed)

    assert b"".join(checked.pieces()) == message == b"x" * length


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, len(BODY) - 1), bit=st.integers(0, 7), signed=st.booleans())
def test_one_altered_octet_is_refused_for_the_same_reason(at: int, bit: int, signed: bool) -> None:
    """Also one that the sender has signed, which only the checks behind the body's hash can find."""
    altered = BODY[:at] + bytes([BODY[at] ^ 1 << bit]) + BODY[at + 1 :]
    claimed = OPENED.claimed
    statement = replace(claimed, body_hash=hash_of_body(altered)) if signed else claimed

    _, failure = both(altered, statement)

    assert failure in {"magic", "body-commitment", "chunk" if signed else "body-hash"}


@pytest.mark.parametrize(
    ("change", "failure"),
    [
        (lambda body: body[: BODY_HEAD_OCTETS - 1], "size"),
        (lambda body: body[:BODY_HEAD_OCTETS], "truncated"),
        (lambda body: body[: BODY_HEAD_OCTETS + 2 * CHUNK], "truncated"),
        (lambda body: body[: BODY_HEAD_OCTETS + CHUNK + 5], "chunk"),
        (lambda body: body + b"x", "trailing"),
        (lambda body: body + bytes(CHUNK * 40), "trailing"),
    ],
)
def test_what_is_cut_or_goes_on_is_refused_though_it_is_signed(
    change: Callable[[bytes], bytes], failure: str
) -> None:
    body = change(BODY)

    assert both(body, replace(OPENED.claimed, body_hash=hash_of_body(body))) == (b"", failure)


@pytest.mark.parametrize(
    ("claims", "failure"),
    [
        ({"length": len(LONG) - 1}, "length"),
        ({"length": 0}, "length"),
        ({"length": 1 << 60}, "length"),
        ({"text_hash": bytes(32)}, "text-hash"),
        ({"body_commit": bytes(32)}, "body-commitment"),
    ],
)
def test_a_statement_of_another_message_is_refused(claims: dict[str, Any], failure: str) -> None:
    assert both(BODY, replace(OPENED.claimed, **claims)) == (b"", failure)


@given(
    padded=st.lists(st.sampled_from([b"\0" * 40, b"\x80", b"text", b"\0"]), max_size=80).map(
        lambda parts: b"".join(parts).ljust(BODY_FLOOR, b"\0")
    ),
    cuts=st.lists(st.integers(1, 900), min_size=1),
)
def test_the_end_of_the_content_is_found_however_it_is_cut(padded: bytes, cuts: list[int]) -> None:
    def in_pieces() -> bytes:
        end, at, n = ContentEnd(), 0, 0
        while at < len(padded):
            end.add(padded[at : at + cuts[n % len(cuts)]])
            at += cuts[n % len(cuts)]
            n += 1
        return b"%d" % end.length(BODY_FLOOR)

    assert judged(in_pieces) == judged(lambda: b"%d" % content_length(padded, BODY_FLOOR))


def test_little_of_a_long_body_is_in_memory() -> None:
    sent = mail(bytes(12_000_000), seed=b"long")
    opened, _ = sent.opened()
    body = Sliced(sent.body.octets[0 : len(sent.body.octets)])
    tracemalloc.start()
    try:
        checked = check_body(body, opened.body_key, opened.claimed)
        assert sum(map(len, checked.pieces())) == 12_000_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 3_000_000
