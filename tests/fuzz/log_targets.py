"""What a domain's log shows: proofs and the notes in them.  A believed proof is the very one made."""

from __future__ import annotations

from mx_core.model.address import Address
from mx_core.model.errors import Untrusted
from mx_core.tlog.checkpoint import open_checkpoint
from mx_core.tlog.log_proof import LogProof
from tests.fuzz.hammer import Target
from tests.support.small_log import KT, SmallLog

ALICE, NOBODY = "alice@a.example", "nobody@a.example"


def _log() -> SmallLog:
    log = SmallLog()
    log.add((ALICE, b"alice 0"), ("bob@a.example", b"bob 0"), ("carol@a.example", b"carol 0"))
    return log


_LOG = _log()
_PRESENT, _ABSENT = _LOG.proof(ALICE).encode(), _LOG.proof(NOBODY).encode()


def _proof(octets: bytes) -> None:
    proof = LogProof.decode(octets)
    if proof.opening is None:
        proof.verify(_LOG.keys, Address.parse(NOBODY), None, None)
    else:
        proof.verify(_LOG.keys, Address.parse(ALICE), b"alice 0", None)
    assert octets in (_PRESENT, _ABSENT) or _differs_in_unsigned_lines(proof)


def _differs_in_unsigned_lines(proof: LogProof) -> bool:
    """Lines of unknown keys may be added to a note; nothing else may be."""
    made = LogProof.decode(_PRESENT if proof.opening is not None else _ABSENT)
    text = proof.checkpoint.rpartition(b"\n\n")[0]
    return text == made.checkpoint.rpartition(b"\n\n")[0] and proof.path == made.path


def _checkpoint(octets: bytes) -> None:
    opened = open_checkpoint(octets, _LOG.origin, bytes(KT.verify_key))
    assert (opened.checkpoint.size, opened.checkpoint.root) == (_LOG.log.size, _LOG.log.root())


LOG_PROOFS = Target("log-proof", [_PRESENT, _ABSENT], _proof, (Untrusted,))
CHECKPOINTS = Target("checkpoint", [_LOG.checkpoint()], _checkpoint, (Untrusted,))

TARGETS = (LOG_PROOFS, CHECKPOINTS)
