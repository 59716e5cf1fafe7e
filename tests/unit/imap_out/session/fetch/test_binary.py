"""A part that is larger than one read is decoded piece by piece, and says the same."""

import base64
import random

import pytest

from imap_out.wire.limits import Limits
from tests.support.transcript import Line, Transcript

pytestmark = pytest.mark.anyio
HEAD = b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
DATA = random.Random(3516).randbytes(50_000)
MESSAGE = HEAD + base64.encodebytes(DATA).replace(b"\n", b"\r\n")


async def selected(octets: bytes, read_octets: int) -> Line:
    world = Transcript(limits=Limits(read_octets=read_octets))
    line = await world.open("")
    await line.feed(b"a APPEND INBOX {%d+}\r\n%b\r\nb SELECT INBOX\r\n" % (len(octets), octets))
    line.taken()
    return line


async def said(line: Line, command: bytes) -> bytes:
    await line.feed(b"c FETCH 1 %b\r\n" % command)
    return line.taken()


@pytest.mark.parametrize("read_octets", [1000, 1024 * 1024])
async def test_the_decoded_octets_are_whole(read_octets: int) -> None:
    line = await selected(MESSAGE, read_octets)

    assert b"BINARY.SIZE[1] 50000)" in await said(line, b"BINARY.SIZE[1]")
    whole = await said(line, b"BINARY.PEEK[1]")
    assert whole.startswith(b"* 1 FETCH (BINARY[1] ~{50000}\r\n" + DATA + b")\r\n")


@pytest.mark.parametrize("read_octets", [1000, 1024 * 1024])
@pytest.mark.parametrize(("first", "count"), [(0, 1), (999, 2000), (49_990, 99), (50_000, 5)])
async def test_a_range_is_of_decoded_octets(read_octets: int, first: int, count: int) -> None:
    line = await selected(MESSAGE, read_octets)
    wanted = DATA[first : first + count]

    answer = await said(line, b"BINARY.PEEK[1]<%d.%d>" % (first, count))

    name, _, octets = answer.partition(b"\r\n")
    assert name.replace(b"~", b"") == b"* 1 FETCH (BINARY[1]<%d> {%d}" % (first, len(wanted))
    assert octets.startswith(wanted + b")\r\nc OK")


async def test_an_unknown_encoding_of_a_large_part_is_refused_whole() -> None:
    line = await selected(MESSAGE.replace(b"base64", b"x-none"), 1000)

    assert (await said(line, b"BINARY[1]")).startswith(b"c NO [UNKNOWN-CTE]")


async def test_a_binary_append_is_given_to_everybody_in_a_form_they_know() -> None:
    """imaptest's append-binary: BODY[] may not hold NUL, BINARY[] gives it back."""
    octets = HEAD.replace(b"base64", b"binary") + b"\0\xe4\r\n"
    world = Transcript()
    line = await world.open("")
    await line.feed(b"a APPEND INBOX ~{%d+}\r\n%b\r\nb SELECT INBOX\r\n" % (len(octets), octets))
    line.taken()

    assert b"BODY[1] {10}\r\nAOQNCg==\r\n)" in await said(line, b"BODY.PEEK[1]")
    assert b"BINARY[1] ~{4}\r\n\0\xe4\r\n)" in await said(line, b"BINARY.PEEK[1]")


async def test_nul_where_no_encoding_allows_it_is_refused() -> None:
    world = Transcript()
    line = await world.open("")

    await line.feed(b"a APPEND INBOX ~{3+}\r\n\r\n\0\r\n")

    assert line.taken().startswith(b"a NO [UNKNOWN-CTE]")
