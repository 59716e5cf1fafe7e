from datetime import date

from mx_core.mime.casemap import fold
from mx_core.mime.field_match import any_field_holds, day_sent, field_holds, has_field
from mx_core.mime.prepare import prepare

HEADER = (
    b'From: "Boss" (of all) <boss\r\n @work.example>\r\n'
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"Date: Fri, 01 Jan 2027 00:30:00 +0100\r\n\r\n"
)
FORM = prepare(HEADER)


def test_a_field_is_decoded_and_folded_before_it_is_compared() -> None:
    assert field_holds(HEADER, FORM, b"subject", fold("grüße"))
    assert not field_holds(HEADER, FORM, b"to", "boss")


def test_an_address_is_found_without_its_comments() -> None:
    assert field_holds(HEADER, FORM, b"from", "BOSS <BOSS@WORK.EXAMPLE>")
    assert field_holds(HEADER, FORM, b"from", "(OF ALL)")


def test_a_field_is_there_or_not() -> None:
    assert has_field(FORM, b"date")
    assert not has_field(FORM, b"cc")


def test_any_field_counts_with_its_name() -> None:
    assert any_field_holds(HEADER, FORM, fold("subject: grüße"))
    assert not any_field_holds(HEADER, FORM, "NOWHERE")


def test_the_day_is_the_one_where_it_was_written() -> None:
    assert day_sent(HEADER, FORM) == date(2027, 1, 1)
    assert day_sent(b"\r\n", prepare(b"\r\n")) is None
