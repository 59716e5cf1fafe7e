"""COMPRESS is offered to another computer only, and taken once.  RFC 4978 §3."""

import pytest

from imap_out.session.state.recent import RecentClaims
from imap_out.session.state.session import Security
from tests.support.memory_mail import one_account
from tests.support.transcript import Line

pytestmark = pytest.mark.anyio


async def logged_in(*, far: bool) -> Line:
    security = Security(tls=True, can_start_tls=False, clear_allowed=False, can_compress=far)
    line = Line(one_account(), RecentClaims(), security=security)
    await line.feed(b"a LOGIN fred@a.example secret\r\n")
    return line


async def said(line: Line, command: bytes) -> bytes:
    line.taken()
    await line.feed(command + b"\r\n")
    return line.taken()


async def test_another_computer_is_offered_it_once() -> None:
    line = await logged_in(far=True)
    assert b" COMPRESS=DEFLATE" in line.taken()

    assert (await said(line, b"b COMPRESS DEFLATE")).startswith(b"b OK")
    assert line.compressed
    assert b"COMPRESS" not in await said(line, b"c CAPABILITY")
    assert (await said(line, b"d COMPRESS DEFLATE")).startswith(b"d NO [COMPRESSIONACTIVE]")


async def test_within_one_computer_it_is_neither_offered_nor_taken() -> None:
    line = await logged_in(far=False)
    assert b"COMPRESS" not in line.taken()

    assert (await said(line, b"b COMPRESS DEFLATE")).startswith(b"b NO [CANNOT]")
    assert not line.compressed


async def test_another_algorithm_is_refused() -> None:
    line = await logged_in(far=True)

    assert (await said(line, b"b COMPRESS ZSTD")).startswith(b"b NO [CANNOT]")
    assert (await said(line, b"c COMPRESS")).startswith(b"c BAD")
