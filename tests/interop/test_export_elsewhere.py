"""An export is read by a mail program of others, and no gateway runs: real mutt on Maildir and mbox."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import mailbox
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from gateway.migration.export.exporting import AskedOut, Exporting
from mx_core.mime.prepare import prepare
from mx_core.model.address import Address
from mx_core.model.flags import FLAGGED, SEEN
from mx_core.model.mailbox_name import INBOX
from tests.support.old_mail import letter
from tests.support.stores import memory_store

pytestmark = pytest.mark.interop

LETTERS = [
    letter(1),
    letter(2, body="From the beginning of a line\r\n>From another\r\n"),
    letter(3, more="Content-Type: text/plain; charset=utf-8\r\n", body="Grüße \N{SNOWMAN}\r\n"),
    letter(4, body="no line end"),
]


def exported(target: Path, form: str) -> None:
    async def story() -> None:
        with memory_store() as store:
            for number, octets in enumerate(LETTERS):
                flags = frozenset([SEEN, FLAGGED][:number])
                await store.mail.write(
                    lambda w, o=octets, f=flags: w.append(w.mailbox(INBOX).id, o, prepare(o), f)  # type: ignore[misc]  # bound now
                )
            exporting = Exporting(store, Address.parse("alice@a.example"))
            async with asyncio.TaskGroup() as tasks:
                running = tasks.create_task(exporting.run())
                await exporting.begin(AskedOut(str(target), format=form))
                while (state := exporting.state())["phase"] != "idle":
                    await asyncio.sleep(0.02)
                assert (state["trouble"], state["written"]) == ("", len(LETTERS)), state
                running.cancel()

    asyncio.run(story())


def copied_by_mutt(folder: Path, place: Path) -> list[mailbox.MaildirMessage]:
    """Open *place* in mutt, copy each message into a Maildir of mutt's own, and read that."""
    out, rc = folder / "copied", folder / "muttrc"
    rc.write_text(
        "set mbox_type=maildir quit=yes move=no mark_old=no wait_key=no confirmappend=no\n"
        f"set folder='{folder}' confirmcreate=no delete=no header_cache='' tmpdir='{folder}'\n"
        "set sort=mailbox-order read_inc=0 write_inc=0 resolve=no\n"
    )
    control, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 200, 0, 0))
    screen = bytearray()

    def until(holds: Callable[[], bool]) -> None:
        ends = time.monotonic() + 60
        while not holds():
            assert time.monotonic() < ends, screen[-500:]
            if select.select([control], [], [], 0.05)[0]:
                screen.extend(os.read(control, 65_536))

    with subprocess.Popen(
        ["mutt", "-n", "-F", str(rc), "-R", "-f", str(place)],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "xterm", "LANG": "C.UTF-8"},
    ) as mutt:
        try:
            until(lambda: b"Msgs:4" in screen)
            for number in range(1, 5):
                os.write(control, b"%d\rC%b\r" % (number, bytes(out)))
                until(lambda n=number: _count(out) == n)  # type: ignore[misc]
        finally:
            mutt.terminate()
            os.close(control)
            os.close(terminal)
    with contextlib.closing(mailbox.Maildir(out, create=False)) as copied:
        return sorted(copied, key=lambda message: message["Message-ID"])


def _count(path: Path) -> int:
    """Return how many messages are there whole: they come into new or cur under their names."""
    return sum(1 for part in ("new", "cur") for _ in (path / part).glob("*"))


def plain(body: bytes) -> bytes:
    """Without line ends, and without what mbox puts before From at the beginning of a line."""
    return re.sub(rb"(?m)^>+From ", b"From ", body.replace(b"\r\n", b"\n")).rstrip(b"\n")


@pytest.mark.parametrize("form", ["maildir", "mbox"])
def test_mutt_opens_what_was_taken_along(tmp_path: Path, form: str) -> None:
    target = tmp_path / "export"
    exported(target, form)
    place = target / ("INBOX" if form == "maildir" else "INBOX.mbox")
    found = copied_by_mutt(tmp_path, place)

    assert [m["Subject"] for m in found] == [f"letter {n}" for n in (1, 2, 3, 4)]
    assert [plain(cast("bytes", m.get_payload(decode=True))) for m in found] == [
        plain(octets.partition(b"\r\n\r\n")[2]) for octets in LETTERS
    ]
    assert ["S" in m.get_flags() for m in found] == [False, True, True, True]
    assert ["F" in m.get_flags() for m in found] == [False, False, True, True]
