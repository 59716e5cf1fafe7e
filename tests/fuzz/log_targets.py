"""What a domain's log shows: proofs and the notes in them.  A believed proof is the very one made."""

from __future__ import annotations

from msgspec.structs import replace

from mx_core.directory.evidence import Evidence
from mx_core.directory.evidence import Kind as EvidenceKind
from mx_core.envelope.ext import CHECKPOINTS_MAX, Ext, Gossip
from mx_core.model.address import Address
from mx_core.model.errors import StoreDamaged, Untrusted
from mx_core.tlog.checkpoint import open_checkpoint
from mx_core.tlog.log_proof import LogProof
from mx_core.tlog.note import NoteKey
from mx_core.tlog.witness import Request
from mx_core.tlog.witness import judge as judge_request
from mx_core.trust.log_memory import LogMemory, Told
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


_REQUEST = Request(2, (b"p" * 32, b"q" * 32), _LOG.checkpoint())
_EXT = Ext((Gossip(_LOG.origin, _LOG.log.size, _LOG.log.root()),))
_WATCHED = LogMemory(
    _LOG.keys.kt, _LOG.keys.vrf, _LOG.seen, _LOG.checkpoint(), (Told(1, b"t" * 32, ALICE),), "why"
)
_OTHER = SmallLog()
_OTHER.add((ALICE, b"alice 1"), ("bob@a.example", b"bob 1"), ("carol@a.example", b"carol 1"))
_SPLIT = Evidence(
    EvidenceKind.SPLIT_VIEW,
    "a.example",
    (_LOG.checkpoint(), _OTHER.checkpoint(), []),
    b"document",
    bytes(64),
)


def _request(octets: bytes) -> None:
    """What is cosigned is a tree that the log itself signed."""
    request = Request.decode(octets)
    log = NoteKey(_LOG.origin, bytes(KT.verify_key))
    _, shown = judge_request(replace(request, old=0, proof=()), log, None)
    assert shown is None or shown.root == _LOG.log.root()


def _ext(octets: bytes) -> None:
    assert len(Ext.decode(octets).checkpoints) <= CHECKPOINTS_MAX


def _memory(octets: bytes) -> None:
    assert LogMemory.decode(octets).encode() == octets


def _evidence(octets: bytes) -> None:
    evidence = Evidence.decode(octets)
    assert evidence.encode() == octets
    if evidence.verify([], _LOG.keys).proved:
        assert evidence.kind is EvidenceKind.SPLIT_VIEW


LOG_PROOFS = Target("log-proof", [_PRESENT, _ABSENT], _proof, (Untrusted,))
CHECKPOINTS = Target("checkpoint", [_LOG.checkpoint()], _checkpoint, (Untrusted,))

WITNESS_REQUESTS = Target("witness-request", [_REQUEST.encode()], _request, (Untrusted,))
EXTS = Target("ext", [_EXT.encode()], _ext, (Untrusted,))
LOG_MEMORIES = Target("log-memory", [_WATCHED.encode()], _memory, (StoreDamaged,))
EVIDENCE = Target("evidence", [_SPLIT.encode()], _evidence, (Untrusted,))

TARGETS = (LOG_PROOFS, CHECKPOINTS, WITNESS_REQUESTS, EXTS, LOG_MEMORIES, EVIDENCE)
