"""Arguments of MAIL, RCPT and AUTH."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_in.command import (
    Credentials,
    Path,
    decode_base64,
    login,
    parse_path,
    parse_plain,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "address", "parameters"),
    [
        ("FROM:<a@b.example>", "a@b.example", {}),
        ("from:<A.b@B.example>", "A.b@B.example", {}),
        ("FROM: <a@b.example>", "a@b.example", {}),
        ("FROM:<>", "", {}),
        ("FROM:<> size=10", "", {"SIZE": "10"}),
        ("FROM:<a@b> BODY=8BITMIME  SIZE=1", "a@b", {"BODY": "8BITMIME", "SIZE": "1"}),
        ("FROM:<a@b> AUTH=<> MT-PRIORITY=3 SMTPUTF8", "a@b",
         {"AUTH": "<>", "MT-PRIORITY": "3", "SMTPUTF8": ""}),
        ("FROM:<a@b> ENVID=QuoTed+2Bid", "a@b", {"ENVID": "QuoTed+2Bid"}),
        ("FROM:<@x.example,@y.example:a@b.example>", "a@b.example", {}),
        ('FROM:<"alice"@b.example>', "alice@b.example", {}),
        ('FROM:<"a\\"b c"@b.example>', 'a"b c@b.example', {}),
        ("FROM:<a@[127.0.0.1]>", "a@[127.0.0.1]", {}),
    ],
)  # fmt: skip
def test_a_path_keeps_the_case_of_everything_but_keywords(
    text: str, address: str, parameters: dict[str, str]
) -> None:
    assert parse_path(text, "FROM:") == Path(address, parameters)


@pytest.mark.parametrize(
    "text",
    [
        None, "", "FROM", "FROM:", "TO:<a@b>", "FROM:a@b", "FROM:<a@b", "FROM:<a@b>>",
        "FROM:<a@b>SIZE=1", "FROM:<a b@c>", "FROM:<a@b> =x", "FROM:<a@b> SIZE=", "FROM:<a@b> S/x=1",
        'FROM:<"a@b>', "FROM:<<a@b>>",
    ],
)  # fmt: skip
def test_what_is_no_path_is_none(text: str | None) -> None:
    assert parse_path(text, "FROM:") is None


@given(st.text(max_size=200))
def test_any_text_is_a_path_or_none(text: str) -> None:
    parse_path("TO:" + text, "TO:")


def test_a_long_hostile_path_is_judged_in_linear_time() -> None:
    assert parse_path('TO:<"' + "\\a" * 20_000, "TO:") is None
    assert parse_path("TO:<a@b> " + "x= " * 20_000, "TO:") is None
    assert parse_path("TO:" + " " * 40_000, "TO:") is None


def test_size_is_a_bounded_number() -> None:
    assert parse_size("1000") == 1000
    assert [parse_size(text) for text in ("", "-1", "1.5", "9" * 21, "٣")] == [None] * 5


def test_base64_is_strict_and_an_equals_sign_is_nothing() -> None:
    assert decode_base64(b"=") == b""
    assert decode_base64(b"YWI=") == b"ab"
    assert decode_base64(b"YWI") is None
    assert decode_base64(b"Y W I =") is None


def test_plain_has_three_parts_and_no_other_identity() -> None:
    assert parse_plain(b"\0alice\0secret") == Credentials("alice", "secret")
    assert parse_plain(b"alice\0alice\0secret") == Credentials("alice", "secret")
    for bad in (
        b"bob\0alice\0secret",
        b"alice\0secret",
        b"",
        b"\0\0secret",
        b"\0alice\0",
        b"\0a\0b\0c",
    ):
        assert parse_plain(bad) is None


def test_credentials_are_utf8() -> None:
    assert login("zoë".encode(), "pässwort".encode()) == Credentials("zoë", "pässwort")
    assert login(b"\xff", b"x") is None


@given(st.binary(max_size=100))
def test_any_response_is_credentials_or_none(octets: bytes) -> None:
    decoded = decode_base64(base64.b64encode(octets))

    assert decoded == octets
    parse_plain(octets)
    decode_base64(octets)
