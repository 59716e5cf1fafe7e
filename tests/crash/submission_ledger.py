"""A gateway that mail is submitted to, cut off; and the audit of what its mail programs were told.

Door, policy, store, sealing and the flow out are the gateway's; the home server is a file on the same
disk, in which each parcel is durable before it is taken.  ``did`` is written after a 250.
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
import secrets
import socket
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.loopback.peer_uid import is_own_loopback
from mx_core.db import log_file
from mx_core.envelope.identity import EpochSecret
from mx_core.envelope.open import open_body, open_control
from mx_core.envelope.seal import env_id
from mx_core.model.errors import Corrupt
from mx_core.model.mailbox_name import INBOX
from smtp_in.limits import Limits
from smtp_in.server import Listener
from smtp_in.submitting import serve
from tests.crash.syscall_flow import composed, parcels
from tests.support.power_cut import Run, say
from tests.support.sending import ALICE, BOB

SIZES = (
    300,
    2_000,
    300_000,
    2_000,
    300,
    700_000,
)  # octets: rows, a file, and one that goes there as it comes
WORKERS = 3
MOST = 1_000_000  # messages of each mail program in one life: it is cut off long before
_GIVEN_UP = 60.0


def letter(number: int) -> bytes:
    """Return the message of that number."""
    head = (
        f"From: {ALICE}\r\nTo: {BOB}\r\nSubject: m{number}\r\n"
        f"Date: Sun, 29 Nov 2026 12:00:00 +0000\r\nMessage-ID: <m{number}@cut.example>\r\n\r\n"
    )
    return head.encode() + b"%015d\r\n" % number * (SIZES[number % len(SIZES)] // 17)


def prepare(live: Path) -> None:
    """Make alice's account and the file of her home server, both without mail."""
    (live / "since").write_text(str(int(time.time())), encoding="ascii")
    (live / "home").touch(mode=0o600)
    store, _ = composed(live)
    store.close()


# ── at work, in a process that will be cut off ───────────────────────────────────────
def work(live: Path, arguments: dict[str, Any]) -> int:
    """Take what mail programs submit at once, and let it leave, until the end or the cut."""
    log_file.ROUND_OCTETS = arguments.get("round_octets", log_file.ROUND_OCTETS)  # type: ignore[misc]  # final but here
    asyncio.run(_work(live, arguments))
    return 0


async def _work(live: Path, arguments: dict[str, Any]) -> None:
    store, person = composed(live)
    if level := arguments.get("synchronous"):
        store._database._writer._raw.execute(f"PRAGMA synchronous = {level}")
        # nor is the log of what was accepted synced; this process ends with its work
        os.fdatasync = lambda fd: None  # noqa: ARG005
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    password = (await store.passwords.add(f"cut-{secrets.token_hex(4)}")).reveal()
    stopping = asyncio.Event()
    moving = asyncio.create_task(person.outbound.run())
    door = asyncio.create_task(
        serve(
            [Listener(sock, None, False)],
            person,
            limits=Limits(),
            allow_clear=is_own_loopback,
            stopping=stopping,
        )
    )
    port, first = sock.getsockname()[1], arguments["first"]
    most = arguments.get("most", MOST)
    await asyncio.gather(*(_submit(port, password, first + of, most) for of in range(WORKERS)))
    if arguments.get("leave_open"):
        return
    stopping.set()
    await door
    moving.cancel()
    store.close()


async def _submit(port: int, password: str, first: int, most: int) -> None:
    """Be a mail program: one message after the other; every second lot with a pause, as people write."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def expect(code: bytes, said: bytes = b"") -> None:
        writer.write(said)
        while (line := await reader.readline())[3:4] == b"-":
            pass
        assert line.startswith(code), line

    plain = base64.b64encode(f"\0{ALICE}\0{password}".encode())
    await expect(b"220")
    await expect(b"250", b"EHLO cut.example\r\n")
    await expect(b"235", b"AUTH PLAIN " + plain + b"\r\n")
    for step in range(most):
        number = first + WORKERS * step
        await expect(b"250", b"MAIL FROM:<%s>\r\n" % str(ALICE).encode())
        await expect(b"250", b"RCPT TO:<%s>\r\n" % str(BOB).encode())
        await expect(b"354", b"DATA\r\n")
        say("begin", number)
        await expect(b"250", letter(number) + b".\r\n")
        say("did", number)
        if step // 4 % 2:
            await asyncio.sleep(0.04)  # nothing waits for it; the flow out begins meanwhile
    writer.close()


# ── the audit ────────────────────────────────────────────────────────────────────────
@dataclass
class Ledger:
    """What was submitted and what was accepted, over all lives of one disk."""

    begun: set[int] = field(default_factory=set)
    did: set[int] = field(default_factory=set)

    def add(self, run: Run) -> int:
        """Write a life down; return how many promises it made."""
        self.begun |= {int(number) for [number] in run.said("begin")}
        self.did |= {int(number) for [number] in run.said("did")}
        return len(run.said("did"))

    @property
    def next_number(self) -> int:
        return WORKERS * (max(self.begun, default=0) // WORKERS + 1)

    def is_lost(self, live: Path) -> bool:
        """Tell whether a promise was broken; for the controls, where one must be."""
        try:
            self.audit(live)
        except (AssertionError, Corrupt):
            return True
        return False

    def audit(self, live: Path) -> None:
        """Start again and let all leave: each 250 is one message of bob's, and no report."""
        delivered, reports = asyncio.run(_recovered(live))

        assert reports == 0
        assert max(delivered.values(), default=0) <= 1
        assert self.did <= delivered.keys(), f"lost: {sorted(self.did - delivered.keys())}"
        assert delivered.keys() <= self.begun


async def _recovered(live: Path) -> tuple[Counter[int], int]:
    """Return how often bob has each message, and how many reports alice has."""
    store, person = composed(live)
    moving = asyncio.create_task(person.outbound.run())
    try:
        async with asyncio.timeout(_GIVEN_UP):
            while await store.outbox.show_new() or await store.outbox.unsettled():
                await asyncio.sleep(0.02)
                for envelope, _ in parcels(live / "home"):
                    # what it has not told before, the home server tells again
                    await person.outbound.settle_relayed(env_id(envelope))
        info: Any = await store.mail.read(lambda reader: reader.mailbox(INBOX))
    finally:
        moving.cancel()
        await asyncio.gather(moving, return_exceptions=True)
        store.close()
    # as bob's gateway does: one message for each msg_id, however often it comes
    messages: dict[bytes, int] = {}
    n, private, _ = person.bob.first.epochs[-1]
    for envelope, body in parcels(live / "home"):
        opened = open_control(envelope, [EpochSecret(person.bob.first.id, n, private)])
        if opened.claimed.msg_id in messages:
            continue
        octets = open_body(body, opened, opened.claimed)
        subject = re.search(rb"Subject: m(\d+)\r\n", octets)
        assert subject is not None
        assert octets == letter(int(subject[1]))
        messages[opened.claimed.msg_id] = int(subject[1])
    return Counter(messages.values()), info.messages
