"""The two kinds of log leaves, and the commitment that hides a Binding in one.  Identity §4.

Failure class: ``log-leaf``.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from mx_core.model.address import Address
from mx_core.model.errors import Untrusted
from mx_core.notation.hashing import b2

OPENING_OCTETS: Final = 32
_BINDING, _ROOT = b"\x01", b"\x02"


class BindingLeaf(Struct, frozen=True):
    """One Binding of the address that *label* stands for; versions count from 1 without gaps."""

    label: bytes
    version: int
    commitment: bytes

    def octets(self) -> bytes:
        """Return the log entry."""
        return _BINDING + self.label + self.version.to_bytes(4, "big") + self.commitment


class RootLeaf(Struct, frozen=True):
    """The root of the map after all leaves before *index*, which is this leaf's own."""

    map_root: bytes
    index: int

    def octets(self) -> bytes:
        """Return the log entry."""
        return _ROOT + self.map_root + self.index.to_bytes(8, "big")


def parse_leaf(octets: bytes) -> BindingLeaf | RootLeaf:
    """Return the leaf that a log entry spells.

    Raises:
        Untrusted: ``log-leaf``.
    """
    match octets[:1], len(octets):
        case b"\x01", 69:
            version = int.from_bytes(octets[33:37], "big")
            if version:
                return BindingLeaf(octets[1:33], version, octets[37:])
        case b"\x02", 41:
            return RootLeaf(octets[1:33], int.from_bytes(octets[33:], "big"))
        case _:
            pass
    raise Untrusted("log-leaf", "a log entry of no known kind")


def commitment(binding: bytes, opening: bytes) -> bytes:
    """Return what hides *binding* until its 32-octet *opening* is shown."""
    if len(opening) != OPENING_OCTETS:
        raise Untrusted("log-leaf", "an opening of the wrong length")
    return b2("MX1.kt.commit", [binding], key=opening)


def alpha(address: Address) -> bytes:
    """Return the VRF input of a canonical *address*."""
    return b"MailX v1 vrf\0" + str(address).encode()


def label_of(vrf_output: bytes) -> bytes:
    """Return the label: the first half of the VRF output."""
    return vrf_output[:32]
