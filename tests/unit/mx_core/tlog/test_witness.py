"""A witness cosigns what only adds to the newest tree that it has cosigned.  C2SP tlog-witness."""

import base64

import pytest
from nacl.signing import SigningKey

from mx_core.model.errors import Untrusted
from mx_core.tlog import merkle, note, witness
from mx_core.tlog.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from mx_core.tlog.log_proof import Seen
from mx_core.tlog.note import Kind, NoteKey
from mx_core.tlog.witness import Request, Said, judge
from tests.support.small_log import KT, SmallLog

LOG = NoteKey("a.example/mailx-kt", bytes(KT.verify_key))


def grown() -> tuple[SmallLog, Seen]:
    """Return a log that has grown since a witness saw it."""
    log = SmallLog()
    log.add(("alice@a.example", b"one"))
    seen = log.seen
    log.add(("bob@a.example", b"two"))
    return log, seen


def request(log: SmallLog, old: int) -> Request:
    proof = merkle.consistency(old, log.log.size, log.log.node) if old else []
    return Request(old, tuple(proof), log.checkpoint())


def test_the_first_tree_is_cosigned_and_then_what_goes_on_from_it() -> None:
    log, seen = grown()

    assert judge(request(log, 0), LOG, None)[0] is Said.COSIGNED
    said, shown = judge(request(log, seen.size), LOG, seen)

    assert said is Said.COSIGNED
    assert shown is not None
    assert (shown.size, shown.root) == (log.log.size, log.log.root())


def test_the_same_tree_again_is_cosigned_again() -> None:
    log, _ = grown()

    assert judge(Request(log.log.size, (), log.checkpoint()), LOG, log.seen)[0] is Said.COSIGNED


def test_who_names_another_size_is_told_the_right_one() -> None:
    log, seen = grown()

    said, shown = judge(request(log, 0), LOG, seen)

    assert (said, shown) == (Said.CONFLICT, None)
    assert witness.size_in(witness.conflict_body(seen)) == seen.size


def test_another_tree_of_the_same_size_is_a_conflict() -> None:
    log, _ = grown()

    other = Seen(log.log.size, b"r" * 32)

    assert judge(Request(other.size, (), log.checkpoint()), LOG, other)[0] is Said.CONFLICT


def test_a_tree_that_does_not_go_on_from_the_last_one_is_not_cosigned() -> None:
    log, seen = grown()

    other = Seen(seen.size, b"r" * 32)

    assert judge(request(log, seen.size), LOG, other) == (Said.NOT_CONSISTENT, None)


def test_a_smaller_tree_is_malformed_and_a_stranger_is_forbidden() -> None:
    log, seen = grown()
    stranger = NoteKey(LOG.name, bytes(SigningKey(b"s" * 32).verify_key))

    assert judge(Request(99, (), log.checkpoint()), LOG, seen)[0] is Said.MALFORMED
    assert judge(request(log, 0), stranger, None)[0] is Said.FORBIDDEN
    elsewhere = sign_checkpoint(Checkpoint("b.example/mailx-kt", 3, bytes(32)), KT)
    assert judge(Request(0, (), elsewhere), LOG, None)[0] is Said.FORBIDDEN


def test_a_request_is_read_as_it_was_written() -> None:
    log, seen = grown()
    made = request(log, seen.size)

    assert Request.decode(made.encode()) == made
    first, second, *_ = made.encode().split(b"\n")
    assert first == b"old %d" % seen.size
    assert base64.b64decode(second) == made.proof[0]


@pytest.mark.parametrize(
    "body",
    [b"", b"old 1", b"old 01\n\nx", b"new 1\n\nx", b"old 1\n!\n\nx", b"old 1\n\n" + bytes(30_000)],
)
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(Untrusted, match="witness"):
        Request.decode(body)


def test_a_cosignature_is_taken_from_the_witness_alone() -> None:
    log, _ = grown()
    key = SigningKey(b"w" * 32)
    name = NoteKey(witness.name_of("b.example"), bytes(key.verify_key), Kind.COSIGNATURE)
    line = note.cosign(_text(log), name.name, key, 1_700_000_000)

    assert witness.cosigned_at(log.checkpoint(), line, name) == 1_700_000_000
    opened = open_checkpoint(log.checkpoint() + line, LOG.name, LOG.public, [name])
    assert opened.newest == 1_700_000_000
    with pytest.raises(Untrusted, match="signature"):
        witness.cosigned_at(
            log.checkpoint(), note.cosign("another\n1\nAAAA\n", name.name, key, 1), name
        )


def _text(log: SmallLog) -> str:
    return Checkpoint(log.origin, log.log.size, log.log.root()).render()
