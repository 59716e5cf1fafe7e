"""Entries of a passport and their signatures: octets to values, and back.

Refuses to know states and rules: it reads the shape of one entry (identity §2, spec/passport §2).
The octets received are kept, because hashes and signatures cover them and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from msgspec import Struct

from mx_core.model.errors import Untrusted
from mx_core.model.ids import DeviceId, Pid
from mx_core.notation import cbor
from mx_core.notation.hashing import DIGEST_OCTETS, b2
from mx_core.notation.signing import PUBLIC_KEY_OCTETS, SIGNATURE_OCTETS
from mx_core.passport.op import DEVICE_ID_OCTETS, Op, number_of
from mx_core.passport.op_form import op_value, read_op
from mx_core.passport.shape import Fields, array, misshapen, octets, uint

FORMAT: Final = 1
ENTRY_OCTETS_MAX: Final = 1024
OPS_MAX: Final = 8


class Entry(Struct, frozen=True):
    """{0: 1, 1: pid, 2: seq, 3: prev, 4: time, 5: by, 6: [[op, body] …]}; 1 and 3 not at seq 0."""

    seq: int
    time: int  # unix seconds
    by: DeviceId
    ops: tuple[Op, ...]
    pid: Pid | None = None
    prev: bytes | None = None

    def encode(self) -> bytes:
        """Return the octets that are hashed and signed."""
        fields: dict[int, cbor.Value] = {0: FORMAT, 2: self.seq, 4: self.time, 5: bytes(self.by)}
        if self.pid is not None and self.prev is not None:
            fields[1], fields[3] = bytes(self.pid), self.prev
        fields[6] = [op_value(op) for op in self.ops]
        return cbor.encode(fields)

    @classmethod
    def decode(cls, entry_octets: bytes) -> Entry:
        """Return the entry that the octets spell.

        Raises:
            Untrusted: ``size``, ``canonical`` (ops out of order included) or ``format``.
        """
        if len(entry_octets) > ENTRY_OCTETS_MAX:
            raise Untrusted("size", f"an entry of more than {ENTRY_OCTETS_MAX} octets")
        return cls._read(cbor.decode(entry_octets))

    @classmethod
    def _read(cls, value: cbor.Value) -> Entry:
        fields = Fields(value, "entry", (0, 2, 4, 5, 6), (1, 3))
        fields.uint(0, FORMAT, FORMAT)
        seq = fields.uint(2)
        first = seq == 0
        if fields.has(1) == first or fields.has(3) == first:
            raise misshapen("pid and prev stand in every entry but the first")
        ops = tuple(read_op(op) for op in fields.array(6))
        if not 1 <= len(ops) <= OPS_MAX:
            raise misshapen(f"an entry has 1 to {OPS_MAX} ops")
        entry = cls(
            seq,
            fields.uint(4),
            DeviceId(fields.octets(5, DEVICE_ID_OCTETS)),
            ops,
            None if first else Pid(fields.octets(1, DIGEST_OCTETS)),
            None if first else fields.octets(3, DIGEST_OCTETS),
        )
        numbers = [number_of(op) for op in ops]
        if numbers != sorted(numbers):
            raise Untrusted("canonical", "ops are not in ascending order")
        return entry


class RoleSignature(Struct, frozen=True, order=True):
    """[role, pk, sig]; the order of the fields is the order of the list."""

    role: int
    public_key: bytes
    signature: bytes


@dataclass(frozen=True)
class SignedEntry:
    """[entry bstr, [[role, pk, sig] …]], ascending by (role, pk)."""

    entry_octets: bytes
    signatures: tuple[RoleSignature, ...]

    @cached_property
    def entry(self) -> Entry:
        """The entry inside; raises as `Entry.decode`."""
        return Entry.decode(self.entry_octets)

    @cached_property
    def octets(self) -> bytes:
        """The encoded form; the chain's limit counts these."""
        return cbor.encode(self.value())

    @property
    def head(self) -> bytes:
        """`prev` of the entry after this one."""
        return b2("MX1.entry", [self.entry_octets])

    def value(self) -> cbor.Value:
        """Return the CBOR form, as it stands in a Card."""
        return [
            self.entry_octets,
            [[each.role, each.public_key, each.signature] for each in self.signatures],
        ]

    @classmethod
    def decode(cls, signed_octets: bytes) -> SignedEntry:
        """Return the signed entry that the octets spell, the entry inside it not yet read.

        Raises:
            Untrusted: ``canonical`` (signatures out of order included) or ``format``.
        """
        return cls.read(cbor.decode(signed_octets))

    @classmethod
    def read(cls, value: cbor.Value) -> SignedEntry:
        """Return the signed entry that a decoded *value* spells; raises as `decode`."""
        pair = array(value, "SignedEntry", 2)
        entry_octets = octets(pair[0], "SignedEntry.entry")
        signatures = tuple(_read_signature(each) for each in array(pair[1], "SignedEntry.sigs"))
        keys = [(each.role, each.public_key) for each in signatures]
        if keys != sorted(keys):
            raise Untrusted("canonical", "signatures are not in ascending order")
        return cls(entry_octets, signatures)


def pid_of(genesis_octets: bytes) -> Pid:
    """Return the passport id: the hash of entry 0."""
    return Pid(b2("MX1.passport", [genesis_octets]))


def encode_chain(entries: Sequence[SignedEntry]) -> bytes:
    """Return the entries as one CBOR array, the form in which a verified chain is kept."""
    return cbor.encode([entry.value() for entry in entries])


def decode_chain(chain_octets: bytes) -> tuple[SignedEntry, ...]:
    """Return the entries of `encode_chain`, unverified; raises as `SignedEntry.decode`."""
    return tuple(SignedEntry.read(value) for value in array(cbor.decode(chain_octets), "a chain"))


def _read_signature(value: cbor.Value) -> RoleSignature:
    triple = array(value, "a signature", 3)
    return RoleSignature(
        uint(triple[0], "a role"),
        octets(triple[1], "a public key", PUBLIC_KEY_OCTETS),
        octets(triple[2], "a signature", SIGNATURE_OCTETS),
    )
