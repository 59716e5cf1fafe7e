"""What a log says of itself: only in its own name, by its own key, in one spelling."""

import pytest
from nacl.signing import SigningKey

from mx_core.model.errors import Untrusted
from mx_core.tlog import note
from mx_core.tlog.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from mx_core.tlog.note import Kind, NoteKey

ORIGIN = "a.example/mailx-kt"
LOG, WITNESS = SigningKey(bytes(32)), SigningKey(bytes([1]) * 32)
KEY = bytes(LOG.verify_key)
WATCHER = NoteKey("w.example/witness", bytes(WITNESS.verify_key), Kind.COSIGNATURE)
CHECKPOINT = Checkpoint(ORIGIN, 7, bytes(range(32)))


def cosigned(*times: int) -> bytes:
    text = CHECKPOINT.render()
    lines = [note.cosign(text, WATCHER.name, WITNESS, time) for time in times]
    return sign_checkpoint(CHECKPOINT, LOG) + b"".join(lines)


def test_a_signed_checkpoint_opens_to_itself() -> None:
    opened = open_checkpoint(sign_checkpoint(CHECKPOINT, LOG), ORIGIN, KEY)

    assert opened.checkpoint == CHECKPOINT
    assert opened.newest is None


def test_a_cosignature_tells_when_a_known_witness_saw_it() -> None:
    opened = open_checkpoint(cosigned(1_700_000_000), ORIGIN, KEY, [WATCHER])

    assert opened.witnessed == {WATCHER.name: 1_700_000_000}
    assert open_checkpoint(cosigned(1_700_000_000), ORIGIN, KEY).witnessed == {}


def test_lines_after_the_third_are_kept() -> None:
    more = Checkpoint(ORIGIN, 7, bytes(32), ("later", "words"))

    assert Checkpoint.parse(more.render()) == more


@pytest.mark.parametrize(
    ("origin", "key"),
    [
        ("b.example/mailx-kt", KEY),
        (ORIGIN, bytes(WITNESS.verify_key)),
    ],
)
def test_a_checkpoint_of_another_log_is_refused(origin: str, key: bytes) -> None:
    with pytest.raises(Untrusted):
        open_checkpoint(sign_checkpoint(CHECKPOINT, LOG), origin, key)


def test_a_log_that_signs_under_its_name_what_another_origin_says_is_refused() -> None:
    text = Checkpoint("b.example/mailx-kt", 7, bytes(32)).render()
    octets = note.join(text, [note.sign_note(text, ORIGIN, LOG)])

    with pytest.raises(Untrusted) as refused:
        open_checkpoint(octets, ORIGIN, KEY)
    assert refused.value.failure == "checkpoint"


def test_a_checkpoint_that_only_a_witness_signed_is_refused() -> None:
    text = CHECKPOINT.render()
    octets = note.join(text, [note.cosign(text, WATCHER.name, WITNESS, 1)])

    with pytest.raises(Untrusted) as refused:
        open_checkpoint(octets, ORIGIN, KEY, [WATCHER])
    assert refused.value.failure == "checkpoint"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\n",
        "a\n1\n",
        "a\n01\n" + "A" * 43 + "=\n",
        "a\n-1\n" + "A" * 43 + "=\n",
        "a\n1\nAAAA\n",
        "a\n1\n!\n",
        "\n1\n" + "A" * 43 + "=\n",
        "a\n1\n" + "A" * 43 + "=",
        "a\n99999999999999999999\n" + "A" * 43 + "=\n",
    ],
)
def test_another_spelling_is_refused(text: str) -> None:
    with pytest.raises(Untrusted) as refused:
        Checkpoint.parse(text)
    assert refused.value.failure == "checkpoint"
