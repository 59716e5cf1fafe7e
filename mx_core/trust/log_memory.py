"""What is remembered of a domain's log: its keys for ever, its newest tree, what others said of it.

Pins are of people, this is of domains: one for all whom one knows there.  Nothing in it goes back:
a log that was seen once is expected always, and its tree only grows.  Spec/transparency §8.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from mx_core.model.errors import StoreDamaged, Untrusted
from mx_core.notation import cbor
from mx_core.notation.hashing import DIGEST_OCTETS
from mx_core.notation.signing import PUBLIC_KEY_OCTETS
from mx_core.passport.shape import Fields, array, misshapen, octets, uint
from mx_core.tlog.log_proof import LogKeys, Seen, origin_of
from mx_core.tlog.note import NOTE_OCTETS_MAX, NoteKey

TOLD_MAX: Final = 8

_FORMAT: Final = 1
_WORD_OCTETS_MAX: Final = 400


class Told(Struct, frozen=True):
    """A tree that somebody else has seen; *note* is its checkpoint, or b"" if only its root came."""

    size: int
    root: bytes
    by: str  # an address, or the domain of a witness
    note: bytes = b""

    @property
    def seen(self) -> Seen:
        """Return size and root."""
        return Seen(self.size, self.root)


class LogMemory(Struct, frozen=True):
    """See the module; *note* is the checkpoint of *seen*, as the log signed it."""

    kt: bytes
    vrf: bytes
    seen: Seen | None = None
    note: bytes = b""
    told: tuple[Told, ...] = ()  # not yet held against the log itself
    doubt: str = ""  # why nothing of this domain is believed until a person has judged

    def keys(self, domain: str, witnesses: tuple[NoteKey, ...] = ()) -> LogKeys:
        """Return what a proof is checked with."""
        return LogKeys(origin_of(domain), self.kt, self.vrf, witnesses)

    def grown(self, seen: Seen, note: bytes) -> LogMemory:
        """Return the memory after a tree that was proved to go on from the one that was seen."""
        if self.seen is not None and seen.size <= self.seen.size:
            return self
        return replace(self, seen=seen, note=note)

    def heard(self, told: Told) -> LogMemory:
        """Return the memory with one more word of others; the oldest give way."""
        if any(one.seen == told.seen for one in self.told):
            return self
        return replace(self, told=(*self.told, told)[-TOLD_MAX:])

    def encode(self) -> bytes:
        """Return the octets that the store keeps."""
        seen: list[cbor.Value] = [] if self.seen is None else [self.seen.size, self.seen.root]
        return cbor.encode(
            {
                0: _FORMAT,
                1: self.kt,
                2: self.vrf,
                3: seen,
                4: self.note,
                5: [[one.size, one.root, one.by, one.note] for one in self.told],
                6: self.doubt,
            }
        )

    @classmethod
    def decode(cls, memory_octets: bytes) -> LogMemory:
        """Return what the store kept.

        Raises:
            StoreDamaged: These octets are no memory of this version.
        """
        try:
            return _read(cbor.decode(memory_octets))
        except Untrusted as error:
            raise StoreDamaged("what is remembered of a log cannot be read") from error


def _read(value: cbor.Value) -> LogMemory:
    fields = Fields(value, "LogMemory", range(7))
    fields.uint(0, _FORMAT, _FORMAT)
    seen = fields.array(3)
    return LogMemory(
        kt=fields.octets(1, PUBLIC_KEY_OCTETS),
        vrf=fields.octets(2, PUBLIC_KEY_OCTETS),
        seen=_read_seen(seen) if seen else None,
        note=_short_octets(fields.value(4)),
        told=tuple(_read_told(one) for one in fields.array(5)),
        doubt=_word(fields.value(6)),
    )


def _read_seen(value: cbor.Value) -> Seen:
    size, root = array(value, "LogMemory.3", 2)
    return Seen(uint(size, "LogMemory.3"), octets(root, "LogMemory.3", DIGEST_OCTETS))


def _read_told(value: cbor.Value) -> Told:
    size, root, by, note = array(value, "LogMemory.5", 4)
    return Told(
        uint(size, "LogMemory.5"),
        octets(root, "LogMemory.5", DIGEST_OCTETS),
        _word(by),
        _short_octets(note),
    )


def _short_octets(value: cbor.Value) -> bytes:
    if not isinstance(value, bytes) or len(value) > NOTE_OCTETS_MAX:
        raise misshapen("a checkpoint is short octets")
    return value


def _word(value: cbor.Value) -> str:
    if not isinstance(value, str) or len(value.encode()) > _WORD_OCTETS_MAX:
        raise misshapen("a word is a short text")
    return value
