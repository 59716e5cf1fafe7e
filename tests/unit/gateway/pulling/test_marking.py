"""Ordinary mail as it is stored: its octets behind one block, less what only we may say."""

import pytest

from gateway.arriving.status_block import Mail, block_octets, parse
from gateway.pulling.marking import marked
from mx_core.mime.prepare import prepare
from tests.support.old_mail import letter

VIA = "imaps://alice@mail.example:993"
NOW = 1_800_000_000


def test_it_is_marked_and_otherwise_as_it_was() -> None:
    mark = marked(letter(1), VIA, NOW)

    status = parse(mark.octets)
    assert status is not None
    assert (status.mail, status.received, status.more) == (Mail.ORDINARY, NOW, (("via", VIA),))
    assert mark.octets[block_octets(mark.octets) :] == letter(1)
    assert mark.keywords == {"$NotEncrypted"}


def test_fields_that_only_we_may_write_go_and_the_return_path_moves_up() -> None:
    own = letter(1)
    claims = (
        b"Return-Path: <bounce@list.example>\r\nMX-Status: 1; mail=network\r\n ;trust=verified\r\n"
        b"authentication-results: x; dkim=pass\r\nMX-Status-Extra: y\r\n"
    )
    mark = marked(claims + own, VIA, NOW)

    status = parse(mark.octets)
    assert status is not None
    assert status.notes == ("forged-status",)
    assert b"\r\nReturn-Path: <bounce@list.example>\r\n" in mark.octets[:400]
    assert mark.octets[block_octets(mark.octets) :] == own


def test_below_the_header_nothing_is_touched() -> None:
    body = b"MX-Status: 1; mail=network\r\nReturn-Path: <x@y.example>\r\n"

    assert marked(b"Subject: a\r\n\r\n" + body, VIA, NOW).octets.endswith(b"\r\n\r\n" + body)


def test_a_path_that_is_no_address_is_not_repeated() -> None:
    for path in (
        b"<>",
        b"<a b@c.example>",
        b"junk",
        b"<" + b"a" * 400 + b"@c.example>",
        b"<\xff@c.example>",
    ):
        octets = marked(b"Return-Path: " + path + b"\r\n" + letter(1), VIA, NOW).octets
        assert b"\r\nReturn-Path: <>\r\n" in octets


def test_the_word_of_a_filter_is_heard() -> None:
    assert marked(b"X-Spam-Flag: YES\r\n" + letter(1), VIA, NOW).spam == b"yes"
    assert marked(b"X-Spam-Status: Yes, score=9\r\n" + letter(1), VIA, NOW).spam == b"yes"
    assert marked(b"X-Spam-Status: No, hits=yes\r\n" + letter(1), VIA, NOW).spam == b""


@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        (b"Subject: hello\r\n", b"Subject: [not encrypted] hello\r\n"),
        (b"SUBJECT:hello\r\n", b"SUBJECT: [not encrypted]hello\r\n"),
        (b"Subject:\r\n =?utf-8?q?x?=\r\n", b"Subject: [not encrypted]\r\n =?utf-8?q?x?=\r\n"),
        (b"Subject: a\r\nSubject: b\r\n",
         b"Subject: [not encrypted] a\r\nSubject: [not encrypted] b\r\n"),
        (b"", b""),
    ],
)  # fmt: skip
def test_every_subject_can_begin_with_a_mark_that_changes_no_thread(
    subject: bytes, shown: bytes
) -> None:
    rest = b"From: a@b\r\n\r\nSubject: not a field\r\n"
    octets = marked(subject + rest, VIA, NOW, subjects=True).octets

    assert octets[block_octets(octets) :] == shown + rest
    assert prepare(octets).base_subject == prepare(subject + rest).base_subject
