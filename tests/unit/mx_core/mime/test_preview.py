"""The first words of a message: bounded, one line, of what a reader would see first."""

import base64

import pytest

from mx_core.mime.prepare import prepare
from mx_core.mime.preview import CHARACTERS_MAX, preview


def shown(octets: bytes) -> str:
    return preview(prepare(octets), lambda start, end: octets[start:end])


def test_space_and_quoted_lines_are_left_out() -> None:
    assert shown(b"\r\n > you said\r\nYes,\t\r\n\r\n  indeed.\r\n> more") == "Yes, indeed."


def test_it_ends_after_two_hundred_characters() -> None:
    assert shown(b"\r\n" + b"word " * 100) == ("word " * 40).strip()
    assert len("word " * 40) == CHARACTERS_MAX


def test_the_first_text_part_is_shown_decoded() -> None:
    page = base64.b64encode("<style>p {}</style><p>Grüße &amp; Küsse".encode())
    octets = (
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: image/png\r\n\r\n"
        b"png\r\n--x\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64"
        b"\r\n\r\n" + page + b"\r\n--x\r\n\r\nsecond\r\n--x--\r\n"
    )

    assert shown(octets) == "Grüße & Küsse"


@pytest.mark.parametrize("cut", range(4))
def test_a_cut_inside_a_character_does_not_spoil_the_others(cut: int) -> None:
    text = b"a" * cut + ("ü" * 100_000).encode()
    head = b"Content-Type: text/plain; charset=utf-8\r\n\r\n"

    assert set(shown(head + text)) - {"a"} == {"ü"}


def test_a_message_without_text_shows_nothing() -> None:
    assert shown(b"Content-Type: image/png\r\n\r\npng") == ""
    assert shown(b"") == ""


def test_control_and_direction_signs_never_reach_a_list() -> None:
    assert shown("\r\na\0b\x1b[31mc\u202ed".encode()) == "a b [31mc d"


def test_no_more_than_a_piece_of_a_large_part_is_read() -> None:
    octets = b"\r\n" + b" " * 1_000_000 + b"late"
    asked: list[int] = []

    def read(start: int, end: int) -> bytes:
        asked.append(end - start)
        return octets[start:end]

    assert preview(prepare(octets), read) == ""
    assert asked == [64 * 1024]
