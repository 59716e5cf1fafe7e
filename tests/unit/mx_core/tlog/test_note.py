"""Signed notes: the format's own examples, and what is refused or passed over."""

import pytest
from nacl.signing import SigningKey

from mx_core.model.errors import Untrusted
from mx_core.tlog import note
from mx_core.tlog.note import Kind, NoteKey

# the example of golang.org/x/mod/sumdb/note
NEUMANN = NoteKey.parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
LINE = (
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngot"
    "pRZb6KE6RyyBwJnAM=\n"
)
EXAMPLE = f"{TEXT}\n{LINE}".encode()
KEY, OTHER = SigningKey(bytes(32)), SigningKey(bytes([1]) * 32)
OURS = NoteKey("log.example", bytes(KEY.verify_key))


def ours(text: str = "hello\n") -> bytes:
    return note.join(text, [note.sign_note(text, "log.example", KEY)])


def failure(octets: bytes, *keys: NoteKey) -> str:
    with pytest.raises(Untrusted) as refused:
        note.open_note(octets, keys or [OURS])
    return refused.value.failure


def test_the_example_of_the_format_opens() -> None:
    text, signed = note.open_note(EXAMPLE, [NEUMANN])

    assert text == TEXT
    assert [one.key for one in signed] == [NEUMANN]


def test_a_note_that_we_sign_opens_with_our_key_and_no_other() -> None:
    assert note.open_note(ours(), [OURS])[0] == "hello\n"
    assert failure(ours(), NEUMANN) == "note"


def test_a_text_may_have_empty_lines_and_ends_at_the_last() -> None:
    assert note.open_note(ours("a\n\nb\n"), [OURS])[0] == "a\n\nb\n"


def test_lines_of_unknown_keys_are_passed_over_also_under_a_known_name() -> None:
    stranger = note.sign_note("hello\n", "log.example", OTHER)
    both = note.join("hello\n", [stranger, note.sign_note("hello\n", "log.example", KEY)])

    assert len(note.open_note(both, [OURS])[1]) == 1
    assert note.signature_lines(both)[0] == stranger


def test_a_wrong_signature_of_a_known_key_refuses_the_whole_note() -> None:
    good = note.sign_note("hello\n", "log.example", KEY)
    wrong = note.sign_note("other\n", "log.example", KEY)

    assert failure(note.join("hello\n", [good, wrong])) == "note"


def test_a_cosignature_is_of_the_time_and_the_text_and_of_its_own_kind() -> None:
    witness = NoteKey("w.example", bytes(OTHER.verify_key), Kind.COSIGNATURE)
    octets = note.join("hello\n", [note.cosign("hello\n", "w.example", OTHER, 1_700_000_000)])

    assert note.open_note(octets, [witness])[1][0].time == 1_700_000_000
    assert failure(octets, NoteKey("w.example", bytes(OTHER.verify_key))) == "note"


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"hello\n",
        b"hello\n\n",
        b"hello\n\nnot a signature\n",
        EXAMPLE[:-1],
        EXAMPLE.replace(b"\n\n", b"\r\n\r\n"),
        EXAMPLE.replace(b"think", b"th\x00nk"),
        EXAMPLE.replace(b"think", b"th\xffnk"),
        EXAMPLE.replace(b"x08g", b"x0!g"),
        EXAMPLE.replace(b"PeterNeumann x", b"Peter+Neumann x"),
        "hello\n\n\u2014 a AAAA\n".encode(),
        "hello\n\n\u2014 a AAA\n".encode(),
        b"x" * 20_000 + EXAMPLE,
        b"hello\n\n" + LINE.encode() * 65,
    ],
)
def test_what_is_no_note_is_refused(octets: bytes) -> None:
    assert failure(octets, NEUMANN) == "note"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000+AQ==",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+CRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+!",
    ],
)
def test_a_key_that_contradicts_itself_is_refused(text: str) -> None:
    with pytest.raises(Untrusted):
        NoteKey.parse(text)


def test_a_cosignature_of_the_wrong_length_is_refused() -> None:
    witness = NoteKey("w.example", bytes(OTHER.verify_key), Kind.COSIGNATURE)
    line = note._signature_line(witness, b"short")

    assert failure(note.join("hello\n", [line]), witness) == "note"
