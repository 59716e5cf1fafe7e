"""Address fields as ENVELOPE shows them.  RFC 9051 §7.5.2; broken ones as Dovecot does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mx_core.mime.address_list import GROUP_END, Entry, parse


def person(name: str | None, mailbox: str, domain: str) -> Entry:
    return Entry(name.encode() if name else None, None, mailbox.encode(), domain.encode())


@pytest.mark.parametrize(
    ("value", "entries"),
    [
        (b"", []),
        (b"bob@b.example", [person(None, "bob", "b.example")]),
        (b'"Bob, B." <bob@b.example>', [person("Bob, B.", "bob", "b.example")]),
        (b"bob@b.example (Bob)", [person("Bob", "bob", "b.example")]),
        (b"a@a.example,,b@b.example", [person(None, "a", "a.example"), person(None, "MISSING_MAILBOX", "MISSING_DOMAIN"), person(None, "b", "b.example")]),
        (b"bob", [person(None, "bob", "MISSING_DOMAIN")]),
        (b"bob carol", [person("bob carol", "MISSING_MAILBOX", "MISSING_DOMAIN")]),
        (b"Bob <bob", [person("Bob", "bob", "SYNTAX_ERROR")]),
        (b"<>", [person(None, "MISSING_MAILBOX", "MISSING_DOMAIN")]),
        (b"G: a@a.example;", [Entry(None, None, b"G", None), person(None, "a", "a.example"), GROUP_END]),
        (b"G:;", [Entry(None, None, b"G", None), GROUP_END]),
        (b"G: a@a.example", [Entry(None, None, b"G", None), person(None, "a", "a.example"), GROUP_END]),
        (b"<@r.example:bob@b.example>", [Entry(None, b"@r.example", b"bob", b"b.example")]),
        (b"<@r.example bob@b.example>", [Entry(None, b"INVALID_ROUTE", b"bob", b"b.example")]),
        (b"<@r.example", [Entry(None, b"INVALID_ROUTE", b"MISSING_MAILBOX", b"SYNTAX_ERROR")]),
        (b"<@a.example,@b.example", [Entry(None, b"INVALID_ROUTE", b"MISSING_MAILBOX", b"SYNTAX_ERROR")]),
        (b"<@r.example:", [Entry(None, b"@r.example", b"MISSING_MAILBOX", b"SYNTAX_ERROR")]),
        (b"<", [person(None, "MISSING_MAILBOX", "SYNTAX_ERROR")]),
        (b"<bob@", [person(None, "bob", "SYNTAX_ERROR")]),
        (b"G: a@a.example, (open", [Entry(None, None, b"G", None), person(None, "a", "a.example"), GROUP_END]),
        (b"a@a.example, (open", [person(None, "a", "a.example"), person(None, "MISSING_MAILBOX", "MISSING_DOMAIN")]),
    ],
)  # fmt: skip
def test_a_list_is_its_entries(value: bytes, entries: list[Entry]) -> None:
    assert parse(value, 9) == entries


def test_a_group_mark_is_no_mailbox() -> None:
    start, inside, end = parse(b"G: a@a.example;", 9)

    assert (start.is_mailbox(), inside.is_mailbox(), end.is_mailbox()) == (False, True, False)


@pytest.mark.parametrize("value", [b"a@b.example," * 100, b"G: " + b"a@b.example," * 100 + b";"])
def test_no_more_entries_than_the_limit(value: bytes) -> None:
    assert len(parse(value, 10)) == 10


@pytest.mark.parametrize("limit", range(8))
def test_a_group_cut_by_the_limit_is_ended(limit: int) -> None:
    entries = parse(b"A: a@a.example;, B: b@b.example, c@c.example;, d@d.example", limit)
    marks = [entry.mailbox for entry in entries if not entry.is_mailbox()]

    assert len(entries) <= limit
    assert marks in ([], [b"A", None], [b"A", None, b"B", None])


@given(st.text(alphabet='ab<>,:;@".\\()[] \n\0é', max_size=60))
def test_any_value_gives_entries_and_each_group_ends(value: str) -> None:
    level = 0
    for entry in parse(value.encode(), 100):
        if not entry.is_mailbox():
            level += 1 if entry.mailbox is not None else -1
        assert level in (0, 1)

    assert level == 0
