"""A compressed connection over real sockets.  RFC 4978."""

import asyncio
import zlib

import pytest

from tests.support.imap_line import running

pytestmark = pytest.mark.anyio


async def test_a_compressed_connection_says_the_same() -> None:
    async with running(far=True) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        await reader.readline()
        writer.write(b"a LOGIN fred@a.example secret\r\n")
        assert b"COMPRESS=DEFLATE" in await reader.readline()
        writer.write(b"b COMPRESS DEFLATE\r\n")
        assert (await reader.readline()).startswith(b"b OK")
        ours, theirs = zlib.compressobj(wbits=-15), zlib.decompressobj(-15)
        message = b"x" * 300_000
        command = (
            b"c APPEND INBOX {300000+}\r\n%b\r\nd SELECT INBOX\r\ne FETCH 1 BODY[]\r\n" % message
        )
        writer.write(ours.compress(command) + ours.flush(zlib.Z_SYNC_FLUSH))
        said = b""
        while b"e OK" not in said:
            said += theirs.decompress(await reader.read(65_536))
        writer.close()

    assert b"c OK [APPENDUID" in said
    assert b"BODY[] {300000}\r\n" + message in said


async def test_a_compressed_line_without_end_meets_the_limit_of_lines() -> None:
    async with running(far=True) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        await reader.readline()
        writer.write(b"a LOGIN fred@a.example secret\r\n")
        await reader.readline()
        writer.write(b"b COMPRESS DEFLATE\r\n")
        await reader.readline()
        ours, theirs = zlib.compressobj(wbits=-15), zlib.decompressobj(-15)
        writer.write(ours.compress(b"c" * 50_000_000) + ours.flush(zlib.Z_SYNC_FLUSH))
        said = theirs.decompress(await reader.read())
        writer.close()

    assert b"* BYE the line is too long" in said
