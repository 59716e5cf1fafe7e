"""The ten values of ENVELOPE.  RFC 9051 §7.5.2."""

from __future__ import annotations

from mx_core.mime import envelope, header
from mx_core.mime.limits import ADDRESSES_MAX
from tests.support import imap_tokens

ALICE = [["Alice", None, "alice", "a.example"]]
BOB = [[None, None, "bob", "b.example"]]


def shown(octets: bytes) -> imap_tokens.Value:
    fields = header.split_fields(octets, 0, len(octets))
    return imap_tokens.read(envelope.render(envelope.read(octets, fields)))


def test_sender_and_reply_to_that_are_absent_or_empty_are_from() -> None:
    absent = shown(b"From: Alice <alice@a.example>\r\n")
    empty = shown(b"From: Alice <alice@a.example>\r\nSender:\r\nReply-To: \r\n")

    assert absent == empty == [None, None, ALICE, ALICE, ALICE, *[None] * 5]


def test_each_value_has_its_place() -> None:
    value = shown(
        b"Date: d\r\nSubject: s\r\nFrom: Alice <alice@a.example>\r\nSender: bob@b.example\r\n"
        b"Reply-To: bob@b.example\r\nTo: bob@b.example\r\nCc: bob@b.example\r\n"
        b"Bcc: bob@b.example\r\nIn-Reply-To: <i>\r\nMessage-ID: <m>\r\n"
    )

    assert value == ["d", "s", ALICE, BOB, BOB, BOB, BOB, BOB, "<i>", "<m>"]


def test_addresses_of_fields_that_come_twice_are_one_list() -> None:
    value = shown(b"From: Alice <alice@a.example>\r\nFrom: bob@b.example\r\n")

    assert isinstance(value, list)
    assert value[2] == ALICE + BOB


def test_of_two_subjects_the_first_counts() -> None:
    value = shown(b"Subject: first\r\nSubject: second\r\n")

    assert isinstance(value, list)
    assert value[1] == "first"


def test_encoded_words_stay_and_folds_go() -> None:
    value = shown(b"Subject: =?utf-8?q?a?=\r\n =?utf-8?q?b?=\r\n")

    assert isinstance(value, list)
    assert value[1] == "=?utf-8?q?a?= =?utf-8?q?b?="


def test_a_header_has_no_more_entries_than_the_limit() -> None:
    octets = b"To: " + b"a@b.c, " * 400 + b"\r\nCc: " + b"a@b.c, " * 400 + b"\r\n"
    read = envelope.read(octets, header.split_fields(octets, 0, len(octets)))

    assert read.entries() == ADDRESSES_MAX
