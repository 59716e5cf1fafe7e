"""Commands about mailboxes.  RFC 5258, RFC 5819, RFC 6154."""

import pytest

from imap_out.wire.commands import Command, Create, List, Status
from imap_out.wire.parse import parse
from imap_out.wire.syntax import BadSyntax
from tests.support.imap_spelling import frame_of


def read(text: bytes) -> Command:
    return parse(frame_of(b"a " + text + b"\r\n"))[1]


def test_the_folder_list_of_thunderbird() -> None:
    assert read(b'list (subscribed) "" "*" return (special-use)') == List(
        "", ("*",), True, frozenset({b"SUBSCRIBED"}), frozenset({b"SPECIAL-USE"})
    )


def test_the_folder_list_of_aerc() -> None:
    found = read(b'LIST "" "*" RETURN (STATUS (MESSAGES RECENT UNSEEN))')

    assert isinstance(found, List)
    assert found.status == (b"MESSAGES", b"RECENT", b"UNSEEN")


def test_several_patterns() -> None:
    found = read(b'LIST "" ("INBOX" Drafts Sent/%)')

    assert isinstance(found, List)
    assert found.patterns == ("INBOX", "Drafts", "Sent/%")


def test_create_with_a_special_use() -> None:
    assert read(b"CREATE Everything (USE (\\All))") == Create("Everything", (b"\\All",))


def test_status_may_ask_for_recent() -> None:
    """mutt, neomutt and aerc do."""
    assert read(b'STATUS "Sent" (UIDNEXT UIDVALIDITY UNSEEN RECENT)') == Status(
        "Sent", (b"UIDNEXT", b"UIDVALIDITY", b"UNSEEN", b"RECENT")
    )


@pytest.mark.parametrize(
    "text", [b"LIST", b'LIST "" ', b'LIST (frob) "" x', b'LIST (recursivematch) "" x', b'LIST "" ()',
             b'LIST "" x RETURN (frob)', b'LIST "" x RETURN (STATUS ())', b"STATUS x ()", b"STATUS x (FROB)",
             b'LIST "" (' + b"x " * 101 + b"x)", b"CREATE x (USE (All))", b"APPEND x", b"APPEND x hi",
             b'APPEND x "hi"', b'APPEND x (\\Seen) "no date" {1+}\r\nx', b"SELECT x (CONDSTORE"],
)  # fmt: skip
def test_what_is_no_command_is_bad_syntax(text: bytes) -> None:
    with pytest.raises(BadSyntax):
        read(text)
