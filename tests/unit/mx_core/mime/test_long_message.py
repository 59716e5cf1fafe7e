"""A long message has the form that the whole of it has, though most of it is passed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mx_core.mime.long_message import prepare_long
from mx_core.mime.prepare import prepare
from tests.support.odd_messages import odd_messages

ODD = [message.octets for message in odd_messages()]
FILLER = b"0123456789abcdef" * 4 + b"\r\n"


class Far:
    """Octets that nobody gets much of at once."""

    def __init__(self, octets: bytes, most: int) -> None:
        self._octets = octets
        self._most = most

    def __len__(self) -> int:
        return len(self._octets)

    def __getitem__(self, part: slice) -> bytes:
        assert part.stop - part.start <= self._most
        return self._octets[part]


@pytest.mark.parametrize("kept", [1, 30, 300, 3_000])
def test_every_odd_message_has_the_form_of_the_whole(kept: int) -> None:
    for octets in ODD:
        assert prepare_long(octets, kept_octets=kept, piece_octets=64) == prepare(octets)


@settings(max_examples=300)
@given(
    octets=st.sampled_from(ODD),
    kept=st.integers(1, 400),
    piece=st.integers(4, 200),
    put=st.lists(
        st.tuples(
            st.integers(0, 1 << 16),
            st.sampled_from([FILLER * 20, b"\n--", b"--\r\n", b"\r\n\r\n", b"-", b"\n", b"x" * 90]),
        ),
        max_size=6,
    ),
)
def test_whatever_is_put_into_it_it_has_the_form_of_the_whole(
    octets: bytes, kept: int, piece: int, put: list[tuple[int, bytes]]
) -> None:
    for at, what in put:
        place = at % (len(octets) + 1)
        octets = octets[:place] + what + octets[place:]

    assert prepare_long(octets, kept_octets=kept, piece_octets=piece) == prepare(octets)


@pytest.mark.parametrize("end", [b"\r\n--outer--\r\n", b"\r\n--outer--", b"", b"\r\nafter\r\n"])
def test_of_a_usual_long_message_no_more_than_a_piece_is_asked_for(end: bytes) -> None:
    inner = (
        b"\r\n--outer\r\nContent-Type: message/rfc822\r\n\r\nSubject: inside\r\n"
        b"Content-Type: multipart/mixed; boundary=inner\r\n\r\n--inner\r\n\r\n"
    )
    octets = (
        b"From: a@a.example\r\nSubject: outside\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: multipart/mixed; boundary=outer\r\n\r\npreamble\r\n--outer\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + FILLER * 40_000 + inner
        + FILLER * 30_000 + b"\r\n--inner--\r\n--outer\r\n"
        b"Content-Type: application/pdf; name=x.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + FILLER * 50_000 + end
    )  # fmt: skip

    assert prepare_long(Far(octets, 300_000)) == prepare(octets)
