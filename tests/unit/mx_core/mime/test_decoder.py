"""A body decoded in pieces of any size is the body decoded at once."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mx_core.mime import transfer_encoding
from mx_core.mime.transfer_encoding import decoder

SIGNS = st.sampled_from([b"=", b"=\r\n", b"=C3", b"a", b" ", b"\t", b"\r\n", b"\n", b"QUJD", b"="])


@given(pieces=st.lists(SIGNS), encoding=st.sampled_from(["base64", "quoted-printable", "8bit"]))
@example(pieces=[b"a =", b"\r", b"\n b "], encoding="quoted-printable")
def test_pieces_say_the_same_as_the_whole(pieces: list[bytes], encoding: str) -> None:
    undo = decoder(encoding)
    assert undo is not None

    said = b"".join(map(undo.feed, pieces)) + undo.finish()

    assert said == transfer_encoding.decode(b"".join(pieces), encoding)


@pytest.mark.parametrize("encoding", ["7bit", "8bit", "binary"])
def test_identity_encodings_change_nothing(encoding: str) -> None:
    undo = decoder(encoding)

    assert undo is not None
    assert undo.feed(b"=41\0") + undo.finish() == b"=41\0"


@pytest.mark.parametrize("encoding", ["", "x-uuencode", "base-64"])
def test_an_encoding_that_nobody_knows_has_no_decoder(encoding: str) -> None:
    assert decoder(encoding) is None


def test_space_at_the_end_of_a_quoted_printable_line_was_added_on_the_way() -> None:
    """RFC 2045 §6.7 rule 3; the cases are those of imaptest's fetch-binary-mime-qp."""
    assert transfer_encoding.quoted_printable(
        b"hello  \r\nbar=\r\n\r\nfoo\t=\r\nbar\r\nfoo\t \t= \r\n=62\r\nfoo = \t\r\nbar\r\nfoo =\r\n=62\r\n"
        b"foo  \r\nbar=\r\n\r\nfoo_bar\r\n"
    ) == (b"hello\r\nbar\r\nfoo\tbar\r\nfoo\t \tb\r\nfoo bar\r\nfoo b\r\nfoo\r\nbar\r\nfoo_bar\r\n")
