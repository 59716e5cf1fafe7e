"""ext: what travels with the statement of a person and is signed by its hash.  Identity §8.

Only the gossip of checkpoints is read here; what else may stand there is let through.

Failure classes: ``canonical``, ``format``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from mx_core.envelope.shape import array, keyed, octets, text, uint
from mx_core.notation import cbor
from mx_core.notation.cbor import Value
from mx_core.notation.hashing import DIGEST_OCTETS

CHECKPOINTS_MAX: Final = 4
_CHECKPOINTS: Final = 0
_MORE: Final = frozenset({_CHECKPOINTS, 1, 2, 3})


class Gossip(NamedTuple):
    """A tree of a log that the sender has accepted."""

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Ext:
    """{? 0: [* [origin, size, root]]}; at most four."""

    checkpoints: tuple[Gossip, ...] = ()

    def encode(self) -> bytes:
        """Return the octets; b"" for nothing, because an empty ext is left out."""
        if not self.checkpoints:
            return b""
        return cbor.encode({_CHECKPOINTS: [list(one) for one in self.checkpoints]})

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
        return cls(tuple(_gossip(one) for one in told[:CHECKPOINTS_MAX]))


def _gossip(value: Value) -> Gossip:
    origin, size, root = (*array(value), "", "", "")[:3]
    return Gossip(text(origin), uint(size), octets(root, DIGEST_OCTETS))
