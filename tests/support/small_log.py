"""A domain's log with a few addresses, its keys and its proofs; and the lies it can be made to tell."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from nacl.signing import SigningKey

from mx_core.model.address import Address
from mx_core.tlog import label_map, merkle, vrf
from mx_core.tlog.checkpoint import Checkpoint, sign_checkpoint
from mx_core.tlog.growing import GrowingLog
from mx_core.tlog.leaf import BindingLeaf, alpha, commitment, label_of
from mx_core.tlog.log_proof import LogKeys, LogProof, Seen

KT, VRF = SigningKey(b"k" * 32), SigningKey(b"v" * 32)


@dataclass
class SmallLog:
    """One log; ``add`` publishes a batch."""

    origin: str = "a.example/mailx-kt"
    log: GrowingLog = field(default_factory=GrowingLog)
    entries: list[bytes] = field(default_factory=list)
    openings: dict[tuple[bytes, int], bytes] = field(default_factory=dict)

    @property
    def keys(self) -> LogKeys:
        return LogKeys(self.origin, bytes(KT.verify_key), bytes(VRF.verify_key))

    @property
    def seen(self) -> Seen:
        return Seen(self.log.size, self.log.root())

    def add(self, *bindings: tuple[str, bytes]) -> None:
        leaves: list[BindingLeaf] = []
        for address, binding in bindings:
            label = self.label(address)
            version = self.log.next_version(label) + sum(one.label == label for one in leaves)
            opening = hashlib.sha256(label + version.to_bytes(4, "big")).digest()
            self.openings[(label, version)] = opening
            leaves.append(BindingLeaf(label, version, commitment(binding, opening)))
        self.entries += self.log.add(leaves)

    def label(self, address: str) -> bytes:
        return label_of(vrf.prove(bytes(VRF), alpha(Address.parse(address))).output)

    def checkpoint(self) -> bytes:
        return sign_checkpoint(Checkpoint(self.origin, self.log.size, self.log.root()), KT)

    def proof(self, address: str, since: int = 0) -> LogProof:
        """Return what the log answers now to somebody who has seen the tree of size *since*."""
        proved = vrf.prove(bytes(VRF), alpha(Address.parse(address)))
        label = label_of(proved.output)
        value = label_map.get(self.log.map, label)
        size, node = self.log.size, self.log.node
        return LogProof(
            vrf_proof=proved.proof,
            path=label_map.path_to(self.log.map, label),
            root_leaf=self.entries[-1],
            root_inclusion=tuple(merkle.inclusion(size - 1, size, node)),
            checkpoint=self.checkpoint(),
            consistency=tuple(merkle.consistency(since, size, node)) if since else (),
            opening=None if value is None else self.openings[(label, value.version)],
            inclusion=(
                None if value is None else tuple(merkle.inclusion(value.leaf_index, size, node))
            ),
        )
