"""Names of mailboxes are data: NFC, INBOX in any case, bounded, and never a path."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mx_core.model.errors import BadMailboxName
from mx_core.model.mailbox_name import INBOX, mailbox_name, parents


@pytest.mark.parametrize("text", ["INBOX", "inbox", "Inbox", "iNbOx"])
def test_inbox_is_one_mailbox_in_any_case(text: str) -> None:
    """RFC 9051 §5.1."""
    assert mailbox_name(text) == INBOX


def test_only_the_first_level_is_inbox() -> None:
    assert mailbox_name("inbox/inbox") == "INBOX/inbox"
    assert mailbox_name("work/inbox") == "work/inbox"


def test_names_are_in_nfc_and_keep_their_case() -> None:
    assert mailbox_name("Entwu\u0308rfe") == "Entwürfe"
    assert mailbox_name("Sent") != mailbox_name("sent")


@pytest.mark.parametrize(
    "text", ["..", "../etc/passwd", "a\\b", "~root", "a*b%c", " ", "日本語", "&-"]
)
def test_what_would_be_odd_as_a_path_or_pattern_is_only_a_name(text: str) -> None:
    """Law 7: no path is ever built from one."""
    assert mailbox_name(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "/a",
        "a/",
        "a//b",
        "a\0b",
        "a\nb",
        "a\rb",
        "a\x7fb",
        "a\u0085b",
        "a\u2028b",
        "a\ud800b",
    ],
)
def test_empty_levels_and_control_characters_are_refused(text: str) -> None:
    with pytest.raises(BadMailboxName):
        mailbox_name(text)


def test_length_and_depth_are_bounded() -> None:
    assert mailbox_name("x" * 1000) == "x" * 1000
    assert mailbox_name("/".join("x" * 32)).count("/") == 31
    for text in ("x" * 1001, "é" * 501, "/".join("x" * 33)):
        with pytest.raises(BadMailboxName):
            mailbox_name(text)


def test_parents_are_named_outermost_first() -> None:
    assert parents(mailbox_name("a/b/c")) == ["a", "a/b"]
    assert parents(mailbox_name("a")) == []


@settings(max_examples=300)
@given(
    text=st.text(alphabet=st.characters(), max_size=30)
    | st.text("aiInNbBoOxX/é\u0301", max_size=12)
)
def test_any_text_is_a_stable_name_or_refused(text: str) -> None:
    try:
        name = mailbox_name(text)
    except BadMailboxName:
        return
    assert mailbox_name(name) == name
    assert unicodedata.is_normalized("NFC", name)
    assert all(mailbox_name(parent) == parent for parent in parents(name))
