"""LogProof: that a Binding is logged, and is the newest of its address.  Identity §4.

Both the map path and the inclusion of the leaf are demanded: a root alone could show a leaf that
was never logged, and a leaf alone could be an old one.  An absence is shown by the map alone.
Shapes: spec/transparency §5.

Failure classes: ``format`` and those of the parts: ``note checkpoint log-proof map-proof vrf
log-leaf``, ``map-root`` (the last leaf is none), ``logged`` (the map or the leaf says another thing),
``rolled-back`` (a smaller tree than the reader has seen).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from msgspec import Struct

from mx_core.model.address import Address
from mx_core.model.errors import Untrusted
from mx_core.notation import cbor
from mx_core.tlog import label_map, merkle, vrf
from mx_core.tlog.checkpoint import OpenedCheckpoint, open_checkpoint
from mx_core.tlog.label_map import Path, Value
from mx_core.tlog.leaf import BindingLeaf, RootLeaf, alpha, commitment, label_of, parse_leaf
from mx_core.tlog.note import NOTE_OCTETS_MAX, NoteKey

_PRESENCE: Final = frozenset(range(9))
_ABSENCE: Final = frozenset({1, 2, 6, 7, 8})
_LABELS_KEPT: Final = 4_096
_PROOFS_KEPT: Final = 256
_CHECKPOINTS_KEPT: Final = 64


def origin_of(domain: str) -> str:
    """Return the name of the log of *domain*."""
    return f"{domain}/mailx-kt"


class LogKeys(Struct, frozen=True):
    """What a reader holds of a log: its keys, and who else is believed to watch it."""

    origin: str
    kt: bytes
    vrf: bytes
    witnesses: tuple[NoteKey, ...] = ()


class Seen(Struct, frozen=True):
    """The newest tree of a log that a reader has accepted."""

    size: int
    root: bytes


class Logged(Struct, frozen=True):
    """What a proof showed; *opened* is to be remembered as seen."""

    opened: OpenedCheckpoint
    value: Value | None  # None: the address has no leaf

    @property
    def seen(self) -> Seen:
        """Return the tree that the reader has accepted now."""
        return Seen(self.opened.checkpoint.size, self.opened.checkpoint.root)


class LogProof(Struct, frozen=True):
    """See the module; *opening* and *inclusion* are None for an absence."""

    vrf_proof: bytes
    path: Path
    root_leaf: bytes
    root_inclusion: tuple[bytes, ...]
    checkpoint: bytes
    consistency: tuple[bytes, ...]
    opening: bytes | None = None
    inclusion: tuple[bytes, ...] | None = None

    def encode(self) -> bytes:
        """Return the one encoding."""
        fields: dict[int, cbor.Value] = {
            1: self.vrf_proof,
            2: [list(self.path.siblings), _terminal(self.path)],
            6: [self.root_leaf, list(self.root_inclusion)],
            7: self.checkpoint,
            8: list(self.consistency),
        }
        if self.opening is not None and self.inclusion is not None:
            if self.path.terminal is None:
                raise ValueError("a proof of presence ends at its label")
            value = self.path.terminal[1]
            fields |= {0: self.opening, 3: value.version, 4: value.leaf_index}
            fields[5] = list(self.inclusion)
        return cbor.encode(fields)

    @classmethod
    def decode(cls, octets: bytes) -> LogProof:
        """Return the proof that *octets* spell, nothing believed.

        Raises:
            Untrusted: ``canonical``, ``format``.
        """
        return _decoded(octets)

    def verify(
        self, keys: LogKeys, address: Address, binding: bytes | None, seen: Seen | None
    ) -> Logged:
        """Check that *binding* (None: nothing) is the newest of the canonical *address*.

        *seen* is the newest tree of this log that was accepted before.

        Raises:
            Untrusted: The class of the first check that fails.
        """
        opened = _opened(self.checkpoint, keys)
        tree = opened.checkpoint
        if seen is not None:
            if tree.size < seen.size:
                raise Untrusted("rolled-back", f"{keys.origin} shows an older tree than before")
            merkle.verify_consistency(seen.size, seen.root, tree.size, tree.root, self.consistency)
        elif self.consistency:
            raise Untrusted("format", "a consistency proof from no size")
        root_leaf = self._root_leaf(tree.size, tree.root)
        label = label_shown(keys.vrf, address, self.vrf_proof)
        value = label_map.verify_path(root_leaf.map_root, label, self.path)
        if (value is None) != (binding is None):
            raise Untrusted("logged", f"the map of {keys.origin} says another thing of an address")
        if value is not None and binding is not None:
            self._check_leaf(label, value, binding, tree.size, tree.root)
        return Logged(opened, value)

    def _root_leaf(self, size: int, root: bytes) -> RootLeaf:
        leaf = parse_leaf(self.root_leaf)
        if not isinstance(leaf, RootLeaf) or leaf.index != size - 1:
            raise Untrusted("map-root", "a checkpoint whose last leaf is not the root of its map")
        merkle.verify_inclusion(
            merkle.leaf_hash(self.root_leaf), leaf.index, size, self.root_inclusion, root
        )
        return leaf

    def _check_leaf(
        self, label: bytes, value: Value, binding: bytes, size: int, root: bytes
    ) -> None:
        if self.opening is None or self.inclusion is None:
            raise Untrusted("logged", "a proof of absence for a name that is there")
        leaf = BindingLeaf(label, value.version, value.commitment).octets()
        merkle.verify_inclusion(
            merkle.leaf_hash(leaf), value.leaf_index, size, self.inclusion, root
        )
        if commitment(binding, self.opening) != value.commitment:
            raise Untrusted("logged", "the log holds another binding than the domain attests")


@lru_cache(maxsize=_PROOFS_KEPT)
def _decoded(octets: bytes) -> LogProof:
    """Return the proof: the same one comes with each message of a sender."""
    fields = cbor.decode(octets)
    if not isinstance(fields, dict) or frozenset(fields) not in (_PRESENCE, _ABSENCE):
        raise Untrusted("format", "a log proof with other items than it must have")
    present = 0 in fields
    siblings, terminal = _pair(fields[2])
    root_leaf, root_inclusion = _pair(fields[6])
    path = Path(_hashes(siblings), _read_terminal(terminal))
    made = LogProof(
        vrf_proof=_octets(fields[1], vrf.PROOF_OCTETS),
        path=path,
        root_leaf=_octets(root_leaf, 41),
        root_inclusion=_hashes(root_inclusion),
        checkpoint=_octets(fields[7], NOTE_OCTETS_MAX, exact=False),
        consistency=_hashes(fields[8]),
        opening=_octets(fields[0], 32) if present else None,
        inclusion=_hashes(fields[5]) if present else None,
    )
    if present and (
        path.terminal is None
        or (path.terminal[1].version, path.terminal[1].leaf_index) != (fields[3], fields[4])
    ):
        raise Untrusted("format", "a log proof that names two leaves")
    return made


@lru_cache(maxsize=_CHECKPOINTS_KEPT)
def _opened(note: bytes, keys: LogKeys) -> OpenedCheckpoint:
    """Return the checkpoint that these keys signed: one note stands in the proof of each address."""
    return open_checkpoint(note, keys.origin, keys.kt, keys.witnesses)


@lru_cache(maxsize=_LABELS_KEPT)
def label_shown(vrf_key: bytes, address: Address, vrf_proof: bytes) -> bytes:
    """Return the label that the proof shows for a canonical *address*; it never changes.

    Raises:
        Untrusted: ``vrf``.
    """
    return label_of(vrf.verify(vrf_key, alpha(address), vrf_proof))


def _terminal(path: Path) -> cbor.Value:
    if path.terminal is None:
        return []
    label, value = path.terminal
    return [label, value.version, value.commitment, value.leaf_index]


def _read_terminal(value: Any) -> tuple[bytes, Value] | None:
    match value:
        case []:
            return None
        case [bytes(label), int(version), bytes(committed), int(index)]:
            return label, Value(version, committed, index)
        case _:
            raise Untrusted("format", "a map path that ends at no label and not at nothing")


def _pair(value: Any) -> tuple[Any, Any]:
    match value:
        case [first, second]:
            return first, second
        case _:
            raise Untrusted("format", "a log proof with an item of another shape")


def _hashes(value: Any) -> tuple[bytes, ...]:
    if not isinstance(value, list) or len(value) > label_map.LABEL_BITS:
        raise Untrusted("format", "a log proof with hashes of another shape")
    return tuple(_octets(one, merkle.HASH_OCTETS) for one in value)


def _octets(value: Any, length: int, *, exact: bool = True) -> bytes:
    if not isinstance(value, bytes) or len(value) > length or (exact and len(value) != length):
        raise Untrusted("format", "a log proof with octets of another length")
    return value


def freshness(logged: Logged, attested: int, now: float, witnesses: Sequence[NoteKey]) -> float:
    """Return the age of what was shown in seconds: by the newest cosignature, else as attested."""
    newest = logged.opened.newest if witnesses else None
    return now - (attested if newest is None else newest)
