"""BODYSTRUCTURE and BODY.  RFC 9051 §7.5.2; whole messages are in test_prepare."""

from __future__ import annotations

import pytest

from mx_core.mime.limits import ADDRESSES_INSIDE_MAX
from mx_core.mime.prepare import prepare
from tests.support import imap_tokens

TEXT = ["text", "plain", ["charset", "us-ascii"], None, None, "7bit"]


def structure(octets: bytes) -> imap_tokens.Value:
    return imap_tokens.read(prepare(octets).bodystructure)


@pytest.mark.parametrize(
    ("octets", "form"),
    [
        (b"X: y\r\n\r\na\r\nb\r\n", [*TEXT, 6, 2, None, None, None, None]),
        (b"X: y\r\n\r\na", [*TEXT, 1, 0, None, None, None, None]),
        (
            b"Content-Type: image/png\r\nContent-ID: <i>\r\n\r\nab",
            ["image", "png", None, "<i>", None, "7bit", 2, None, None, None, None],
        ),
        (
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\nno parts\r\n",
            [[*TEXT, 0, 0, None, None, None, None], "mixed", ["boundary", "b"], None, None, None],
        ),
    ],
)
def test_a_part_is_its_fields_its_octets_and_its_lines(
    octets: bytes, form: imap_tokens.Value
) -> None:
    assert structure(octets) == form


def test_content_fields_without_a_sign_of_mime_do_not_count() -> None:
    alone = b"Content-ID: <i>\r\nContent-Transfer-Encoding: base64\r\n"

    assert structure(alone + b"\r\nx") == [*TEXT, 1, 0, None, None, None, None]
    assert structure(alone + b"MIME-Version: 1.0\r\n\r\nx") == [
        *["text", "plain", ["charset", "us-ascii"], "<i>", None, "base64", 1, 0],
        *[None, None, None, None],
    ]


def test_extension_data_is_in_bodystructure_only() -> None:
    form = prepare(
        b"Content-Type: text/plain; charset=utf-8\r\nContent-MD5: m==\r\n"
        b"Content-Disposition: attachment; filename=x\r\nContent-Language: en, de\r\n"
        b"Content-Location: l\r\nContent-Description: d\r\n\r\nx"
    )
    basic = ["text", "plain", ["charset", "utf-8"], None, "d", "7bit", 1, 0]

    assert imap_tokens.read(form.body) == basic
    assert imap_tokens.read(form.bodystructure) == [
        *basic,
        "m==",
        ["attachment", ["filename", "x"]],
        ["en", "de"],
        "l",
    ]


def test_a_nested_message_shows_envelope_body_and_lines() -> None:
    inner = b"Subject: in\r\n\r\na\r\n"
    envelope = [None, "in", *[None] * 8]

    assert imap_tokens.read(prepare(b"Content-Type: message/rfc822\r\n\r\n" + inner).body) == [
        *["message", "rfc822", None, None, None, "7bit", len(inner)],
        envelope,
        [*TEXT, 3, 1],
        3,
    ]


def test_what_is_too_deep_is_shown_as_opaque_octets() -> None:
    form = prepare(b"Content-Type: message/rfc822; x=y\r\n\r\n" * 50)

    assert form.body.count(b'"message" "rfc822"') == 31
    assert form.body.count(b'"application" "octet-stream" ("x" "y")') == 1


def test_addresses_of_nested_messages_are_bounded_together() -> None:
    part = b"--b\r\n\r\nTo: " + b"a@b.c, " * 400 + b"\r\n\r\nx\r\n"
    form = prepare(b"Content-Type: multipart/digest; boundary=b\r\n\r\n" + part * 80)

    assert form.bodystructure.count(b'(NIL NIL "a" "b.c")') == ADDRESSES_INSIDE_MAX
