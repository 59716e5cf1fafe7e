"""Whom an echo answers, and what its answer is made of.  RFC 3834."""

from __future__ import annotations

import pytest

from gateway.arriving.status_block import Mail, Status, render
from gateway.echo.reply import SEEN_OCTETS, Passed, reply, whom
from mx_core.mime import encoded_word
from mx_core.mime.header import first_value
from mx_core.mime.prepare import prepare
from mx_core.mime.text import searchable
from mx_core.model.address import Address

OWN = Address.parse("echo@b.example")
ALICE = Address.parse("alice@a.example")
NOW = 1_790_000_000
PLAIN = b"From: alice@a.example\r\nSubject: hello\r\nMessage-ID: <x@a.example>\r\n\r\ngood day\r\n"


def arrived(
    message: bytes = PLAIN, sender: Address | None = ALICE, trust: str = "implicit"
) -> bytes:
    status = Status(Mail.NETWORK, NOW, sender, trust, suite=2, notes=("first-contact",))
    return render(status, sender) + message


def judged(octets: bytes) -> Address | Passed:
    return whom(octets, prepare(octets), OWN)


def answer(octets: bytes) -> bytes:
    return reply(octets[:SEEN_OCTETS], prepare(octets), OWN, ALICE, NOW)


def field(octets: bytes, name: bytes) -> bytes | None:
    return first_value(octets, prepare(octets), name)


def test_the_proven_sender_is_answered_whatever_from_and_reply_to_say() -> None:
    assert judged(arrived(b"From: eve@c.example\r\nReply-To: eve@c.example\r\n\r\nx")) == ALICE


@pytest.mark.parametrize(
    "line",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-generated (a report)",
        "auto-submitted: no-such-word",
        "Precedence: bulk",
        "Precedence:  List",
        "List-Id: <all.a.example>",
        "List-Unsubscribe: <mailto:x@a.example>",
        "Content-Type: multipart/report; boundary=x",
    ],
)
def test_mail_of_a_program_or_a_list_is_not_answered(line: str) -> None:
    assert judged(arrived(line.encode() + b"\r\n" + PLAIN)) in {Passed.AUTOMATIC, Passed.LIST}


@pytest.mark.parametrize("local", ["MAILER-DAEMON", "owner-all", "all-request"])
def test_the_names_of_programs_are_not_answered(local: str) -> None:
    assert judged(arrived(sender=Address.parse(f"{local}@a.example"))) is Passed.AUTOMATIC


def test_mail_that_says_a_person_wrote_it_is_answered() -> None:
    assert judged(arrived(b"Auto-Submitted: no\r\n" + PLAIN)) == ALICE


def test_what_nobody_is_proved_to_have_written_is_not_answered() -> None:
    report = render(Status(Mail.REPORT, NOW), None) + PLAIN

    assert judged(report) is Passed.UNPROVEN
    assert judged(PLAIN) is Passed.UNPROVEN
    assert judged(arrived(trust="none")) is Passed.UNPROVEN


def test_an_echo_does_not_answer_itself_nor_any_answer_of_an_echo() -> None:
    assert judged(arrived(sender=OWN)) is Passed.OWN
    assert judged(arrived(answer(arrived()))) is Passed.AUTOMATIC


def test_the_answer_is_automatic_belongs_to_the_message_and_says_what_was_seen() -> None:
    octets = answer(arrived())
    text = searchable(octets, prepare(octets))

    assert field(octets, b"auto-submitted") == b"auto-replied"
    assert field(octets, b"in-reply-to") == field(octets, b"references") == b"<x@a.example>"
    assert field(octets, b"subject") == b"Auto: hello"
    assert field(octets, b"from") == b"<echo@b.example>"
    assert field(octets, b"to") == b"<alice@a.example>"
    assert "end-to-end encrypted; the sender is known by their first message" in text
    assert "X-Wing" in text
    assert "signed by a device of alice@a.example" in text
    assert f"{len(PLAIN)} octets" in text
    assert "> good day" in text


def test_nothing_of_the_message_can_begin_a_line_of_the_answers_header() -> None:
    subject = "=?utf-8?q?x=0D=0ABcc:_eve@c.example=E2=80=A8?="
    evil = f"Subject: {subject}\r\nMessage-ID: <x@a\r\n Bcc: eve@c.example>\r\n\r\nx\r\n"
    octets = answer(arrived(evil.encode()))

    assert field(octets, b"bcc") is None
    assert octets.isascii()
    assert all(len(line) <= 998 for line in octets.split(b"\r\n"))
    assert "Bcc: eve@c.example" in encoded_word.decode(field(octets, b"subject") or b"")


def test_a_large_message_is_answered_with_the_beginning_of_it() -> None:
    octets = answer(arrived(PLAIN + "grüße\r\n".encode() * 100_000))

    assert len(octets) < 40_000
    assert "(and so on)" in searchable(octets, prepare(octets))


def test_a_message_without_text_is_answered_all_the_same() -> None:
    octets = answer(arrived(b"Content-Type: image/png\r\n\r\nx\r\n"))

    assert "(no text)" in searchable(octets, prepare(octets))
    assert field(octets, b"subject") == b"Auto: (no subject)"
    assert field(octets, b"in-reply-to") is None
