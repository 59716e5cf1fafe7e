"""A witness: it cosigns a checkpoint if that only adds to the newest one it cosigned before.

C2SP tlog-witness, ``add-checkpoint``: the body of a request, and what is answered to it.  Here is
what is said; who remembers the newest tree, durably and before the answer, is elsewhere.

Failure class: ``witness`` (a body or an answer that is none).
"""

from __future__ import annotations

import base64
import binascii
import re
from enum import IntEnum
from typing import Final

from msgspec import Struct

from mx_core.model.errors import Untrusted
from mx_core.tlog import merkle, note
from mx_core.tlog.checkpoint import Checkpoint
from mx_core.tlog.log_proof import Seen
from mx_core.tlog.note import NOTE_OCTETS_MAX, NoteKey

BODY_OCTETS_MAX: Final = NOTE_OCTETS_MAX + 4 * 1024
_OLD: Final = re.compile(r"old (0|[1-9][0-9]{0,18})")
_SIZE: Final = re.compile(rb"(0|[1-9][0-9]{0,18})\n")


class Said(IntEnum):
    """The status of an answer, as in HTTP."""

    COSIGNED = 200
    MALFORMED = 400
    FORBIDDEN = 403  # the log did not sign it
    UNKNOWN_LOG = 404
    CONFLICT = 409  # the witness has seen another size; it is told
    NOT_CONSISTENT = 422


class Request(Struct, frozen=True):
    """*proof* leads from the tree of *old* leaves to that of the checkpoint in *note_octets*."""

    old: int
    proof: tuple[bytes, ...]
    note_octets: bytes

    def encode(self) -> bytes:
        """Return the body."""
        lines = [f"old {self.old}", *(base64.b64encode(one).decode() for one in self.proof)]
        return "".join(f"{line}\n" for line in lines).encode() + b"\n" + self.note_octets

    @classmethod
    def decode(cls, body: bytes) -> Request:
        """Return the request that *body* spells, nothing believed; raises Untrusted ``witness``."""
        head, separator, rest = body.partition(b"\n\n")
        if len(body) > BODY_OCTETS_MAX or not separator or not head.isascii():
            raise Untrusted("witness", "not a request to a witness")
        first, *hashes = head.decode("ascii").split("\n")
        match = _OLD.fullmatch(first)
        if match is None or len(hashes) > merkle.PROOF_HASHES_MAX:
            raise Untrusted("witness", "a request to a witness without the old size")
        try:
            proof = tuple(base64.b64decode(one, validate=True) for one in hashes)
        except binascii.Error as error:
            raise Untrusted("witness", "a proof to a witness that is not base64") from error
        return cls(int(match[1]), proof, rest)


def name_of(domain: str) -> str:
    """Return the key name under which the home server of *domain* cosigns."""
    return f"{domain}/mailx-witness"


def judge(request: Request, log: NoteKey, newest: Seen | None) -> tuple[Said, Checkpoint | None]:
    """Return what a witness says that saw *newest* last, and what it may cosign then."""
    try:
        text, _ = note.open_note(request.note_octets, [log])
        shown = Checkpoint.parse(text)
    except Untrusted:
        return Said.FORBIDDEN, None
    if shown.origin != log.name:
        return Said.FORBIDDEN, None
    if request.old > shown.size or (request.old == 0 and request.proof):
        return Said.MALFORMED, None
    if request.old != (0 if newest is None else newest.size):
        return Said.CONFLICT, None
    if newest is None or newest.size == 0:
        return Said.COSIGNED, shown
    if newest.size == shown.size:
        said = Said.COSIGNED if newest.root == shown.root and not request.proof else Said.CONFLICT
        return said, shown if said is Said.COSIGNED else None
    try:
        merkle.verify_consistency(newest.size, newest.root, shown.size, shown.root, request.proof)
    except Untrusted:
        return Said.NOT_CONSISTENT, None
    return Said.COSIGNED, shown


def conflict_body(newest: Seen | None) -> bytes:
    """Return what goes with a conflict: the size that the witness knows."""
    return f"{0 if newest is None else newest.size}\n".encode()


def size_in(body: bytes) -> int:
    """Return the size that a conflict tells; raises Untrusted ``witness``."""
    match = _SIZE.fullmatch(body)
    if match is None:
        raise Untrusted("witness", "a witness told no size")
    return int(match[1])


def cosigned_at(note_octets: bytes, lines: bytes, witness: NoteKey) -> int:
    """Return when, by its own clock, *witness* signed the checkpoint with the *lines* of its answer.

    Raises:
        Untrusted: ``note``: a wrong signature, or none of this witness.
    """
    text = note_octets.decode().rpartition("\n\n")[0] + "\n"
    _, signed = note.open_note(text.encode() + b"\n" + lines, [witness])
    return next(each.time for each in signed if each.time is not None)
