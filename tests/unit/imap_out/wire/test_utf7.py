"""Modified UTF-7 of names.  RFC 3501 §5.1.3."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imap_out.wire import utf7
from mx_core.model.errors import BadMailboxName
from mx_core.model.mailbox_name import mailbox_name

texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(texts)
def test_decode_after_encode_gives_the_same(name: str) -> None:
    assert utf7.decode(utf7.encode(name)) == name


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("Entwürfe", b"Entw&APw-rfe"),
        ("~peter/mail/台北/日本語", b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
        ("A&B", b"A&-B"),
        ("😀", b"&2D3eAA-"),
    ],
)
def test_known_answers(name: str, spelled: bytes) -> None:
    assert utf7.encode(name) == spelled
    assert utf7.decode(spelled) == name


@pytest.mark.parametrize("octets", [b"&", b"&A", b"&APw", b"&!-", b"&2D0-", b"&A-", b"\xff"])
def test_octets_that_spell_nothing_are_no_name(octets: bytes) -> None:
    with pytest.raises(BadMailboxName):
        mailbox_name(utf7.decode(octets))


def test_raw_utf8_is_taken() -> None:
    assert utf7.decode("Entwürfe".encode()) == "Entwürfe"


@given(st.binary())
def test_any_octets_give_some_text(octets: bytes) -> None:
    assert isinstance(utf7.decode(octets), str)
