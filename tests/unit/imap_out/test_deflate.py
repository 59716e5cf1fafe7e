"""Compression: flushed to the last octet, bounded whatever comes, and an end to what is none."""

import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imap_out.deflate import Deflate


def all_of(deflate: Deflate, octets: bytes) -> bytes:
    said = deflate.inflate(octets)
    while deflate.waiting:
        said += deflate.inflate(b"")
    return said


@given(pieces=st.lists(st.binary(max_size=200)), chunk=st.integers(1, 50))
def test_each_answer_is_whole_before_the_next(pieces: list[bytes], chunk: int) -> None:
    here, there = Deflate(), Deflate()
    for piece in pieces:
        sent = here.deflate(piece)
        chunks = [sent[at : at + chunk] for at in range(0, len(sent), chunk)]

        assert b"".join(all_of(there, each) for each in chunks) == piece


def test_a_bomb_comes_out_in_pieces() -> None:
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
    octets = bomb.compress(bytes(200_000_000)) + bomb.flush()
    assert len(octets) < 250_000
    deflate = Deflate()
    tracemalloc.start()

    first = deflate.inflate(octets)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert len(first) == 64 * 1024
    assert deflate.waiting
    assert peak < 2_000_000


@pytest.mark.parametrize("octets", [b"a1 NOOP\r\n", b"\xff\xff\xff"])
def test_what_is_not_compressed_ends_the_connection(octets: bytes) -> None:
    with pytest.raises(ConnectionResetError):
        Deflate().inflate(octets)


def test_nothing_may_follow_the_end_of_the_stream() -> None:
    ended = zlib.compressobj(9, zlib.DEFLATED, -15)
    deflate = Deflate()

    assert deflate.inflate(ended.compress(b"x") + ended.flush()) == b"x"
    with pytest.raises(ConnectionResetError):
        deflate.inflate(b"more")
