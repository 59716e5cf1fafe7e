"""What a backup holds: a manifest, the database, the body files it names.  spec/backup §3.  Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from mx_core.model.address import Address
from mx_core.model.errors import BadAddress, Refused, Untrusted
from mx_core.model.ids import DeviceId, Pid
from mx_core.model.secret import Secret
from mx_core.notation import cbor

MANIFEST_OCTETS_MAX: Final = 256 * 1024 * 1024
_FORMAT: Final = 1
_ID_OCTETS: Final = 16
_KEY_OCTETS: Final = 32


class Manifest(Struct, frozen=True):
    """{0: 1, 1: address, 2: pid, 3: device, 4: created, 5: key, 6: octets, 7: [[file, octets] …]}."""

    address: Address
    pid: Pid
    device_id: DeviceId  # of the device that made it
    created: int  # unix seconds
    key: Secret[bytes]  # of the database inside
    database_octets: int
    bodies: tuple[tuple[bytes, int], ...]  # name and size of each sealed body file

    def encode(self) -> bytes:
        """Return u32 length and the manifest."""
        octets = cbor.encode(
            {
                0: _FORMAT,
                1: str(self.address),
                2: bytes(self.pid),
                3: bytes(self.device_id),
                4: self.created,
                5: self.key.reveal(),
                6: self.database_octets,
                7: [[name, size] for name, size in self.bodies],
            }
        )
        return len(octets).to_bytes(4, "big") + octets

    @classmethod
    def decode(cls, octets: bytes) -> Manifest:
        """Return the manifest that *octets* spell, without their length; raises Refused."""
        try:
            match cbor.decode(octets):
                case {
                    0: 1, 1: str(address), 2: bytes(pid), 3: bytes(device), 4: int(created),
                    5: bytes(key), 6: int(size), 7: list(bodies), **rest
                } if not rest and len(key) == _KEY_OCTETS:  # fmt: skip
                    return cls(
                        Address.parse(address), Pid(pid), DeviceId(device), created,
                        Secret(key), size, tuple(_body(each) for each in bodies),
                    )  # fmt: skip
        except (Untrusted, BadAddress):
            pass
        raise Refused("this backup was made by a newer version: install it first")


class Contents:
    """The clear octets of a backup, taken off in the order in which they stand."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        """*pieces*: as ``sealed.unseal`` yields them."""
        self._pieces = pieces
        self._held = b""

    def manifest(self) -> Manifest:
        """Return what comes first; raises Refused."""
        length = int.from_bytes(b"".join(self.take(4)), "big")
        if length > MANIFEST_OCTETS_MAX:
            raise Refused("this is no backup that this version can read")
        return Manifest.decode(b"".join(self.take(length)))

    def take(self, octets: int) -> Iterator[bytes]:
        """Yield the next *octets*; raises Refused if there are fewer."""
        while octets:
            if not self._held:
                self._held = next(self._pieces, b"")
                if not self._held:
                    raise Refused("this backup is damaged or cut off: take an older one")
            piece, self._held = self._held[:octets], self._held[octets:]
            octets -= len(piece)
            yield piece

    def end(self) -> None:
        """Read on to the last chunk, which proves that nothing was cut off; raises Refused."""
        if self._held or any(self._pieces):
            raise Refused("this backup holds more than it says")


def _body(value: cbor.Value) -> tuple[bytes, int]:
    match value:
        case [bytes(name), int(size)] if len(name) == _ID_OCTETS:
            return name, size
        case _:
            raise Refused("this is no backup that this version can read")
