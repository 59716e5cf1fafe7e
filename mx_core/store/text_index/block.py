"""A block: some thousand words of a run in order, and where each of them stands; pure.

words      LF, then each word and an LF: a search for LF and a word finds beginnings
postings   u32 entries in the words' order, little-endian; then the octets they point into
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

from mx_core.store.text_index import postings
from mx_core.store.text_index.postings import Found, Where
from mx_core.store.text_index.words import Breathe

WORDS_OCTETS: Final = 64 * 1024  # a block is closed when its words are more
POSTINGS_OCTETS: Final = 256 * 1024  # or its postings
_PATIENCE: Final = 256  # words between two breaths

Entry = tuple[bytes, Where]  # a word, and where it stands


class Block(Struct, frozen=True):
    """See the module."""

    words: bytes
    postings: bytes


def blocks(entries: Iterable[Entry], breathe: Breathe) -> Iterator[Block]:
    """Pack *entries*, ascending by word, into blocks."""
    words: list[bytes] = []
    numbers = array("I")
    lists = bytearray()
    octets = 0
    for word, where in entries:
        words.append(word)
        numbers.append(postings.entry(where, len(lists)))
        if not isinstance(where, int):
            lists += where
        octets += len(word) + 1
        if len(words) % _PATIENCE == 0:
            breathe()
        if octets >= WORDS_OCTETS or len(lists) >= POSTINGS_OCTETS:
            yield _block(words, numbers, lists)
            words, numbers, lists, octets = [], array("I"), bytearray(), 0
    if words:
        yield _block(words, numbers, lists)


def parts(block: Block) -> tuple[list[bytes], array[int], bytes]:
    """Return the words of *block*, the entry of each, and the octets that entries point into."""
    words = block.words[1:-1].split(b"\n")
    return words, *_parts(block.postings, len(words))


def places(words: bytes, pattern: bytes) -> list[int]:
    """Return the numbers of the words in which *pattern* is found, ascending."""
    found: list[int] = []
    behind = pattern[0] == ord("\n")  # the word begins one behind where the pattern does
    number, counted = 0, 1
    at = words.find(pattern)
    while at >= 0:
        at += behind
        number += words.count(b"\n", counted, at)
        counted = at
        found.append(number)
        at = words.find(pattern, words.find(b"\n", at))
    return found


def collect(
    words: bytes,
    packed: bytes,
    found: Iterable[int],
    headers: Found | None,
    bodies: Found | None,
) -> None:
    """Add the messages of the words with the numbers *found*."""
    numbers, lists = _parts(packed, words.count(b"\n") - 1)
    postings.collect(numbers, lists, found, headers, bodies)


def _block(words: list[bytes], numbers: array[int], lists: bytearray) -> Block:
    if sys.byteorder == "big":
        numbers.byteswap()
    return Block(b"\n" + b"\n".join(words) + b"\n", numbers.tobytes() + bytes(lists))


def _parts(packed: bytes, count: int) -> tuple[array[int], bytes]:
    numbers = array("I", packed[: 4 * count])
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers, packed[4 * count :]
