"""Plays C:/S: dialogues against the session core, without sockets.

A line ``C: …`` is sent with CRLF; in a *page*, ``C: <literal n bytes> b'…'`` sends a literal.
``S: …`` must be what the server says next.  ``S: a OK`` matches any text behind ``OK``;
``...`` inside a line stands for anything; ``S: ...`` skips lines until the next S: line matches.
``S*: …`` may come in any order among its neighbours.  Names before the colon (``C2:``) are
connections of their own.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field

from imap_out.session.answers.out import Out
from imap_out.session.connection import Connection, Next
from imap_out.session.state.hiding import Hiding
from imap_out.session.state.recent import RecentClaims
from imap_out.session.state.session import Security
from imap_out.session.state.shelves import Shelves
from imap_out.wire.limits import Limits
from mx_core.ports import Accounts
from tests.support.memory_mail import MemoryAccounts, MemoryMail, one_account

SAFE = Security(tls=True, can_start_tls=False, clear_allowed=False)


class Line:
    """One connection of the session core: octets in, octets out, at once."""

    def __init__(
        self,
        accounts: Accounts,
        claims: RecentClaims,
        limits: Limits | None = None,
        security: Security = SAFE,
        shelves: Shelves | None = None,
        hiding: Hiding | None = None,
    ) -> None:
        self.bugs: list[BaseException] = []
        self.said = bytearray()
        self.closed = False
        self.wants_tls = False
        self.compressed = False
        limits = limits or Limits()
        self.connection = Connection(
            accounts, limits, security, claims, self._note, shelves, hiding
        )
        self.out = Out(self._send, self._breathe, limits.answer_octets)

    def _note(self, error: BaseException) -> str:
        self.bugs.append(error)
        return "a-reference"

    async def _send(self, pieces: list[bytes]) -> None:
        self.said += b"".join(pieces)

    async def _breathe(self) -> None:
        pass

    async def greet(self) -> None:
        self.connection.greet(self.out)
        await self.out.flush()

    async def feed(self, octets: bytes) -> None:
        """Give *octets* to the server and let it do all it can."""
        if self.closed:
            return
        self.connection.framer.feed(octets)
        while not self.closed:
            match await self.connection.step(self.out):
                case Next.READ:
                    break
                case Next.CLOSE:
                    self.closed = True
                case Next.START_TLS:
                    self.connection.framer.drop()
                    self.connection.secured(SAFE)
                    self.wants_tls = True
                case Next.COMPRESS:
                    self.compressed = True
                case Next.GO_ON:
                    pass
        await self.out.flush()
        assert not self.bugs, self.bugs[0]

    async def news(self) -> None:
        """What an idling client would be told by now."""
        if self.connection.pushes:
            await self.connection.tell_news(self.out)
            await self.out.flush()

    def taken(self) -> bytes:
        said = bytes(self.said)
        self.said.clear()
        return said


@dataclass
class Transcript:
    """A dialogue's world: accounts, and connections by name."""

    accounts: MemoryAccounts = field(default_factory=one_account)
    limits: Limits = field(default_factory=Limits)
    chunk: int = 0  # octets fed at once; 0: a line at a time
    pipelined: bool = False  # all that a connection says is fed at once, before any answer
    lines: dict[str, Line] = field(default_factory=dict)
    claims: RecentClaims = field(default_factory=RecentClaims)

    @property
    def mail(self) -> MemoryMail:
        return next(iter(self.accounts.accounts.values())).mail

    def plays(self, page: str) -> None:
        asyncio.run(self.play(page))

    async def play(self, page: str) -> None:
        """Play *page*; raises AssertionError with both sides of what differs."""
        heard: dict[str, bytearray] = {}
        if self.pipelined:
            for name in dict.fromkeys(name for _, name, _ in _read(page)):
                said = [text for who, of, text in _read(page) if (who, of) == ("C", name)]
                await self._say(await self.open(name), b"".join(said))
        for number, (who, name, text) in enumerate(_read(page)):
            line = await self.open(name)
            pending = heard.setdefault(name, bytearray())
            if who == "C":
                if not self.pipelined:
                    await self._say(line, text)
                continue
            await line.news()
            pending += line.taken()
            if text == b"...":
                continue
            skipping = number and _read(page)[number - 1] == ("S", name, b"...")
            _expect(pending, text, skip=bool(skipping), page_line=number)
        for name, line in self.lines.items():
            left = bytes(heard.get(name, b"")) + line.taken()
            assert not left.strip(), f"connection {name!r} also said {left!r}"

    async def open(self, name: str) -> Line:
        """Return the connection called *name*, logged in."""
        if name not in self.lines:
            line = Line(self.accounts, self.claims, self.limits)
            self.lines[name] = line
            await line.feed(b"in LOGIN fred@a.example secret\r\n")
            said = line.taken()
            assert said.startswith(b"in OK"), said
        return self.lines[name]

    async def _say(self, line: Line, octets: bytes) -> None:
        step = self.chunk or len(octets)
        for start in range(0, len(octets), step):
            await line.feed(octets[start : start + step])

    async def end(self) -> None:
        for line in self.lines.values():
            await line.connection.close()


_LINE = re.compile(r"\s*([CS])(\w*): ?(.*)")
_LITERAL = re.compile(rb"<(.*)>")


def _read(page: str) -> list[tuple[str, str, bytes]]:
    lines: list[tuple[str, str, bytes]] = []
    for written in page.splitlines():
        match = _LINE.fullmatch(written)
        if match is None:
            assert not written.strip() or written.strip().startswith("#"), written
            continue
        text = match[3].encode()
        if match[1] == "C":
            raw = text.endswith(b"\\")  # a literal's octets go without CRLF
            text = text[:-1] if raw else text + b"\r\n"
            text = text.replace(b"<CRLF>", b"\r\n")
        lines.append((match[1], match[2], text))
    return lines


def _expect(pending: bytearray, wanted: bytes, *, skip: bool, page_line: int) -> None:
    wanted = wanted.replace(b"<CRLF>", b"\r\n")
    pattern = re.compile(_pattern(wanted), re.DOTALL)
    while True:
        end = pending.find(b"\r\n")
        assert end >= 0, f"step {page_line}: wanted {wanted!r}, heard {bytes(pending)!r}"
        said = _logical_line(pending)
        if pattern.fullmatch(said):
            del pending[: len(said) + 2]
            return
        assert skip, f"step {page_line}: wanted {wanted!r}, heard {said!r}"
        del pending[: len(said) + 2]


def _logical_line(pending: bytearray) -> bytes:
    """Return one line with the literals inside it, without its last CRLF."""
    at = 0
    while True:
        end = pending.find(b"\r\n", at)
        if end < 0:
            return bytes(pending)
        marker = re.search(rb"\{(\d+)\}\Z", pending[at:end])
        if marker is None:
            return bytes(pending[:end])
        at = end + 2 + int(marker[1])


def _pattern(wanted: bytes) -> bytes:
    pieces = [re.escape(piece) for piece in wanted.split(b"...")]
    pattern = b".*".join(pieces)
    if re.search(
        rb"^(\S+ (OK|NO|BAD|BYE)( \[[^\]]*\])?|\* (OK|NO|BAD|BYE)( \[[^\]]*\])?)$", wanted
    ):
        pattern += b"( .*)?"
    return pattern
