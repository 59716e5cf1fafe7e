"""Macros by the examples of RFC 7208 §7.4."""

import pytest

from smtp_in.door.judging.spf_macro import expanded, is_macro_string, letters_of

LETTERS = {
    "s": "strong-bad@email.example.com",
    "l": "strong-bad",
    "o": "email.example.com",
    "d": "email.example.com",
    "i": "192.0.2.3",
    "v": "in-addr",
    "h": "mx.example.org",
    "p": "mx.example.org",
}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("%{s}", "strong-bad@email.example.com"),
        ("%{o}", "email.example.com"),
        ("%{d}", "email.example.com"),
        ("%{d4}", "email.example.com"),
        ("%{d2}", "example.com"),
        ("%{d1}", "com"),
        ("%{dr}", "com.example.email"),
        ("%{d2r}", "example.email"),
        ("%{l}", "strong-bad"),
        ("%{l-}", "strong.bad"),
        ("%{lr}", "strong-bad"),
        ("%{lr-}", "bad.strong"),
        ("%{l1r-}", "strong"),
        ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
        ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
        ("%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com"),
        ("%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"),
        ("%{S}.x", "strong-bad%40email.example.com.x"),
        ("a%%b%_c%-d.x", "a%b c%20d.x"),
    ],
)
def test_it_spells(text: str, result: str) -> None:
    assert is_macro_string(text)
    assert expanded(text, LETTERS) == result


@pytest.mark.parametrize("text", ["%", "%{d", "%{}", "%{q}", "%{c}", "%{d0}", "%x", "a b", "é"])
def test_what_is_none_is_told(text: str) -> None:
    assert not is_macro_string(text)


def test_too_long_a_name_loses_labels_from_the_left() -> None:
    name = expanded("%{s}." + "a" * 60 + "." + "b" * 60 + "." + "c" * 60 + "." + "d" * 60, LETTERS)

    assert len(name) <= 253
    assert name.endswith("." + "d" * 60)


def test_the_letters_that_are_needed_are_told() -> None:
    assert letters_of("%{Ir}.%{v}.%%.%{p}") == {"i", "v", "p"}
