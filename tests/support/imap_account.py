"""A small IMAP account with mailboxes, flags and IDLE, for ``imap_script``; a test changes it at will."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.support.imap_script import Reply, Talk


@dataclass
class Held:
    octets: bytes
    flags: set[str]
    modseq: int


@dataclass
class Box:
    validity: int = 1
    uid_next: int = 1
    mail: dict[int, Held] = field(default_factory=dict)


class LiveAccount:
    """Answers what a pull asks for; *counts*: with modseqs, *keeps*: PERMANENTFLAGS."""

    def __init__(
        self, *names: str, counts: bool = True, keeps: str = "\\Seen \\Flagged \\*"
    ) -> None:
        self.boxes = {name: Box() for name in ("INBOX", *names)}
        self.attributes: dict[str, str] = {}
        self.capabilities = "IMAP4rev1 IDLE" + (" CONDSTORE" if counts else "")
        self.counts = counts
        self.keeps = keeps
        self.withheld: set[int] = set()  # UIDs whose octets are not given
        self.stored: list[str] = []  # STORE commands
        self.fetched: list[int] = []
        self.behind_select: Callable[[Talk, str], Awaitable[None]] | None = None
        self._modseq = 1
        self._changed = asyncio.Event()

    def put(self, box: str, octets: bytes, *flags: str) -> int:
        where = self.boxes[box]
        uid = where.uid_next
        where.uid_next += 1
        where.mail[uid] = Held(octets, set(flags), self._next())
        return uid

    def flag(self, box: str, uid: int, *flags: str) -> None:
        held = self.boxes[box].mail[uid]
        held.flags, held.modseq = set(flags), self._next()

    def renumber(self, box: str, validity: int) -> None:
        """Give UIDs anew: of one validity always the same ones."""
        where = self.boxes[box]
        mail = list(where.mail.values())
        where.mail = {10 * n + validity: held for n, held in enumerate(mail, 1)}
        where.validity, where.uid_next = validity, 10 * len(mail) + validity + 1
        for held in mail:
            held.modseq = self._next()

    def script(self) -> dict[str, Reply]:
        return {
            "CAPABILITY": self._capability, "LIST": self._list, "SELECT": self._select,
            "UID FETCH": self._fetch, "UID STORE": self._store, "STATUS": self._status,
            "IDLE": self._idle,
        }  # fmt: skip

    def _next(self) -> int:
        self._modseq += 1
        self._changed.set()
        return self._modseq

    async def _capability(self, talk: Talk) -> None:
        await talk.send(f"* CAPABILITY {self.capabilities}\r\n".encode() + b"%t OK\r\n")

    async def _list(self, talk: Talk) -> None:
        for name in self.boxes:
            told = self.attributes.get(name, "")
            await talk.send(f'* LIST ({told}) "/" "{name}"\r\n'.encode())
        await talk.send(b"%t OK\r\n")

    def _highest(self, box: Box) -> int:
        return max([1, *(held.modseq for held in box.mail.values())])

    async def _select(self, talk: Talk) -> None:
        name = talk.heard[-1].split('"')[1]
        if name not in self.boxes:
            await talk.send(b"%t NO no such mailbox\r\n")
            return
        talk.open = box = self.boxes[name]  # type: ignore[attr-defined]
        talk.seen = self._seen(box)  # type: ignore[attr-defined]
        told = f"* {len(box.mail)} EXISTS\r\n* OK [UIDVALIDITY {box.validity}]\r\n"
        told += f"* OK [UIDNEXT {box.uid_next}]\r\n* OK [PERMANENTFLAGS ({self.keeps})]\r\n"
        if self.counts:
            told += f"* OK [HIGHESTMODSEQ {self._highest(box)}]\r\n"
        await talk.send(told.encode() + b"%t OK\r\n")
        if self.behind_select is not None:
            await self.behind_select(talk, name)
            talk.seen = self._seen(box)  # type: ignore[attr-defined]  # IDLE does not tell it again

    def _seen(self, box: Box) -> tuple[int, int]:
        return self._highest(box), len(box.mail)

    def _wanted(self, box: Box, text: str) -> list[int]:
        found: set[int] = set()
        for run in text.split(","):
            first, _, last = run.partition(":")
            if last == "*":
                found |= {uid for uid in box.mail if uid >= int(first)} | set([*box.mail][-1:])
            else:
                found |= {u for u in box.mail if int(first) <= u <= int(last or first)}
        return sorted(found)

    async def _fetch(self, talk: Talk) -> None:
        box: Box = talk.open  # type: ignore[attr-defined]
        command = talk.heard[-1]
        since = re.search(r"CHANGEDSINCE (\d+)", command)
        order = list(box.mail)
        for uid in self._wanted(box, command.split()[2]):
            held = box.mail[uid]
            if since and held.modseq <= int(since[1]):
                continue
            items = b"UID %d" % uid
            if "BODY" in command:
                if uid in self.withheld:
                    continue
                self.fetched.append(uid)
                items += b" BODY[] {%d}\r\n%b" % (len(held.octets), held.octets)
            else:
                if "SIZE" in command:
                    items += b" RFC822.SIZE %d" % len(held.octets)
                if "FLAGS" in command:
                    items += f" FLAGS ({' '.join(sorted(held.flags))})".encode()
            await talk.send(b"* %d FETCH (%b)\r\n" % (order.index(uid) + 1, items))
        await talk.send(b"%t OK\r\n")

    async def _store(self, talk: Talk) -> None:
        box: Box = talk.open  # type: ignore[attr-defined]
        command = talk.heard[-1]
        self.stored.append(command)
        _, _, uids, sign, rest = command.split(" ", 4)
        flags = set(rest.strip("()").split())
        order = list(box.mail)
        for uid in self._wanted(box, uids):
            held = box.mail[uid]
            held.flags = held.flags | flags if sign[0] == "+" else held.flags - flags
            held.modseq = self._next()
            told = f"* {order.index(uid) + 1} FETCH (UID {uid} FLAGS ({' '.join(held.flags)}))\r\n"
            await talk.send(told.encode())
        await talk.send(b"%t OK\r\n")

    async def _status(self, talk: Talk) -> None:
        name = talk.heard[-1].split('"')[1]
        box = self.boxes[name]
        told = f"UIDVALIDITY {box.validity} UIDNEXT {box.uid_next}"
        if self.counts:
            told += f" HIGHESTMODSEQ {self._highest(box)}"
        await talk.send(f'* STATUS "{name}" ({told})\r\n'.encode() + b"%t OK\r\n")

    async def _idle(self, talk: Talk) -> None:
        box: Box = talk.open  # type: ignore[attr-defined]
        await talk.send(b"+ idling\r\n")
        done = asyncio.ensure_future(talk.reader.readline())
        while not done.done():
            self._changed.clear()
            if talk.seen != self._seen(box):  # type: ignore[attr-defined]
                talk.seen = self._seen(box)  # type: ignore[attr-defined]
                await talk.send(b"* %d EXISTS\r\n" % len(box.mail))
            changed = asyncio.ensure_future(self._changed.wait())
            await asyncio.wait({done, changed}, return_when=asyncio.FIRST_COMPLETED)
            changed.cancel()
        if not done.result():
            raise ConnectionResetError
        await talk.send(b"%t OK\r\n")
