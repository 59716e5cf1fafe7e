"""The shell over real sockets, with the standard library's client on the other side."""

import asyncio
import imaplib
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from imap_out.server import Limits, Listener, serve
from tests.support.memory_mail import MemoryAccounts, one_account


def bound() -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    sock.listen(128)
    sock.setblocking(False)
    return sock


@asynccontextmanager
async def running(
    accounts: MemoryAccounts | None = None,
    limits: Limits | None = None,
    *,
    clear: bool = True,
) -> AsyncIterator[int]:
    sock = bound()
    stopping = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(
            serve(
                [Listener(sock, None, implicit=False)],
                accounts or one_account(),
                limits=limits or Limits(),
                allow_clear=lambda _peer, _own: clear,
                stopping=stopping,
            )
        )
        try:
            yield sock.getsockname()[1]
        finally:
            stopping.set()


async def in_thread(work: Callable[[], None]) -> None:
    await asyncio.to_thread(work)


@pytest.mark.anyio
async def test_the_client_of_the_standard_library_finds_its_way() -> None:
    def work() -> None:
        with imaplib.IMAP4("127.0.0.1", port, timeout=10) as client:
            client.login("fred@a.example", "secret")
            assert client.select("INBOX") == ("OK", [b"0"])
            message = b"From: a@b.example\r\nSubject: hi\r\n\r\nhello\r\n"
            status, answer = client.append("INBOX", r"(\Seen)", None, message)
            assert status == "OK"
            assert b"APPENDUID" in answer[0]
            status, answer = client.uid("FETCH", "1", "(FLAGS BODY.PEEK[])")
            assert answer[0][1] == message
            assert client.uid("SEARCH", "SUBJECT", "HI")[1] == [b"1"]
            assert client.create("Work")[0] == "OK"
            assert client.uid("COPY", "1", "Work")[0] == "OK"
            assert client.status("Work", "(MESSAGES)")[1] == [b"Work (MESSAGES 1)"]

    async with running() as port:
        await in_thread(work)


@pytest.mark.anyio
async def test_idle_tells_of_new_mail_at_once() -> None:
    accounts = one_account()
    mail = accounts.accounts["fred@a.example"].mail
    async with running(accounts) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"a LOGIN fred@a.example secret\r\nb SELECT INBOX\r\nc IDLE\r\n")
        async with asyncio.timeout(5):
            await reader.readuntil(b"+ idling\r\n")
            await mail.deliver(b"Subject: new\r\n\r\nbody\r\n")

            assert await reader.readline() == b"* 1 EXISTS\r\n"
            assert await reader.readline() == b"* 1 RECENT\r\n"
            writer.write(b"DONE\r\n")
            assert (await reader.readline()).startswith(b"c OK")
        writer.close()
