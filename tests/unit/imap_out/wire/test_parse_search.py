"""Search keys.  RFC 3501 §6.4.4."""

from datetime import date

import pytest

from imap_out.wire.commands import Search
from imap_out.wire.parse import parse
from imap_out.wire.search_keys import (
    Either,
    Every,
    HasFlag,
    InBody,
    InHeader,
    Negated,
    SearchKey,
    Sent,
    When,
)
from imap_out.wire.syntax import BadSyntax
from mx_core.model.flags import DELETED, RECENT, SEEN
from tests.support.imap_spelling import frame_of


def search(text: bytes) -> Search:
    command = parse(frame_of(b"a UID SEARCH " + text + b"\r\n"))[1]
    assert isinstance(command, Search)
    return command


def key(text: bytes) -> SearchKey:
    return search(text).key


def test_the_body_search_of_thunderbird() -> None:
    command = search("CHARSET UTF-8 UNDELETED BODY {6+}\r\nzażó".encode())

    assert command.charset == b"UTF-8"
    assert command.key == Every((Negated(HasFlag(DELETED)), InBody("zażó".encode())))


def test_keys_in_a_row_and_in_parentheses_mean_all_of_them() -> None:
    assert key(b"(SEEN DELETED)") == key(b"SEEN DELETED")


def test_or_takes_two_keys_of_any_kind() -> None:
    assert key(b"OR SEEN (NOT DELETED FROM fred)") == Either(
        HasFlag(SEEN), Every((Negated(HasFlag(DELETED)), InHeader(b"from", b"fred")))
    )


def test_new_and_old_are_about_recent() -> None:
    assert key(b"NEW") == Every((HasFlag(RECENT), Negated(HasFlag(SEEN))))
    assert key(b"OLD") == Negated(HasFlag(RECENT))


def test_dates_may_be_quoted() -> None:
    assert key(b'SENTSINCE "1-Feb-1994"') == Sent(When.SINCE, date(1994, 2, 1))


@pytest.mark.parametrize(
    "text", [b"", b"FROB", b"OR SEEN", b"NOT", b"(SEEN", b"()", b"SEEN)", b"BODY", b"KEYWORD \\Seen",
             b"ON 99-Feb-1994", b"LARGER x", b"NOT " * 70 + b"SEEN", b"(" * 70 + b"SEEN" + b")" * 70,
             b"OR " * 70 + b"SEEN " * 71, b"SEEN " * 1002 + b"SEEN"],
)  # fmt: skip
def test_what_is_no_search_is_bad_syntax(text: bytes) -> None:
    with pytest.raises(BadSyntax):
        search(text)


def test_a_filter_of_forty_senders_fits() -> None:
    found = key(b"OR FROM a " * 39 + b"FROM a")

    assert isinstance(found, Either)
