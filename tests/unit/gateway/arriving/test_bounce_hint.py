"""Whose address a bounce names: a guess, bounded, and of nothing else."""

import pytest

from gateway.arriving.bounce_hint import OCTETS_MAX, bounced
from tests.unit.gateway.arriving.test_at_the_door import BOUNCE, LETTER

QMAIL = (
    b"From: MAILER-DAEMON@c.example\r\nTo: bob@b.example\r\nSubject: failure notice\r\n\r\n"
    b"Hi. This is the qmail-send program at c.example.\r\n"
    b"I'm afraid I wasn't able to deliver your message to the following addresses.\r\n\r\n"
    b"<gone@c.example>:\r\nSorry, no mailbox here by that name. (#5.1.1)\r\n\r\n"
    b"--- Below this line is a copy of the message.\r\n\r\n"
)


def test_a_report_names_whom_it_is_about() -> None:
    assert [str(each) for each in bounced(BOUNCE)] == ["gone@c.example"]


def test_so_does_one_that_follows_no_standard() -> None:
    assert [str(each) for each in bounced(QMAIL)] == ["gone@c.example"]


def test_a_letter_names_nobody() -> None:
    assert bounced(LETTER) == ()


def test_what_is_large_is_not_looked_at() -> None:
    assert bounced(BOUNCE + b"x" * OCTETS_MAX) == ()


def test_at_most_ten_are_told() -> None:
    more = b"".join(
        b"\r\nFinal-Recipient: rfc822; u%d@c.example\r\nAction: failed\r\n" % n for n in range(50)
    )
    many = BOUNCE.replace(b"\r\n--b--", more + b"\r\n--b--")

    assert len(bounced(many)) == 10


@pytest.mark.parametrize("at", range(0, len(BOUNCE), 7))
def test_one_wrong_octet_is_a_hint_or_none(at: int) -> None:
    broken = BOUNCE[:at] + b"\xff" + BOUNCE[at + 1 :]

    assert len(bounced(broken)) <= 2
