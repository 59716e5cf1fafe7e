"""One sentence below ordinary mail: where it goes, and where it never does."""

from __future__ import annotations

import email
import email.policy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sending.foot import Foot, with_foot
from mx_core.model.errors import Refused
from tests.support.stores import Clock, open_store

LINK = "https://a.example/.well-known/mailx/invitation#" + "Ab_-9" * 30
HEAD = "From: alice@a.example\r\nSubject: x\r\n"


def mail(kind: str, body: str, encoding: str = "7bit", more: str = "") -> bytes:
    header = f"{HEAD}{more}Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return (header + body).encode()


def texts(octets: bytes) -> dict[str, str]:
    """What another program reads, by type."""
    parsed: Any = email.message_from_bytes(octets, policy=email.policy.default)
    return {
        p.get_content_type(): p.get_content().replace("\r\n", "\n")
        for p in parsed.walk()
        if not p.is_multipart()
    }


@pytest.mark.parametrize("encoding", ["7bit", "8bit", "quoted-printable"])
@pytest.mark.parametrize("body", ["hello\r\n", "hello", "hello \r\n\r\n", ""])
def test_text_gets_it_at_its_end_whatever_its_encoding(encoding: str, body: str) -> None:
    found = with_foot(mail("text/plain; charset=utf-8", body, encoding), LINK)
    text = texts(found)["text/plain"]

    assert found.startswith(mail("text/plain; charset=utf-8", body, encoding))
    assert text.startswith(body.replace("\r\n", "\n"))
    assert text.rstrip().endswith(f"the mail program you have:\n{LINK}")
    assert all(len(line) <= 998 for line in found.split(b"\r\n"))


def test_a_message_without_a_type_is_text() -> None:
    octets = b"Subject: x\r\n\r\nhello\r\n"

    assert with_foot(octets, LINK).endswith(LINK.encode() + b"\r\n")


@pytest.mark.parametrize("encoding", ["7bit", "quoted-printable"])
def test_a_page_gets_it_before_its_end_and_so_does_the_text_beside_it(encoding: str) -> None:
    octets = (
        f"{HEAD}Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n"
        "Content-Type: text/plain\r\n\r\nhello\r\n--b\r\n"
        f"Content-Type: text/html\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
        "<html><BODY><p>hello</p></BODY></html>\r\n--b--\r\n"
    ).encode()
    found = texts(with_foot(octets, LINK))
    page = found["text/html"]

    assert found["text/plain"].startswith("hello\n")
    assert LINK in found["text/plain"]
    assert f'<a href="{LINK}">' in page
    assert page.index(LINK) < page.index("</BODY>")


def test_of_a_mixed_message_the_text_gets_it_and_no_attachment() -> None:
    octets = (
        f"{HEAD}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b\r\n"
        "Content-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nfile\r\n--b--\r\n"
    ).encode()
    found = with_foot(octets, LINK)

    assert found.count(LINK.encode()) == 1
    assert found.index(LINK.encode()) < found.index(b"attachment")
    assert found.endswith(b"\r\n\r\nfile\r\n--b--\r\n")


@pytest.mark.parametrize(
    "octets",
    [
        mail("multipart/signed; boundary=b", "--b\r\n\r\nhello\r\n--b\r\n\r\nsig\r\n--b--\r\n"),
        mail("multipart/encrypted; boundary=b", "--b\r\n\r\nhello\r\n--b--\r\n"),
        mail("text/plain", "-----BEGIN PGP SIGNED MESSAGE-----\r\nhello\r\n"),
        mail("text/plain", "aGVsbG8=\r\n", "base64"),
        mail("text/plain; charset=utf-16", "hello\r\n", "8bit"),
        mail("application/pkcs7-mime", "hello\r\n"),
        mail("text/calendar", "BEGIN:VCALENDAR\r\n"),
        mail("message/rfc822", "Subject: y\r\n\r\nhello\r\n"),
        mail("text/plain", "hello\r\n", more="Resent-From: bob@b.example\r\n"),
        mail("text/plain", "hello\r\n", more="Auto-Submitted: auto-replied\r\n"),
        mail("text/plain", "hello\r\n", more="List-Id: <l.example>\r\n"),
        mail("text/plain; name=x", "f\r\n", more="Content-Disposition: attachment\r\n"),
        mail("text/plain", f"> {LINK}\r\n"),
    ],
)  # fmt: skip
def test_what_is_signed_sent_on_written_by_a_program_or_has_one_stays_as_it_is(
    octets: bytes,
) -> None:
    assert with_foot(octets, LINK) == octets


@given(where=st.integers(0), octet=st.binary(min_size=1, max_size=1))
def test_nothing_that_stood_there_is_lost_whatever_a_message_is(where: int, octet: bytes) -> None:
    octets = (
        b"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b\r\n"
        b"Content-Type: text/html\r\n\r\n<body>hello</body>\r\n--b--\r\n"
    )
    at = where % len(octets)
    octets = octets[:at] + octet + octets[at + 1 :]
    rest = iter(with_foot(octets, LINK))

    assert all(each in rest for each in octets)  # a subsequence


class Invitations:
    """Stands in for ``Inviting``: what was made, and who may make more."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.made: list[dict[str, Any]] = []
        self.full = False

    async def all(self) -> list[dict[str, Any]]:
        return [one for one in self.made if one["expires"] > self.clock()]

    async def make(self, name: str, uses: int, days: int) -> dict[str, Any]:
        if self.full:
            raise Refused("too many")
        number = len(self.made) + 1
        expires = int(self.clock()) + days * 86_400
        one = {"id": number, "uses": uses, "used": 0, "expires": expires, "link": f"{LINK}{number}"}
        self.made.append(one)
        return one


@pytest.mark.anyio
async def test_it_is_off_until_asked_for_and_one_invitation_serves_while_it_is_good(
    tmp_path: Path,
) -> None:
    clock = Clock()
    store = open_store(tmp_path, clock)
    made: Any = Invitations(clock)
    foot, octets = Foot(store.settings, made, clock), mail("text/plain", "hello\r\n")
    assert await foot.added_to(octets) == octets

    assert (await foot.turn(on=True))["link"] == f"{LINK}1"
    first = await foot.added_to(octets)
    again = await Foot(store.settings, made, clock).added_to(octets)
    made.made[0]["used"] = made.made[0]["uses"]
    spent = await foot.added_to(octets)
    clock.at += 60 * 86_400
    late = await foot.added_to(octets)
    made.full = True
    clock.at += 60 * 86_400
    full = await foot.added_to(octets)
    await foot.turn(on=False)

    assert first == again
    assert [f"{LINK}{n}\r\n".encode() in m for n, m in ((1, first), (2, spent), (3, late))] == [
        True,
        True,
        True,
    ]
    assert full == octets
    assert await foot.added_to(octets) == octets
    store.close()
