"""The name of a body that is not here yet: what stands in its place until it is fetched.

``MXH1 || BLAKE2b-256 of the body || u64 its octets``: 44 octets, which no body begins like.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from mx_core.model.octets import Octets

_MAGIC: Final = b"MXH1"
_ID_OCTETS: Final = 32
_SIZE_OCTETS: Final = 8
_OCTETS: Final = len(_MAGIC) + _ID_OCTETS + _SIZE_OCTETS


class BodyName(Struct, frozen=True):
    """Which body, and how long it is."""

    id: bytes
    size: int

    def encode(self) -> bytes:
        """Return the octets that stand for the body."""
        return _MAGIC + self.id + self.size.to_bytes(_SIZE_OCTETS, "big")

    @classmethod
    def read(cls, octets: Octets) -> BodyName | None:
        """Return the name that *octets* are, or None: they are a body, or nothing."""
        if len(octets) != _OCTETS or octets[: len(_MAGIC)] != _MAGIC:
            return None
        name, size = octets[len(_MAGIC) : -_SIZE_OCTETS], octets[-_SIZE_OCTETS:]
        return cls(name, int.from_bytes(size, "big"))
