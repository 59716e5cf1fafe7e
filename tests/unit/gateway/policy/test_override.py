"""What a message says about itself."""

import pytest

from gateway.policy.override import Override, joined, of_address, of_header, without_tag
from mx_core.mime.header import top_fields
from mx_core.model.address import Address

ENCRYPTED, ORDINARY = Override.ENCRYPTED, Override.ORDINARY


@pytest.mark.parametrize(
    ("text", "word", "bare"),
    [
        ("bob@b.example", None, "bob@b.example"),
        ("bob+mx-ordinary@b.example", ORDINARY, "bob@b.example"),
        ("bob+MX-Ordinary@b.example", ORDINARY, "bob@b.example"),
        ("bob+list+mx-encrypted@b.example", ENCRYPTED, "bob+list@b.example"),
        ("bob+ordinary@b.example", None, "bob+ordinary@b.example"),
        ("mx-ordinary@b.example", None, "mx-ordinary@b.example"),
        ("bob+mx-ordinary+x@b.example", None, "bob+mx-ordinary+x@b.example"),
    ],
)
def test_only_our_own_tag_at_the_end_is_a_word_and_only_it_is_taken_off(
    text: str, word: Override | None, bare: str
) -> None:
    address = Address.parse(text)

    assert of_address(address) is word
    assert str(without_tag(address)) == bare


@pytest.mark.parametrize(
    ("header", "word"),
    [
        ("Subject: x\r\n", None),
        ("MX-Send: ordinary\r\n", ORDINARY),
        ("mx-send:  ENCRYPTED \r\n", ENCRYPTED),
        ("MX-Send: sometimes\r\n", None),
        ("MX-Send: ordinary\r\nMX-Send: encrypted\r\n", ENCRYPTED),
        ("X-MX-Send: ordinary\r\n", None),
        ("Resent-From: a@a.example\r\nMX-Send: ordinary\r\n", None),
        ("MX-Send: encrypted\r\nResent-To: b@b.example\r\n", ENCRYPTED),
    ],
)
def test_the_field_counts_at_the_top_and_not_in_what_is_only_sent_on(
    header: str, word: Override | None
) -> None:
    octets = header.encode() + b"\r\nMX-Send: ordinary\r\n"

    assert of_header(octets, top_fields(octets)) is word


def test_of_two_words_the_one_for_encryption_counts() -> None:
    assert joined([None, ORDINARY, None]) is ORDINARY
    assert joined([ORDINARY, ENCRYPTED]) is ENCRYPTED
    assert joined([None]) is None
