"""What a log can show is shown, and each lie that it could tell is refused by its class."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from nacl.signing import SigningKey

from mx_core.model.address import Address
from mx_core.model.errors import Untrusted
from mx_core.notation import cbor
from mx_core.tlog import note
from mx_core.tlog.checkpoint import Checkpoint, sign_checkpoint
from mx_core.tlog.label_map import Path
from mx_core.tlog.leaf import BindingLeaf
from mx_core.tlog.log_proof import LogProof, Seen, freshness
from mx_core.tlog.note import Kind, NoteKey
from tests.support.small_log import KT, SmallLog

ALICE, NOBODY = "alice@a.example", "nobody@a.example"


def small_log() -> SmallLog:
    log = SmallLog()
    log.add((ALICE, b"alice 0"), ("bob@a.example", b"bob 0"))
    log.add(("carol@a.example", b"carol 0"))
    log.add((ALICE, b"alice 1"), ("dave@a.example", b"dave 0"))
    return log


def check(
    log: SmallLog,
    proof: LogProof,
    binding: bytes | None = b"alice 1",
    address: str = ALICE,
    seen: Seen | None = None,
) -> str:
    """Return the class of refusal, or ``ok``."""
    try:
        LogProof.decode(proof.encode()).verify(log.keys, Address.parse(address), binding, seen)
    except Untrusted as error:
        return error.failure
    return "ok"


def test_the_newest_binding_of_an_address_is_shown() -> None:
    log = small_log()

    assert check(log, log.proof(ALICE)) == "ok"


def test_the_absence_of_an_address_is_shown() -> None:
    log = small_log()

    assert check(log, log.proof(NOBODY), None, NOBODY) == "ok"


def test_what_is_accepted_is_the_next_thing_seen() -> None:
    log = small_log()
    first = log.proof(ALICE).verify(log.keys, Address.parse(ALICE), b"alice 1", None)
    log.add(("erin@a.example", b"erin 0"))
    proof = log.proof(ALICE, since=first.seen.size)

    assert check(log, proof, seen=first.seen) == "ok"
    assert first.seen.size < log.log.size


def test_a_checkpoint_that_was_accepted_is_not_accepted_of_another_log() -> None:
    """The check is remembered for its note and its keys, witnesses included."""
    log = small_log()
    proof, address = log.proof(ALICE), Address.parse(ALICE)
    proof.verify(log.keys, address, b"alice 1", None)
    watcher = NoteKey("c.example/mailx-witness", bytes(KT.verify_key), Kind.COSIGNATURE)
    another = bytes(SigningKey.generate().verify_key)

    for keys in (replace(log.keys, kt=another), replace(log.keys, origin="b.example/mailx-kt")):
        with pytest.raises(Untrusted) as told:
            proof.verify(keys, address, b"alice 1", None)
        assert told.value.failure == "note"
    shown = proof.verify(replace(log.keys, witnesses=(watcher,)), address, b"alice 1", None)
    assert shown.opened.newest is None


def test_a_proof_reads_as_it_was_written() -> None:
    log = small_log()
    for proof in (log.proof(ALICE), log.proof(NOBODY), log.proof(ALICE, since=2)):
        assert LogProof.decode(proof.encode()) == proof


def another_opening(log: SmallLog) -> tuple[LogProof, bytes | None, str]:
    return replace(log.proof(ALICE), opening=bytes(32)), b"alice 1", ALICE


def another_name(log: SmallLog) -> tuple[LogProof, bytes | None, str]:
    return log.proof("bob@a.example"), b"bob 0", ALICE


def another_binding(log: SmallLog) -> tuple[LogProof, bytes | None, str]:
    return log.proof(ALICE), b"another key", ALICE


def an_older_binding(log: SmallLog) -> tuple[LogProof, bytes | None, str]:
    return log.proof(ALICE), b"alice 0", ALICE


def absent_though_there(log: SmallLog) -> tuple[LogProof, bytes | None, str]:
    proof = replace(log.proof(ALICE), opening=None, inclusion=None)
    return proof, None, ALICE


def there_though_absent(log: SmallLog) -> tuple[LogProof, bytes | None, str]:
    return log.proof(NOBODY), b"alice 1", NOBODY


def a_path_cut_short(log: SmallLog) -> tuple[LogProof, bytes | None, str]:
    proof = log.proof(ALICE)
    return (
        replace(proof, path=Path(proof.path.siblings[:-1], proof.path.terminal)),
        b"alice 1",
        ALICE,
    )


def a_leaf_that_was_never_logged(log: SmallLog) -> tuple[LogProof, bytes | None, str]:
    """The map alone says it: the tree that the root leaf stands in never held the leaf."""
    log.add((ALICE, b"alice 2"))
    proof = log.proof(ALICE)
    return (
        replace(proof, inclusion=tuple(bytes(32) for _ in proof.inclusion or ())),
        b"alice 2",
        ALICE,
    )


def a_root_of_an_older_map(log: SmallLog) -> tuple[LogProof, bytes | None, str]:
    old = small_log_before_the_last()
    proof = log.proof(ALICE)
    return replace(proof, root_leaf=old.entries[-1]), b"alice 1", ALICE


def a_last_leaf_that_is_no_root(log: SmallLog) -> tuple[LogProof, bytes | None, str]:
    entry = BindingLeaf(bytes(32), 1, bytes(32)).octets()
    log.log._append([entry])
    log.entries.append(entry)
    return replace(log.proof(ALICE), root_leaf=log.entries[-2]), b"alice 1", ALICE


def a_checkpoint_of_a_stranger(log: SmallLog) -> tuple[LogProof, bytes | None, str]:
    tree = Checkpoint(log.origin, log.log.size, log.log.root())
    return (
        replace(log.proof(ALICE), checkpoint=sign_checkpoint(tree, SigningKey(bytes(32)))),
        b"alice 1",
        ALICE,
    )


def a_checkpoint_of_another_origin(log: SmallLog) -> tuple[LogProof, bytes | None, str]:
    text = Checkpoint("b.example/mailx-kt", log.log.size, log.log.root()).render()
    octets = note.join(text, [note.sign_note(text, log.origin, KT)])
    return replace(log.proof(ALICE), checkpoint=octets), b"alice 1", ALICE


def small_log_before_the_last() -> SmallLog:
    log = SmallLog()
    log.add((ALICE, b"alice 0"), ("bob@a.example", b"bob 0"))
    return log


@pytest.mark.parametrize(
    ("lie", "failure"),
    [
        (another_opening, "logged"),
        (another_name, "vrf"),
        (another_binding, "logged"),
        (an_older_binding, "logged"),
        (absent_though_there, "logged"),
        (there_though_absent, "logged"),
        (a_path_cut_short, "map-proof"),
        (a_leaf_that_was_never_logged, "log-proof"),
        (a_root_of_an_older_map, "map-root"),
        (a_last_leaf_that_is_no_root, "map-root"),
        (a_checkpoint_of_a_stranger, "note"),
        (a_checkpoint_of_another_origin, "checkpoint"),
    ],
)
def test_a_lie_is_refused_by_its_class(
    lie: Callable[[SmallLog], tuple[LogProof, bytes | None, str]], failure: str
) -> None:
    log = small_log()
    proof, binding, address = lie(log)

    assert check(log, proof, binding, address) == failure


def test_an_older_tree_than_the_one_seen_is_refused() -> None:
    log = small_log()
    shown = log.proof(ALICE)
    log.add(("erin@a.example", b"erin 0"))

    assert check(log, shown, seen=log.seen) == "rolled-back"


def test_a_tree_that_does_not_continue_the_one_seen_is_refused() -> None:
    """A split view: the victim was shown another tree of the size before."""
    log, other = small_log(), SmallLog()
    other.add((ALICE, b"mallory"), ("bob@a.example", b"bob 0"))
    seen = other.seen

    assert check(log, log.proof(ALICE, since=seen.size), seen=seen) == "log-proof"


def test_two_roots_of_one_size_are_refused() -> None:
    log = small_log()
    seen = Seen(log.log.size, bytes(32))

    assert check(log, log.proof(ALICE), seen=seen) == "log-proof"


def test_a_consistency_proof_that_nobody_asked_for_is_refused() -> None:
    log = small_log()

    assert check(log, log.proof(ALICE, since=2)) == "format"


@settings(max_examples=150)
@given(data=st.data())
def test_a_proof_with_one_octet_altered_is_refused_or_the_same_proof(data: st.DataObject) -> None:
    log = small_log()
    octets = bytearray(log.proof(ALICE).encode())
    at = data.draw(st.integers(0, len(octets) - 1))
    octets[at] ^= data.draw(st.integers(1, 255))

    with pytest.raises(Untrusted):
        LogProof.decode(bytes(octets)).verify(log.keys, Address.parse(ALICE), b"alice 1", None)


@pytest.mark.parametrize(
    "change",
    [
        {2: [[], [b"x"]]},
        {2: [[]]},
        {2: [[b"short"], []]},
        {3: 9},
        {4: 9},
        {1: b"short"},
        {6: b""},
        {7: b"x" * 17_000},
        {8: [b""] * 300},
        {9: 0},
        {5: 0},
    ],
)
def test_another_shape_is_refused(change: dict[int, cbor.Value]) -> None:
    fields = cbor.decode(small_log().proof(ALICE).encode())
    assert isinstance(fields, dict)

    with pytest.raises(Untrusted) as refused:
        LogProof.decode(cbor.encode(fields | change))
    assert refused.value.failure == "format"


def test_a_presence_without_its_label_is_an_error_of_ours() -> None:
    proof = replace(small_log().proof(ALICE), path=Path((), None))

    with pytest.raises(ValueError, match="ends at its label"):
        proof.encode()


def test_age_is_counted_from_the_newest_cosignature_or_else_from_the_attestation() -> None:
    log = small_log()
    witness = SigningKey(bytes([9]) * 32)
    key = NoteKey("w.example", bytes(witness.verify_key), Kind.COSIGNATURE)
    tree = Checkpoint(log.origin, log.log.size, log.log.root())
    line = note.cosign(tree.render(), key.name, witness, 1_000)
    proof = replace(log.proof(ALICE), checkpoint=log.checkpoint() + line)
    shown = proof.verify(
        replace(log.keys, witnesses=(key,)), Address.parse(ALICE), b"alice 1", None
    )

    assert freshness(shown, attested=400, now=1_500, witnesses=[key]) == 500
    assert freshness(shown, attested=400, now=1_500, witnesses=[]) == 1_100
