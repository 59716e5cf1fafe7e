"""The code that the person carries from one screen to the other, and what is sealed by it.

    key        = B2("MX1.link", [eph_new, eph_present, X25519], key=code)
    rendezvous = B2("MX1.link.id", [], key=code)[:16]

Who carries the messages sees two public keys and boxes; without the code it can make neither.
Code and ephemeral keys are used once.  Identity §7, spec/link.

Failure class: ``link``.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from msgspec import Struct
from nacl.bindings import (
    crypto_box_PUBLICKEYBYTES,
    crypto_scalarmult,
    crypto_secretbox,
    crypto_secretbox_NONCEBYTES,
    crypto_secretbox_open,
)
from nacl.exceptions import CryptoError
from nacl.exceptions import RuntimeError as SodiumError
from nacl.public import PrivateKey

from mx_core.model.errors import Refused, Untrusted
from mx_core.model.secret import Secret
from mx_core.notation.hashing import b2

CODE_OCTETS: Final = 16
CODE_LETTERS: Final = 26
RENDEZVOUS_OCTETS: Final = 16
EPHEMERAL_OCTETS: Final = crypto_box_PUBLICKEYBYTES
LIFE_SECONDS: Final = 600

_GROUP: Final = 4  # letters between two dashes
_PADDING: Final = "======"


class Side(IntEnum):
    """Who speaks; it begins each nonce."""

    NEW = 1
    PRESENT = 2


class LinkCode(Struct, frozen=True):
    """16 random octets, shown by the new device, good once and for ten minutes."""

    octets: Secret[bytes]

    @property
    def text(self) -> str:
        """Return the 26 letters, in groups."""
        letters = base64.b32encode(self.octets.reveal()).decode("ascii").rstrip("=").lower()
        return "-".join(letters[at : at + _GROUP] for at in range(0, CODE_LETTERS, _GROUP))

    @property
    def rendezvous(self) -> bytes:
        """Return where the two meet; it tells nothing of the code."""
        return b2("MX1.link.id", [], key=self.octets.reveal())[:RENDEZVOUS_OCTETS]

    @classmethod
    def read(cls, text: str) -> LinkCode:
        """Return the code that *text* spells; case, dashes and white space are for the eye.

        Raises:
            Refused: It is no code, or one that was mistyped in its length or letters.
        """
        letters = "".join(text.replace("-", "").split()).upper()
        try:
            octets = base64.b32decode(letters + _PADDING)
        except ValueError as error:
            raise Refused(
                "this is no code of a new device: it has 26 letters and digits"
            ) from error
        code = cls(Secret(octets))
        if len(octets) != CODE_OCTETS or code.text.replace("-", "").upper() != letters:
            raise Refused("this is no code of a new device: it has 26 letters and digits")
        return code


@dataclass(slots=True)
class Channel:
    """One end, once both ephemeral keys are known: boxes are numbered each way from 0."""

    side: Side
    _key: Secret[bytes] = field(repr=False)
    _sealed: int = 0
    _opened: int = 0

    @classmethod
    def between(cls, code: LinkCode, side: Side, own: PrivateKey, other: bytes) -> Channel:
        """Return the end of *side*, which made *own*; *other* came from the other one.

        Raises:
            Untrusted: ``link``: *other* is no key that anything can be agreed with.
        """
        if len(other) != EPHEMERAL_OCTETS:
            raise Untrusted("link", "no key of a device that would be linked")
        try:
            shared = crypto_scalarmult(bytes(own), other)
        except (CryptoError, SodiumError) as error:
            raise Untrusted("link", "no key of a device that would be linked") from error
        ends = [bytes(own.public_key), other]
        if side is Side.PRESENT:
            ends.reverse()
        return cls(side, Secret(b2("MX1.link", [*ends, shared], key=code.octets.reveal())))

    def seal(self, plain: bytes) -> bytes:
        """Return the next box of this end."""
        nonce = _nonce(self.side, self._sealed)
        self._sealed += 1
        return crypto_secretbox(plain, nonce, self._key.reveal())

    def open(self, box: bytes) -> bytes:
        """Return what the next box of the other end holds.

        Raises:
            Untrusted: ``link``: it is not by somebody who knows the code, or not the next one.
        """
        other = Side.PRESENT if self.side is Side.NEW else Side.NEW
        try:
            plain = crypto_secretbox_open(box, _nonce(other, self._opened), self._key.reveal())
        except (CryptoError, SodiumError, ValueError) as error:
            raise Untrusted(
                "link", "what came is not by the other device: begin again with a new code"
            ) from error
        self._opened += 1
        return plain


def _nonce(side: Side, count: int) -> bytes:
    return (bytes([side]) + count.to_bytes(8, "big")).ljust(crypto_secretbox_NONCEBYTES, b"\0")
