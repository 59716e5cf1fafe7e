"""The keys that SEARCH, SORT and THREAD compare.  RFC 5256 §2 and §3, RFC 5957 §3."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mx_core.mime.casemap import fold
from mx_core.mime.field_match import field_holds, has_field
from mx_core.mime.header_keys import hash_of, header_keys
from mx_core.mime.prepare import prepare
from mx_core.model.header_keys import (
    NO_DAY,
    NO_ID,
    UNPREPARED,
    HeaderKeys,
    OrderText,
    TextField,
)


def keys(*lines: str | bytes) -> HeaderKeys:
    raw = [line.encode() if isinstance(line, str) else line for line in lines]
    octets = b"\r\n".join([*raw, b"", b"body"])
    return header_keys(octets, prepare(octets))


def order(text: OrderText, *lines: str) -> bytes:
    return keys(*lines).orders[list(OrderText).index(text)]


def test_a_text_is_marked_so_that_an_empty_field_is_not_a_missing_one() -> None:
    subject = list(TextField).index(TextField.SUBJECT)

    assert keys("Subject: ").texts[subject] == b"\xff"
    assert keys("To: x").texts[subject] == b""


def test_a_text_too_long_to_keep_is_left_to_the_octets() -> None:
    subject = list(TextField).index(TextField.SUBJECT)

    assert keys(*["Subject: " + "x" * 10_000] * 2).texts[subject] == UNPREPARED


@given(
    st.sampled_from(TextField),
    st.lists(
        st.text(st.sampled_from('aß∫ﬁé́Ǆ漢字"\\(),<>@=?:; .\t'), max_size=20), min_size=1, max_size=2
    ),
    st.text(st.sampled_from('aASſSfFiIéÉ漢"@<> ,.'), max_size=3),
)
def test_a_kept_text_holds_what_the_field_holds(
    field: TextField, values: list[str], term: str
) -> None:
    octets = b"".join(b"%b: %b\r\n" % (field.value, value.encode()) for value in values) + b"\r\n"
    form = prepare(octets)
    wanted = fold(term)
    kept = header_keys(octets, form).texts[list(TextField).index(field)]

    expected = field_holds(octets, form, field.value, wanted) and has_field(form, field.value)
    assert (bool(kept) and wanted.encode() in kept) == expected


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        (OrderText.FROM, 'From: "Z" <Bob@b.example>, <a@a.example>', b"BOB"),
        (OrderText.TO, "To: Friends: <x@a.example>;", b"FRIENDS"),
        (OrderText.CC, "Cc: =?utf-8?q?gr=C3=BCn?= <c@c.example>", b"C"),
        (
            OrderText.DISPLAY_FROM,
            "From: =?utf-8?q?gr=C3=BCn?= <z@c.example>",
            "GRU\u0308N".encode(),
        ),
        (OrderText.DISPLAY_FROM, "From: Bob@B.example", b"BOB@B.EXAMPLE"),
        (OrderText.DISPLAY_TO, "To: Friends: <x@a.example>;", b"FRIENDS"),
        (OrderText.SUBJECT, "Subject: Re: [x] Fwd: hello (fwd)", b"HELLO"),
        (OrderText.SUBJECT, "To: x", b""),
    ],
)
def test_messages_are_put_in_order_by(text: OrderText, line: str, key: bytes) -> None:
    assert order(text, line) == key


def test_a_key_of_order_is_bounded() -> None:
    assert len(order(OrderText.SUBJECT, "Subject: " + "ﷺ" * 2_000)) <= 250


def test_the_day_of_a_date_is_the_senders() -> None:
    sent = keys("Date: Mon, 1 Jan 1970 00:30:00 +0200")

    assert (sent.sent, sent.sent_day) == (-5_400, 0)
    assert keys("Date: whenever").sent_day == NO_DAY


def test_ids_are_compared_without_quotes() -> None:
    assert keys('Message-ID: <"a.b"@c>').thread.id == keys("Message-ID: < a.b@c >").thread.id
    assert keys("Message-ID: no id").thread.id == NO_ID
    assert keys("Message-ID: <A@c>").thread.id != keys("Message-ID: <a@c>").thread.id


def test_references_come_from_in_reply_to_where_there_are_none() -> None:
    a, b = hash_of(b"a@x"), hash_of(b"b@x")

    assert keys("References: <a@x> junk <b@x>", "In-Reply-To: <c@x>").thread.references == (a, b)
    assert keys("References: junk", "In-Reply-To: <a@x> <b@x>").thread.references == (a,)


def test_of_ten_thousand_references_the_newest_count() -> None:
    thread = keys("References: " + " ".join(f"<{n}@x>" for n in range(1_500))).thread

    assert len(thread.references) == 100


@pytest.mark.parametrize(
    ("subject", "is_reply"),
    [("x", False), ("[list] x", False), ("Re: x", True), ("x (fwd)", True), ("[fwd: x]", True)],
)
def test_a_subject_says_whether_it_answers(subject: str, is_reply: bool) -> None:
    assert keys(f"Subject: {subject}").thread.is_reply is is_reply
