"""Delivery reports: plain words, machine words, and no way for a stranger's text to add a line."""

import email
import email.policy
import re
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.arriving.status_block import Mail, block_octets, parse
from gateway.writing.report import Action, delivery_report
from mx_core.model.address import Address
from mx_core.model.ids import QueueId

ALICE = Address.parse("alice@a.example")
BOB = Address.parse("bob@b.example")
ORIGINAL = (
    b"Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@a.example>\r\n"
    b"From: alice@a.example\r\nTo: bob@b.example\r\n"
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nsecret body\r\n"
)


def report(**changed: object) -> bytes:
    facts: dict[str, object] = {
        "reporter": "a.example",
        "sender": ALICE,
        "recipient": BOB,
        "action": Action.FAILED,
        "status": "5.1.1",
        "reason": "b.example has no mailbox bob.",
        "accepted": 1_800_000_000,
        "now": 1_800_000_060,
        "original": ORIGINAL,
        "queue_id": QueueId("00ff00ff00ff00ff"),
    }
    return delivery_report(**(facts | changed))  # type: ignore[arg-type]


def parsed(octets: bytes) -> EmailMessage:
    message = email.message_from_bytes(octets, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def text(message: EmailMessage) -> str:
    return str(next(iter(message.iter_parts())).get_content())


def test_it_is_a_report_of_three_parts_to_the_sender() -> None:
    message = parsed(report())
    kinds = [part.get_content_type() for part in message.iter_parts()]

    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    assert kinds == ["text/plain", "message/delivery-status", "text/rfc822-headers"]
    assert message["To"] == "<alice@a.example>" or message["To"] == "alice@a.example"
    assert message["Subject"] == "Not delivered to bob@b.example: Grüße"
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["In-Reply-To"] == "<1@a.example>"
    assert message.defects == []


def test_its_words_say_what_and_why_and_what_next() -> None:
    said = text(parsed(report()))

    assert "Not delivered to bob@b.example." in said
    assert "Your message: Grüße" in said
    assert "Why: b.example has no mailbox bob." in said
    assert "What next: Check how the address is spelt" in said
    assert "5.1.1" in said


def test_programs_read_the_same() -> None:
    octets = report()
    machine = octets.split(b"Content-Type: message/delivery-status\r\n\r\n")[1]

    assert machine.startswith(
        b"Reporting-MTA: dns; a.example\r\n"
        b"X-MX-Queue-Id: 00ff00ff00ff00ff\r\n"
        b"Arrival-Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n"
        b"\r\n"
        b"Final-Recipient: rfc822; bob@b.example\r\n"
        b"Action: failed\r\n"
        b"Status: 5.1.1\r\n"
        b"Remote-MTA: dns; b.example\r\n"
        b"Diagnostic-Code: x-mx; b.example has no mailbox bob.\r\n"
        b"Last-Attempt-Date: Fri, 15 Jan 2027 08:01:00 +0000\r\n"
        b"\r\n--"
    )


def test_the_header_comes_back_and_the_body_does_not() -> None:
    octets = report()

    assert ORIGINAL.partition(b"\r\n\r\n")[0] in octets
    assert b"secret body" not in octets


def test_it_carries_the_status_of_a_report() -> None:
    octets = report()
    status = parse(octets)

    assert status is not None
    assert status.mail is Mail.REPORT
    assert octets[: block_octets(octets)].endswith(b"Return-Path: <>\r\n")


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        ("5.3.4", "smaller"),
        ("5.4.7", "when their server can be reached"),
        ("5.7.5", "Nothing left this machine unencrypted"),
        ("5.2.2", "later"),
        ("4.7.5", "until you have decided"),
        ("4.7.10", "until you have decided"),
        ("4.4.7", "goes on trying by itself"),
        ("5.0.0", "You can send the message again"),
        ("nonsense", "You can send the message again"),
        ("5.1.1\r\nX: y", "You can send the message again"),
    ],
)
def test_every_code_has_a_next_step(status: str, advice: str) -> None:
    message = parsed(report(status=status))

    assert advice in text(message).replace("=\n", "")
    assert message["X"] is None


