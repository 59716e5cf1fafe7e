"""What two people compare so that no server stands between them: words, or a QR code.

Identity §6.  Of the pid, which no rotation changes.  Made slow on purpose: a million passports
tried in search of a look-alike cost a million times as much.  The word list is passed in.

Failure class: ``qr``.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from mx_core.model.errors import Untrusted
from mx_core.model.ids import Pid
from mx_core.notation.hashing import DIGEST_OCTETS, b2

ROUNDS: Final = 65_536
FINGERPRINT_OCTETS: Final = 11
WORDS: Final = 8
_BITS: Final = 11  # a list of 2,048 words
_PREFIX: Final = "MXV1:"
_SEQ_OCTETS: Final = 8
_CODE_OCTETS: Final = 3 * DIGEST_OCTETS + _SEQ_OCTETS


def fingerprint(pid: Pid) -> bytes:
    """Return the 88 bits that the words spell; takes a tenth of a second."""
    found = bytes(pid)
    for _ in range(ROUNDS):
        found = b2("MX1.fp", [found, pid])
    return found[:FINGERPRINT_OCTETS]


def words(found: bytes, word_list: Sequence[str]) -> tuple[str, ...]:
    """Return the eight words of a fingerprint."""
    number = int.from_bytes(found, "big")
    shifts = range(_BITS * (WORDS - 1), -1, -_BITS)
    return tuple(word_list[number >> shift & (1 << _BITS) - 1] for shift in shifts)


def safety_words(one: Pid, other: Pid, word_list: Sequence[str]) -> tuple[str, ...]:
    """Return the sixteen words that both people read: of the smaller pid first."""
    first, second = sorted((one, other))
    return words(fingerprint(first), word_list) + words(fingerprint(second), word_list)


class Shown(Struct, frozen=True):
    """What a QR code says: who shows it, whom they believe to stand before them, and their state."""

    mine: Pid
    yours: Pid
    seq: int
    head: bytes

    def text(self) -> str:
        """Return what the code encodes."""
        octets = self.mine + self.yours + self.seq.to_bytes(_SEQ_OCTETS, "big") + self.head
        return _PREFIX + base64.b32encode(octets).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> Shown:
        """Return what a scanned code says.

        Raises:
            Untrusted: ``qr``: it is no code of ours, or another version's.
        """
        prefix, encoded = text[: len(_PREFIX)], text[len(_PREFIX) :].strip()
        try:
            octets = base64.b32decode(encoded + "=" * (-len(encoded) % 8))
        except (binascii.Error, ValueError) as error:
            raise Untrusted("qr", "this code is damaged") from error
        if prefix != _PREFIX or len(octets) != _CODE_OCTETS:
            raise Untrusted("qr", "this code is not one for comparing keys")
        mine, yours, rest = octets[:32], octets[32:64], octets[64:]
        return cls(Pid(mine), Pid(yours), int.from_bytes(rest[:8], "big"), rest[8:])
