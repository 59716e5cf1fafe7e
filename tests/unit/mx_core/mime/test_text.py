"""The words that a search finds."""

from __future__ import annotations

import pytest

from mx_core.mime import text
from mx_core.mime.limits import TEXT_CHARACTERS_MAX
from mx_core.mime.prepare import prepare


def words(octets: bytes) -> str:
    return text.searchable(octets, prepare(octets))


def test_text_parts_are_decoded_and_others_passed_over() -> None:
    octets = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\npre\r\n"
        b"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        b"Z3LDvG4=\r\n"
        b"--b\r\nContent-Type: text/html; charset=iso-8859-1\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n<p>r=F6t</p>\r\n"
        b"--b\r\nContent-Type: image/png\r\n\r\npicture\r\n"
        b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: =?utf-8?q?bl=C3=A4u?=\r\n\r\ninside\r\n"
        b"--b--\r\n"
    )

    found = words(octets)

    assert all(word in found for word in ("grün", "röt", "bläu", "inside"))
    assert "picture" not in found
    assert "pre" not in found


def test_an_unlisted_charset_is_guessed() -> None:
    assert words(b"Content-Type: text/plain; charset=utf-7\r\n\r\n+AGE- \xc3\xbc") == "+AGE- ü"


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        ("<b>w</b>ord <p>next<br>line", "word next line"),
        ("a<script>var x = '<b>'</script>b", "a b"),
        ("a<!-- <b>no</b> -->c", "ac"),
        ("a<!-- <script> -->b<i>c</i>", "abc"),
        ("a<STYLE>x{}</STYLE >b", "a b"),
        ("a<script>never closed", "a"),
        ("a &lt;b&gt; &amp; &#252; &#xFC; &nbsp;c", "a <b> & ü ü c"),
        ("&unknown; &#99999999; & &# &;", "&unknown; &#99999999; & &# &;"),
        ("Iİ<script>x</script>y", "Iİ y"),
        ("<<b>p>q", "<p>q"),  # what is left of a tag that was in the way is text
        ("a</>b<B\nx>c</Em >d<bb>e", "a bcd e"),
    ],
)
def test_a_page_is_its_words(page: str, shown: str) -> None:
    assert text.page_text(page).split() == shown.split()


def test_no_more_is_read_than_the_limit() -> None:
    octets = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        + (b"--b\r\n\r\n" + b"x" * 1_000_000 + b"\r\n") * 6
        + b"--b--\r\n"
    )

    assert len(words(octets).replace("\n", "")) == TEXT_CHARACTERS_MAX