@pytest.mark.parametrize("status", ["4.7.5", "4.7.10"])
def test_what_waits_for_the_person_says_so_and_not_that_it_waits_for_time(status: str) -> None:
    message = parsed(report(status=status, action=Action.DELAYED))

    assert message["Subject"].startswith("Waiting for your decision, to ")
    assert "Still waiting" not in text(message)


@pytest.mark.parametrize("action", Action)
def test_every_action_has_its_headline(action: Action) -> None:
    message = parsed(report(action=action, status="2.0.0", reason=""))

    assert str(message["Subject"]).endswith("bob@b.example: Grüße")
    assert "Why:" not in text(message)


def test_equal_facts_give_equal_octets_and_other_facts_another_id() -> None:
    assert report() == report()
    assert parsed(report())["Message-ID"] != parsed(report(recipient=ALICE))["Message-ID"]


_text = st.text(max_size=300)
_hostile = st.sampled_from(["\r\nX: y", "\r\n\r\n--=_report_", "\u2028", "\u202e", "\0", "=?", '"'])


@given(
    reason=st.lists(_text | _hostile).map("".join), subject=st.lists(_text | _hostile).map("".join)
)
def test_no_text_adds_a_field_or_a_part_and_all_is_7_bit(reason: str, subject: str) -> None:
    folded = re.sub(rb"[\r\n\0]+", b"\r\n ", subject.encode("utf-8", "replace"))
    octets = report(reason=reason, original=b"Subject: " + folded + b"\r\nX: 1\r\n\r\nbody")
    message = parsed(octets)

    assert octets.isascii()
    assert b"\0" not in octets
    assert octets.count(b"\r") == octets.count(b"\n") == octets.count(b"\r\n")
    assert max(map(len, octets.split(b"\r\n"))) <= 998
    assert len(list(message.iter_parts())) == 3
    assert [name for name in message if name.startswith("X")] == []
    assert octets.count(b"\r\n\r\n", 0, octets.index(b"This is a delivery")) == 1


def test_a_header_beyond_7_bit_comes_back_whole() -> None:
    original = "Subject: Grüße\r\nX: ".encode() + b"y" * 2000 + b"\r\n\r\nbody"
    octets = report(original=original)
    returned = list(parsed(octets).iter_parts())[2]

    assert octets.isascii()
    assert returned.get_payload(decode=True) == original.partition(b"\r\n\r\n")[0] + b"\r\n"


def test_a_long_header_is_cut_between_fields() -> None:
    original = b"".join(b"X-%d: %s\r\n" % (n, b"y" * 900) for n in range(100)) + b"\r\nbody"
    octets = report(original=original)

    assert len(octets) < 70_000
    assert b"X-70: " in octets
    assert octets.count(b"y" * 900) * 900 == octets.count(b"y" * 900 + b"\r\n") * 900


def test_a_boundary_never_stands_in_a_part() -> None:
    original = b"Subject: =_report_00ff00ff00ff00ff_0\r\n\r\n"
    message = parsed(report(original=original))

    assert message.get_boundary() == "=_report_00ff00ff00ff00ff_1"
    assert len(list(message.iter_parts())) == 3


def test_an_odd_message_id_is_not_repeated() -> None:
    for odd in (b"no brackets", b"<" + b"x" * 300 + b">", b"<a b@c>", b"<\xff@x>"):
        message = parsed(report(original=b"Message-ID: " + odd + b"\r\n\r\n"))

        assert message["In-Reply-To"] is None


def test_addresses_beyond_ascii_are_spelt_as_rfc_6533_says() -> None:
    zoe = Address.parse("zoë@a.example")
    octets = report(sender=zoe, recipient=zoe)

    assert octets.isascii()
    assert b"Final-Recipient: utf-8; zo\\x{EB}@a.example\r\n" in octets
    assert "zoë@a.example" in text(parsed(octets))


@pytest.mark.parametrize(
    "original",
    [b"Subject: \xff\r\n\r\n", b"Subject: x\r\n\r\n" + b"y" * 999 + b"\r\n", b"a: b\r\n" * 200_000],
)
def test_a_message_that_is_not_plain_or_too_large_is_not_returned_whole(original: bytes) -> None:
    message = parsed(report(original=original, return_full=True))

    assert [part.get_content_type() for part in message.iter_parts()][2] == "text/rfc822-headers"
