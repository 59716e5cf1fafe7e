"""NOTIFY: groups of events, and those that make no sense."""

import pytest

from imap_out.wire.commands import EventGroup, Mailboxes, Notify
from imap_out.wire.fetch_items import Attribute
from imap_out.wire.framing import Frame
from imap_out.wire.parse import parse
from imap_out.wire.syntax import BadSyntax

BOTH = frozenset({b"MESSAGENEW", b"MESSAGEEXPUNGE"})


def read(text: bytes) -> object:
    return parse(Frame((b"a NOTIFY " + text,)))[1]


def test_groups_come_in_their_order() -> None:
    """RFC 5465 §3.1, its example with what we know."""
    assert read(
        b"set status (selected (MessageNew (uid) MessageExpunge)) (subtree Lists none)"
    ) == Notify(
        (
            EventGroup(Mailboxes.SELECTED, (), BOTH, (Attribute.UID,)),
            EventGroup(Mailboxes.SUBTREE, ("Lists",)),
        ),
        status=True,
    )
    assert read(b"none") == Notify(())


def test_what_nobody_knows_is_an_event_and_not_bad_syntax() -> None:
    command = read(b"SET (PERSONAL (org.example.Moon))")

    assert command == Notify(
        (EventGroup(Mailboxes.PERSONAL, (), frozenset({b"ORG.EXAMPLE.MOON"})),)
    )


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"SET",
        b"SET ()",
        b"SET (PERSONAL)",
        b"SET (PERSONAL ())",
        b"SET (NOWHERE NONE)",
        b"SET (SUBTREE (MessageNew MessageExpunge))",
        b"SET (SELECTED (MessageNew))",
        b"SET (SELECTED (FlagChange))",
        b"SET (SELECTED (MessageNew MessageExpunge MailboxName))",
        b"SET (PERSONAL (MessageNew (UID) MessageExpunge))",
        b"SET (SELECTED NONE) (SELECTED-DELAYED NONE)",
        b"SET " + b" ".join([b"(PERSONAL NONE)"] * 101),
        b"NONE (PERSONAL NONE)",
    ],
)
def test_what_makes_no_sense_is_bad(text: bytes) -> None:
    with pytest.raises(BadSyntax):
        read(text)
