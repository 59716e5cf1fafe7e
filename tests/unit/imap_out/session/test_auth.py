"""Logging in, in all the ways that mail programs try."""

import base64

import pytest

from imap_out.session.state.recent import RecentClaims
from imap_out.session.state.session import Security
from imap_out.wire.limits import Limits
from tests.support.memory_mail import one_account
from tests.support.transcript import Line

pytestmark = pytest.mark.anyio


def line(security: Security = Security(tls=True, can_start_tls=False, clear_allowed=False)) -> Line:  # noqa: B008  # frozen
    return Line(one_account(), RecentClaims(), Limits(), security)


def plain(user: str = "fred@a.example", password: str = "secret", for_: str = "") -> bytes:
    return base64.b64encode(f"{for_}\0{user}\0{password}".encode())


async def said(conversation: Line, octets: bytes) -> bytes:
    await conversation.feed(octets)
    return conversation.taken()


async def test_plain_with_a_continuation_as_thunderbird_sends_it() -> None:
    client = line()

    assert await said(client, b"25 authenticate PLAIN\r\n") == b"+ \r\n"
    assert (await said(client, plain() + b"\r\n")).startswith(b"25 OK [CAPABILITY IMAP4rev1")


async def test_plain_with_an_initial_response_as_mutt_sends_it() -> None:
    answer = await said(line(), b"a AUTHENTICATE PLAIN " + plain(for_="fred@a.example") + b"\r\n")

    assert answer.startswith(b"a OK")


async def test_login_in_three_steps() -> None:
    client = line()

    assert await said(client, b"a AUTHENTICATE LOGIN\r\n") == b"+ VXNlcm5hbWU6\r\n"
    assert (
        await said(client, base64.b64encode(b"fred@a.example") + b"\r\n") == b"+ UGFzc3dvcmQ6\r\n"
    )
    assert (await said(client, base64.b64encode(b"secret") + b"\r\n")).startswith(b"a OK")


async def test_thunderbird_may_fail_three_times_and_try_again() -> None:
    client = line()
    for _ in range(2):
        wrong = plain(password="wrong")
        assert b"a NO [AUTH" in await said(client, b"a AUTHENTICATE PLAIN\r\n" + wrong + b"\r\n")
    assert b"b NO [AUTH" in await said(client, b'b LOGIN "fred@a.example" "wrong"\r\n')

    assert b"c OK" in await said(client, b'c LOGIN "fred@a.example" "secret"\r\n')


async def test_after_many_failures_the_connection_ends() -> None:
    client = line()
    for _ in range(5):
        await client.feed(b"a LOGIN x y\r\n")

    assert b"* BYE" in await said(client, b"a LOGIN x y\r\n")
    assert client.closed


@pytest.mark.parametrize("response", [b"*", b"???", b"AAA", base64.b64encode(b"no nul"), b""])
async def test_a_response_that_is_none_is_bad_and_the_next_line_a_command(response: bytes) -> None:
    client = line()
    await client.feed(b"a AUTHENTICATE PLAIN\r\n" + response + b"\r\n")

    assert b"a BAD" in client.taken()
    assert b"b OK" in await said(client, b"b NOOP\r\n")


async def test_nobody_acts_for_somebody_else() -> None:
    answer = await said(line(), b"a AUTHENTICATE PLAIN " + plain(for_="boss@a.example") + b"\r\n")

    assert answer.startswith(b"a NO [AUTHORIZATIONFAILED]")


async def test_a_password_that_is_no_text_is_wrong_and_no_bug() -> None:
    answer = await said(line(), b"a LOGIN {4+}\r\n\xff\xfe\xfd\xfc {1+}\r\n\xff\r\n")

    assert answer.startswith(b"a NO [AUTHENTICATIONFAILED]")


async def test_capabilities_tell_what_can_be_done_now() -> None:
    clear = line(Security(tls=False, can_start_tls=True, clear_allowed=False))
    await clear.greet()
    assert b"STARTTLS LOGINDISABLED" in clear.taken()

    own = line(Security(tls=False, can_start_tls=True, clear_allowed=True))
    await own.greet()
    assert b"STARTTLS AUTH=PLAIN" in own.taken()


async def test_a_browser_that_speaks_to_this_port_is_sent_away() -> None:
    client = line()
    request = (
        b"POST / HTTP/1.1\r\n" + b"Header: x\r\n" * 20 + b"\r\na LOGIN fred@a.example secret\r\n"
    )

    answer = await said(client, request)

    assert client.closed
    assert b" OK " not in answer
