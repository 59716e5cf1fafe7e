"""Evidence: signed things that contradict each other, for whoever was not there.  Identity §4.

A bundle holds no mail and needs no network: what is in it is checked with the keys of the server
document in it, and who signed that is for the reader to compare with what DNS says.

Failure classes: ``canonical``, ``format``, and ``evidence``: it does not show what it says.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Final

from msgspec import Struct

from mx_core.model.address import Address, canonical_domain
from mx_core.model.errors import BadAddress, Untrusted
from mx_core.notation import cbor
from mx_core.notation.signing import SIGNATURE_OCTETS, Use, verify
from mx_core.passport.binding import Attestation, Binding
from mx_core.passport.chain import verify_chain
from mx_core.passport.entry import SignedEntry
from mx_core.passport.epoch import verify_epoch
from mx_core.passport.shape import Fields, array, misshapen, octets, uint
from mx_core.passport.state import State
from mx_core.tlog import merkle
from mx_core.tlog.checkpoint import Checkpoint, open_checkpoint
from mx_core.tlog.leaf import BindingLeaf, commitment, parse_leaf
from mx_core.tlog.log_proof import LogKeys, LogProof, label_shown

OCTETS_MAX: Final = 256 * 1024
UNLOGGED_SECONDS: Final = 48 * 3_600  # what was attested is logged by then, identity §4


class Kind(IntEnum):
    """What the items of a bundle contradict each other about."""

    FORK = 1  # [Attestation, Attestation] / [Attestation, later Attestation, [* SignedEntry]]
    SPLIT_VIEW = (
        2  # [checkpoint, checkpoint, [* refused consistency]] / [checkpoint, [size, root, by]]
    )
    UNLOGGED = 3  # [Attestation, LogProof, Binding, what a witness saw: see _dated]
    CLONED_DEVICE = 4  # [[* SignedEntry], SignedEpoch, SignedEpoch]
    FOREIGN_VERSION = 5  # see ForeignVersion


class Found(Struct, frozen=True):
    """What a bundle shows.  *proved*: by the domain's own signatures; else by somebody's word."""

    proved: bool
    sentence: str


class Evidence(Struct, frozen=True):
    """{0: kind, 1: domain, 2: [items], 3: [server document, signature]}."""

    kind: Kind
    domain: str
    items: tuple[cbor.Value, ...]
    document: bytes
    signature: bytes

    def encode(self) -> bytes:
        """Return the bundle."""
        signed: list[cbor.Value] = [self.document, self.signature]
        return cbor.encode({0: int(self.kind), 1: self.domain, 2: list(self.items), 3: signed})

    @classmethod
    def decode(cls, bundle: bytes) -> Evidence:
        """Return the bundle, nothing believed; raises Untrusted ``canonical`` or ``format``."""
        if len(bundle) > OCTETS_MAX:
            raise misshapen("a bundle of unusual size")
        fields = Fields(cbor.decode(bundle), "Evidence", range(4))
        domain = fields.value(1)
        if not isinstance(domain, str) or not _is_domain(domain):
            raise misshapen("a bundle about no domain")
        try:
            kind = Kind(fields.uint(0))
        except ValueError as error:
            raise misshapen("evidence of a kind that needs a newer version") from error
        signed = fields.array(3, 2)
        return cls(
            kind,
            domain,
            tuple(fields.array(2)),
            octets(signed[0], "Evidence.3"),
            octets(signed[1], "Evidence.3", SIGNATURE_OCTETS),
        )

    def verify(self, domain_keys: Sequence[bytes], log: LogKeys | None) -> Found:
        """Return what the items show under the keys of the document.

        Raises:
            Untrusted: They do not contradict each other, or do not prove themselves.
        """
        items = list(self.items)
        match self.kind, items:
            case Kind.FORK, [one, other]:
                return _fork(one, other, domain_keys)
            case Kind.FORK, [one, other, list() as entries]:
                return _later_fork(one, other, entries, domain_keys)
            case Kind.UNLOGGED, [one, bytes() as proof, bytes() as logged, list() as seen] if log:
                return _unlogged(one, proof, logged, seen, domain_keys, log)
            case Kind.CLONED_DEVICE, [list() as entries, one, other]:
                return _cloned(entries, one, other)
            case Kind.SPLIT_VIEW, [bytes() as one, [size, root, by]] if log is not None:
                return _told(one, size, root, by, log)
            case Kind.SPLIT_VIEW, [bytes() as one, bytes() as other, list() as hashes] if log:
                return _split(one, other, hashes, log)
            case Kind.FOREIGN_VERSION, [item] if log is not None:
                return _foreign(ForeignVersion.read(item), log)
            case _:
                raise misshapen("evidence whose items do not fit its kind")


class ForeignVersion(Struct, frozen=True):
    """A leaf of an address that its owner did not make.

    [address, [* SignedEntry], vrf proof, leaf, index, [* inclusion], checkpoint, opening, binding];
    the last two are empty if the domain would not open its leaf.
    """

    address: Address
    entries: tuple[bytes, ...]
    vrf_proof: bytes
    leaf: bytes
    index: int
    inclusion: tuple[bytes, ...]
    checkpoint: bytes
    opening: bytes
    binding: bytes

    def value(self) -> cbor.Value:
        """Return the item."""
        return [
            str(self.address),
            [cbor.decode(entry) for entry in self.entries],
            self.vrf_proof,
            self.leaf,
            self.index,
            list(self.inclusion),
            self.checkpoint,
            self.opening,
            self.binding,
        ]

    @classmethod
    def read(cls, value: cbor.Value) -> ForeignVersion:
        """Return what the item spells; raises Untrusted ``format``."""
        what = "ForeignVersion"
        item = array(value, what, 9)
        address = Fields({0: item[0]}, what, (0,)).address(0)
        return cls(
            address,
            tuple(cbor.encode(entry) for entry in array(item[1], what)),
            octets(item[2], what, 80),
            octets(item[3], what),
            uint(item[4], what),
            tuple(octets(one, what, merkle.HASH_OCTETS) for one in array(item[5], what)),
            *(octets(one, what) for one in item[6:]),
        )


# ── what each kind shows ─────────────────────────────────────────────────────────────
def _fork(one: cbor.Value, other: cbor.Value, keys: Sequence[bytes]) -> Found:
    first, second = (_attested(each, keys).binding for each in (one, other))
    if (first.pid, first.seq) != (second.pid, second.seq) or first.head == second.head:
        raise Untrusted("evidence", "two attestations that do not contradict each other")
    return Found(True, f"it attested two histories of the passport of {first.address}")


def _later_fork(
    one: cbor.Value, other: cbor.Value, entries: list[cbor.Value], keys: Sequence[bytes]
) -> Found:
    first, second = (_attested(each, keys).binding for each in (one, other))
    state = _state([cbor.encode(entry) for entry in entries])
    if (state.pid, state.seq, state.head) != (second.pid, second.seq, second.head):
        raise Untrusted("evidence", "a history that is not the attested one")
    if first.pid != second.pid or first.seq > second.seq or is_of(state, first):
        raise Untrusted("evidence", "two attestations that do not contradict each other")
    return Found(True, f"it attested two histories of the passport of {first.address}")


def _unlogged(
    one: cbor.Value,
    octets_: bytes,
    logged: bytes,
    seen: list[cbor.Value],
    keys: Sequence[bytes],
    log: LogKeys,
) -> Found:
    attestation = _attested(one, keys)
    said = attestation.binding
    shown = LogProof.decode(octets_).verify(log, said.address, logged or None, None)
    if logged:
        older = Binding.decode(logged)
        if (older.address, older.pid) != (said.address, said.pid) or older.seq >= said.seq:
            raise Untrusted("evidence", "what is logged does not leave out what was attested")
    dates = [shown.opened.newest, _dated(seen, shown.opened.checkpoint, log)]
    newest = max((date for date in dates if date is not None), default=None)
    what = f"it attested entry {said.seq} of {said.address}, and did not log it"
    if newest is not None and newest >= attestation.issued + UNLOGGED_SECONDS:
        return Found(True, f"{what} for two days, as a witness has signed")
    return Found(False, f"{what} for two days, as they say who made this")


def _dated(seen: list[cbor.Value], shown: Checkpoint, log: LogKeys) -> int | None:
    """Return when a witness had seen a tree that *shown* goes on from: it is no older than that.

    *seen* is [], or [document, signature] of the witness, or these and
    [checkpoint that it cosigned, consistency from there].
    """
    match seen[2:]:
        case []:
            return None
        case [bytes(note), [*hashes]]:
            opened = open_checkpoint(note, log.origin, log.kt, log.witnesses)
            proof = [octets(each, "Evidence.2", merkle.HASH_OCTETS) for each in hashes]
            tree = opened.checkpoint
            merkle.verify_consistency(tree.size, tree.root, shown.size, shown.root, proof)
            return opened.newest
        case _:
            raise misshapen("what a witness saw is of another shape")


def _attested(value: cbor.Value, keys: Sequence[bytes]) -> Attestation:
    found = Attestation.read(value)
    if found.domain_pk not in keys:
        raise Untrusted("evidence", "an attestation by a key that the document does not name")
    verify(found.domain_pk, Use.ATTEST, found.signed_octets, found.signature)
    return found


def _cloned(entries: list[cbor.Value], one: cbor.Value, other: cbor.Value) -> Found:
    state = _state([cbor.encode(entry) for entry in entries])
    first, second = (verify_epoch(cbor.encode(each), state) for each in (one, other))
    if (first.device_id, first.n) != (second.device_id, second.n) or first == second:
        raise Untrusted("evidence", "two epochs that do not contradict each other")
    return Found(True, f"a device of {state.address} exists twice: it signed two keys as one")


def _split(one: bytes, other: bytes, hashes: list[cbor.Value], log: LogKeys) -> Found:
    first, second = sorted((_tree(each, log) for each in (one, other)), key=lambda tree: tree.size)
    proof = [octets(each, "Evidence.2", merkle.HASH_OCTETS) for each in hashes]
    try:
        merkle.verify_consistency(first.size, first.root, second.size, second.root, proof)
    except Untrusted:
        pass
    else:
        raise Untrusted("evidence", "two checkpoints that go together")
    if first.size == second.size:
        return Found(True, f"its log showed two different trees of {first.size} leaves")
    return Found(
        False, f"its log signed {first.size} and {second.size} leaves and did not join them"
    )


def _told(one: bytes, size: cbor.Value, root: cbor.Value, by: cbor.Value, log: LogKeys) -> Found:
    tree = _tree(one, log)
    if not isinstance(by, str):
        raise misshapen("a word of nobody")
    claimed = uint(size, "Evidence.2"), octets(root, "Evidence.2", merkle.HASH_OCTETS)
    if claimed == (tree.size, tree.root):
        raise Untrusted("evidence", "a word that agrees with the checkpoint")
    return Found(
        False,
        f"its log showed {tree.size} leaves here, and other {claimed[0]} to {by}, as they say",
    )


def _foreign(what: ForeignVersion, log: LogKeys) -> Found:
    state, tree, leaf = _state(what.entries), _tree(what.checkpoint, log), parse_leaf(what.leaf)
    label = label_shown(log.vrf, what.address, what.vrf_proof)
    if not isinstance(leaf, BindingLeaf) or leaf.label != label or what.address != state.address:
        raise Untrusted("evidence", "a leaf of another address")
    merkle.verify_inclusion(
        merkle.leaf_hash(what.leaf), what.index, tree.size, what.inclusion, tree.root
    )
    if not what.binding:
        return Found(
            False, f"version {leaf.version} of {what.address} in its log was opened to nobody"
        )
    if commitment(what.binding, what.opening) != leaf.commitment:
        raise Untrusted("evidence", "a leaf that hides something else")
    if is_of(state, Binding.decode(what.binding)):
        raise Untrusted("evidence", "the leaf is the owner's own")
    return Found(True, f"its log holds a key for {what.address} that its owner did not make")


def is_of(state: State, binding: Binding) -> bool:
    """Tell whether *binding* names an entry of the passport *state*."""
    return (
        binding.pid == state.pid
        and binding.seq < len(state.heads)
        and state.heads[binding.seq] == binding.head
    )


def _state(entries: Sequence[bytes]) -> State:
    decoded = [SignedEntry.decode(entry) for entry in entries]
    latest = max((signed.entry.time for signed in decoded), default=0)
    return verify_chain(decoded, now=latest)


def _tree(note: bytes, log: LogKeys) -> Checkpoint:
    return open_checkpoint(note, log.origin, log.kt).checkpoint


def _is_domain(text: str) -> bool:
    try:
        return canonical_domain(text) == text
    except BadAddress:
        return False
