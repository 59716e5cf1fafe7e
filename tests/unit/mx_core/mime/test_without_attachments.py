"""The words of a message are the same without what holds none."""

from hypothesis import given
from hypothesis import strategies as st

from mx_core.mime.prepare import prepare
from mx_core.mime.search_text import body_text, header_text
from mx_core.mime.without_attachments import without_attachments
from tests.support.odd_messages import odd_messages

ODD = [message.octets for message in odd_messages()]


@given(octets=st.sampled_from(ODD), at=st.integers(0, 1 << 16), what=st.binary(max_size=3))
def test_every_text_of_every_odd_message_is_found_as_in_the_whole(
    octets: bytes, at: int, what: bytes
) -> None:
    place = at % (len(octets) + 1)
    octets = octets[:place] + what + octets[place:]
    form = prepare(octets)
    kept, placed = without_attachments(octets, form)

    assert header_text(kept, placed) == header_text(octets, form)
    assert body_text(kept, placed) == body_text(octets, form)


def test_an_attachment_is_passed_and_the_text_around_it_is_not() -> None:
    octets = (
        b"Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nbefore\r\n--b\r\n"
        b"Content-Type: application/pdf; name=plan.pdf\r\n\r\n" + b"A" * 9_000 + b"\r\n--b\r\n"
        b"Content-Type: text/html\r\n\r\n<p>after\r\n--b--\r\n"
    )  # fmt: skip
    kept, placed = without_attachments(octets, prepare(octets))

    assert len(octets) - len(kept) == 9_000
    assert body_text(kept, placed).split() == ["BEFORE", "AFTER"]
    assert "PLAN.PDF" in header_text(kept, placed)
