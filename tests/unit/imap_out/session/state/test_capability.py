"""What is announced, to whom, and what a hidden word changes."""

import pytest

from imap_out.session.state.capability import AFTER_LOGIN, BEFORE_LOGIN, CAN_BE_HIDDEN, announced
from imap_out.wire.limits import Limits
from tests.support.transcript import Transcript


def words(*, logged_in: bool = True, hidden: frozenset[bytes] = frozenset()) -> list[bytes]:
    return announced(
        logged_in=logged_in,
        can_start_tls=True,
        login_allowed=True,
        can_compress=False,
        limits=Limits(message_octets=1000),
        hidden=hidden,
    ).split(b" ")


def test_every_word_is_announced_once_and_appendlimit_with_its_value() -> None:
    assert [word.partition(b"LIMIT=")[0] for word in words()] == [
        word.replace(b"APPENDLIMIT", b"APPEND") for word in AFTER_LOGIN
    ]
    assert b"APPENDLIMIT=1000" in words()
    assert len(set(words())) == len(words())


def test_before_a_login_only_what_helps_to_log_in_is_told() -> None:
    assert words(logged_in=False) == [*BEFORE_LOGIN, b"STARTTLS", b"AUTH=PLAIN"]


@pytest.mark.parametrize(
    "word", [b"ACL", b"URLAUTH", b"CATENATE", b"CONTEXT", b"UIDONLY", b"METADATA"]
)
def test_what_brings_nothing_here_is_never_announced(word: bytes) -> None:
    """With ACL announced, mutt asks MYRIGHTS at each SELECT (spec/imap §1)."""
    assert not any(each.startswith(word) for each in words())


def test_a_word_is_hidden_however_it_is_spelled() -> None:
    assert {word.upper() for word in AFTER_LOGIN} - CAN_BE_HIDDEN == {b"IMAP4REV1"}
    assert b"IMAP4rev2" in words()
    assert b"IMAP4rev2" not in words(hidden=frozenset({b"IMAP4REV2"}))


def test_a_hidden_word_is_not_announced() -> None:
    assert b"MOVE" in words()
    assert b"MOVE" not in words(hidden=frozenset({b"MOVE"}))
    assert not any(
        each.startswith(b"APPENDLIMIT") for each in words(hidden=frozenset({b"APPENDLIMIT"}))
    )


def test_what_is_not_known_is_not_enabled_and_no_error() -> None:
    Transcript().plays(
        """
        C: a ENABLE X-NONE X-OTHER
        S: * ENABLED
        S: a OK
        C: b ENABLE
        S: b BAD
        """
    )
