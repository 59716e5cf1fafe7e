"""ext: what travels with the statement of a person and is signed by its hash.  Identity §8.

The gossip of checkpoints, the contact secret, receipts and the use of an invitation are read here;
what else may stand there is let through.

Failure classes: ``canonical``, ``format``.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from msgspec import Struct

from mx_core.envelope.shape import array, keyed, octets, text, uint
from mx_core.notation import cbor
from mx_core.notation.cbor import Value
from mx_core.notation.hashing import DIGEST_OCTETS
from mx_core.notation.signing import SIGNATURE_OCTETS

CHECKPOINTS_MAX: Final = 4
RECEIPTS_MAX: Final = 16
SECRET_OCTETS: Final = 32
_CHECKPOINTS, _SECRET, _RECEIPTS, _INVITED = 0, 2, 3, 4
_MORE: Final = frozenset({_CHECKPOINTS, 1, _SECRET, _RECEIPTS, _INVITED})


class Gossip(NamedTuple):
    """A tree of a log that the sender has accepted."""

    origin: str
    size: int
    root: bytes


class SignedReceipt(NamedTuple):
    """A receipt as it travels; ``receipt`` reads it."""

    body: bytes
    signature: bytes


class Ext(Struct, frozen=True):
    """{? 0: [* [origin, size, root]], ? 2: secret, ? 3: [* receipt], ? 4: invited}.

    Of trees at most four, of receipts sixteen.
    """

    checkpoints: tuple[Gossip, ...] = ()
    secret: bytes = b""  # 32 octets that the reader's tokens are made of; b"" for none
    invited: bytes = b""  # 32 octets: the reader's invitation was used (spec/invitations §3)
    receipts: tuple[SignedReceipt, ...] = ()

    def encode(self) -> bytes:
        """Return the octets; b"" for nothing, because an empty ext is left out."""
        field: dict[int, Value] = {}
        if self.checkpoints:
            field[_CHECKPOINTS] = [list(one) for one in self.checkpoints]
        if self.secret:
            field[_SECRET] = self.secret
        if self.receipts:
            field[_RECEIPTS] = [list(one) for one in self.receipts]
        if self.invited:
            field[_INVITED] = self.invited
        return cbor.encode(field) if field else b""

    @classmethod
    def decode(cls, ext: bytes | None) -> Ext:
        """Return what *ext* says.

        Raises:
            Untrusted: ``canonical``, ``format``.
        """
        if not ext:
            return cls()
        field = keyed(cbor.decode(ext), frozenset(), _MORE)
        told = array(field[_CHECKPOINTS]) if _CHECKPOINTS in field else []
        secret = octets(field[_SECRET], SECRET_OCTETS) if _SECRET in field else b""
        invited = octets(field[_INVITED], DIGEST_OCTETS) if _INVITED in field else b""
        given = array(field[_RECEIPTS]) if _RECEIPTS in field else []
        return cls(
            tuple(_gossip(one) for one in told[:CHECKPOINTS_MAX]),
            secret,
            invited,
            tuple(_receipt(one) for one in given[:RECEIPTS_MAX]),
        )


def _gossip(value: Value) -> Gossip:
    origin, size, root = (*array(value), "", "", "")[:3]
    return Gossip(text(origin), uint(size), octets(root, DIGEST_OCTETS))


def _receipt(value: Value) -> SignedReceipt:
    body, signature = (*array(value), b"", b"")[:2]
    return SignedReceipt(octets(body), octets(signature, SIGNATURE_OCTETS))
