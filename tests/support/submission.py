"""An outbox and accounts in memory, and the real submission door around them on loopback."""

import asyncio
import base64
import contextlib
import gc
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import cast

from mx_core.model.address import Address
from mx_core.model.errors import BadCredentials, MailError
from mx_core.model.ids import QueueId
from mx_core.model.message import Submission
from mx_core.model.secret import Secret
from mx_core.ports import Account, MailStore
from mx_core.trail_port import Observer, nobody
from smtp_in.limits import Limits
from smtp_in.server import Listener
from smtp_in.submitting import serve
from tests.support.loopback_tls import server_context

ALICE = Address.parse("alice@a.example")
PASSWORD = "canary-password"
MESSAGE = (
    b"From: alice@a.example\r\nTo: bob@b.example\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n"
    b"Message-ID: <1@a.example>\r\nSubject: hello\r\n\r\nhello\r\n.a line with a dot\r\n"
)


class MemoryLong:
    """Keeps a long message as a short one."""

    def __init__(self) -> None:
        self.octets = bytearray()
        self.discarded = False
        self.failure: MailError | None = None

    @property
    def size(self) -> int:
        return len(self.octets)

    def write(self, octets: bytes) -> None:
        if self.failure is not None:
            raise self.failure
        self.octets += octets

    def whole(self) -> bytes:
        return bytes(self.octets)

    def discard(self) -> None:
        self.discarded = True


def shortened(submission: Submission) -> Submission:
    """Return *submission* with all its octets in memory."""
    if submission.long is None:
        return submission
    return replace(submission, octets=submission.long.whole(), long=None)


class MemoryOutbox:
    """Keeps submissions; refuses whom and what it is told to refuse."""

    def __init__(self) -> None:
        self.kept: list[Submission] = []
        self.verdicts: dict[str, MailError] = {}
        self.failure: Exception | None = None
        self.gate: asyncio.Event | None = None  # if set: what enqueue waits for
        self.asked = asyncio.Event()  # enqueue was called
        self.long: list[MemoryLong] = []
        self.full: MailError | None = None  # what a write of a long message raises

    def begin_long(self) -> MemoryLong:
        self.long.append(MemoryLong())
        self.long[-1].failure = self.full
        return self.long[-1]

    async def judge(self, sender: Address, recipient: Address) -> str:
        if error := self.verdicts.get(str(recipient)):
            raise error
        return "end-to-end encrypted"

    async def enqueue(self, submission: Submission) -> QueueId:
        self.asked.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        self.kept.append(shortened(submission))
        return QueueId(f"{len(self.kept):016x}")


@dataclass
class MemoryAccount:
    """Alice, and whoever else she may be."""

    address: Address = ALICE
    outbox: MemoryOutbox = field(default_factory=MemoryOutbox)
    shows_folders: bool = True

    @property
    def mail(self) -> MailStore:
        raise AssertionError("submission never opens the mail store")

    def may_send_as(self, sender: Address) -> bool:
        return sender.canonical() == self.address.canonical()


@dataclass
class MemoryAccounts:
    """One account with one client password."""

    account: MemoryAccount = field(default_factory=MemoryAccount)
    failure: MailError | None = None
    attempts: int = 0

    async def authenticate(self, username: str, password: Secret[str]) -> Account:
        self.attempts += 1
        if self.failure is not None:
            raise self.failure
        if username != str(ALICE) or password.reveal() != PASSWORD:
            raise BadCredentials("no such client password")
        return cast("Account", self.account)  # as much of one as submission asks for


@dataclass
class SubmissionDoor:
    """A running door: its ports and what stands behind it."""

    accounts: MemoryAccounts
    clear: int
    implicit: int
    stopping: asyncio.Event

    @property
    def outbox(self) -> MemoryOutbox:
        return self.accounts.account.outbox

    @property
    def kept(self) -> list[Submission]:
        return self.outbox.kept


def _bound() -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    listener.listen(64)
    listener.setblocking(False)
    return listener


@contextlib.asynccontextmanager
async def submission_door(
    limits: Limits | None = None,
    *,
    allow_clear: Callable[[tuple[str, int], tuple[str, int]], bool] = lambda _peer, _own: True,
    tls: ssl.SSLContext | None = None,
    observer: Observer = nobody,
) -> AsyncIterator[SubmissionDoor]:
    """Serve one STARTTLS and one implicit-TLS port until the block ends."""
    context = tls or server_context()
    unexpected: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, what: unexpected.append(what))
    clear, implicit = _bound(), _bound()
    door = SubmissionDoor(
        MemoryAccounts(), clear.getsockname()[1], implicit.getsockname()[1], asyncio.Event()
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(
            serve(
                [Listener(clear, context, False), Listener(implicit, context, True)],
                door.accounts,
                limits=limits or Limits(),
                allow_clear=allow_clear,
                stopping=door.stopping,
                observer=observer,
            )
        )
        try:
            yield door
        finally:
            door.stopping.set()
    gc.collect()  # a task whose error nobody has seen tells it when it is let go
    assert unexpected == []


class Dialog:
    """A client that writes octets and reads replies."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def reply(self) -> str:
        """Return one whole reply, lines joined by a line feed; "" at the end of input."""
        lines: list[str] = []
        while True:
            async with asyncio.timeout(10):
                line = (await self.reader.readline()).decode("ascii")
            lines.append(line.rstrip("\r\n"))
            if line[3:4] != "-":
                return "\n".join(lines)

    async def say(self, octets: bytes | str) -> str:
        self.send(octets)
        return await self.reply()

    def send(self, octets: bytes | str) -> None:
        self.writer.write(octets if isinstance(octets, bytes) else octets.encode() + b"\r\n")

    async def ended(self) -> bool:
        """Tell whether the server has closed, and said nothing more."""
        async with asyncio.timeout(10):
            try:
                return await self.reader.read() == b""
            except ConnectionResetError:
                return True


@contextlib.asynccontextmanager
async def dialog(
    port: int, *, tls: ssl.SSLContext | None = None, greet: bool = True
) -> AsyncIterator[Dialog]:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=tls, server_hostname="localhost" if tls else None
    )
    client = Dialog(reader, writer)
    if greet:
        assert (await client.reply()).startswith("220 ")
    try:
        yield client
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@contextlib.asynccontextmanager
async def logged_in(door: SubmissionDoor) -> AsyncIterator[Dialog]:
    """Return a client after EHLO and AUTH."""
    async with dialog(door.clear) as client:
        await client.say("EHLO client.example")
        assert (await client.say(f"AUTH PLAIN {plain()}")).startswith("235 2.7.0 ")
        yield client


def plain(username: str = str(ALICE), password: str = PASSWORD) -> str:
    return base64.b64encode(f"\0{username}\0{password}".encode()).decode()


async def begin(client: Dialog, *recipients: str) -> None:
    """MAIL and RCPT, to bob if nobody is named."""
    assert await client.say("MAIL FROM:<alice@a.example>") == "250 2.1.0 sender accepted"
    for recipient in recipients or ("bob@b.example",):
        reply = await client.say(f"RCPT TO:<{recipient}>")
        assert reply.startswith("250 2.1.5 recipient accepted: ")


async def begin_data(client: Dialog) -> None:
    """MAIL, RCPT and DATA."""
    await begin(client)
    assert (await client.say("DATA")).startswith("354 ")
