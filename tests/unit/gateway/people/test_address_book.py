"""Cards that an address book takes: escaped, folded, and nothing beside them."""

from __future__ import annotations

import pytest

from gateway.people.address_book import address_book


def test_each_contact_is_a_card() -> None:
    cards = address_book([{"address": "bob@b.example", "tier": "verified"}])

    assert cards == (
        b"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:bob@b.example\r\nEMAIL:bob@b.example\r\n"
        b"NOTE:on the network\\; their key is verified\r\nEND:VCARD\r\n"
    )
    assert address_book([]) == b""


@pytest.mark.parametrize(
    "text", ["a\r\nBEGIN:VCARD", "a;b,c\\d", "ż" * 200 + "@b.example", "x" * 76]
)
def test_no_text_ends_its_line_or_its_card(text: str) -> None:
    cards = address_book([{"address": text, "tier": text}])
    lines = cards.split(b"\r\n")

    assert all(len(line) <= 75 for line in lines)
    assert [line.decode("utf-8") for line in lines]  # no character is cut
    whole = cards.replace(b"\r\n ", b"").decode("utf-8")
    assert whole.count("\r\n") == 6
    escaped = text.replace("\\", "\\\\").replace(",", "\\,").replace(";", "\\;")
    assert f"EMAIL:{escaped.replace(chr(13), '').replace(chr(10), chr(92) + 'n')}" in whole
