"""Opening, refusing to open, and what a disk thief or a SIGKILL finds."""

import asyncio
import base64
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlcipher3 import dbapi2 as sqlcipher

from mx_core.db.driver import SEALED_PAGE_OCTETS
from mx_core.model.address import Address
from mx_core.model.errors import Refused, SchemaTooNew, StoreDamaged
from mx_core.model.flags import Flag
from mx_core.model.ids import Pid, Uid
from mx_core.model.mailbox_name import INBOX, MailboxName
from mx_core.model.message import Submission
from mx_core.model.secret import Secret
from mx_core.store.people.contact import Contact
from mx_core.trust.pin import LogView, Pin
from tests.support.stores import STORE_KEY, form_of, memory_store, open_store

MARKER = b"mxCanaryMarker"


def test_a_wrong_key_is_refused_and_harms_nothing(tmp_path: Path) -> None:
    open_store(tmp_path).close()

    with pytest.raises(StoreDamaged, match="wrong key"):
        open_store(tmp_path, key=Secret(bytes(32)))
    open_store(tmp_path).close()


def test_a_second_opener_is_refused(tmp_path: Path) -> None:
    store = open_store(tmp_path)

    with pytest.raises(Refused, match="already running"):
        open_store(tmp_path)
    store.close()


def test_a_store_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    raw = sqlcipher.connect(str(tmp_path / "mail.db"), isolation_level=None)
    raw.execute(f"PRAGMA key = \"x'{STORE_KEY.reveal().hex()}'\"")
    raw.execute(f"PRAGMA cipher_page_size = {SEALED_PAGE_OCTETS}")
    raw.execute("PRAGMA cipher_hmac_algorithm = HMAC_SHA256")
    raw.execute("UPDATE alembic_version SET version_num = 'later'")
    raw.close()

    with pytest.raises(SchemaTooNew):
        open_store(tmp_path)


@pytest.mark.anyio
async def test_a_temporary_store_is_a_real_one() -> None:
    with memory_store() as store:
        assert (await store.mail.read(lambda reader: reader.mailbox(INBOX))).messages == 0


def _spellings(marker: bytes) -> list[bytes]:
    """Raw, hex, UTF-16, and base64 in its three alignments without the uncertain ends."""
    shifted = [base64.b64encode(b"\0" * n + marker)[4 if n else 0 : -4] for n in range(3)]
    return [marker, marker.hex().encode(), marker.decode().encode("utf-16-le"), *shifted]


@pytest.mark.anyio
async def test_no_file_holds_a_word_of_what_is_stored(tmp_path: Path) -> None:
    """Searched while open, with a write-ahead log, and after closing; the control finds it."""
    store = open_store(tmp_path)
    text = MARKER.decode()
    small, large = b"Subject: " + MARKER + b"\r\n\r\n", MARKER * 20_000
    address = Address(text.lower(), "a.example")

    def files() -> bytes:
        return b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())

    def found() -> list[bytes]:
        octets = files()
        return [
            form for mark in (MARKER, MARKER.lower()) for form in _spellings(mark) if form in octets
        ]

    inbox = (await store.mail.read(lambda reader: reader.mailbox(INBOX))).id
    for octets in (small, large):
        await store.mail.write(
            lambda writer, octets=octets: writer.append(  # type: ignore[misc]  # bound now
                inbox, octets, form_of(octets), frozenset({Flag(text)})
            )
        )
    await store.mail.write(lambda writer: writer.create(MailboxName(text)))
    await store.outbox.enqueue(Submission(address, (address,), large))
    pid, head = Pid(MARKER.ljust(32, b".")), MARKER.ljust(32, b"-")
    pin = Pin(pid, 0, head, log=LogView(text, 0, head))
    await store.contacts.put(Contact(address, pin.encode(), MARKER))
    await store.settings.put(text, MARKER)
    password = await store.passwords.add(text)

    assert found() == []
    assert password.reveal().encode() not in files()
    store.close()
    assert found() == []
    (tmp_path / "bodies" / "planted").write_bytes(base64.b64encode(b"x" + small))
    assert found() != []


_VICTIM = """
import asyncio, sys
from pathlib import Path
from mx_core.model.ids import EnvId, MsgId
from mx_core.model.address import Address
from mx_core.model.mailbox_name import INBOX
from mx_core.model.message import Submission
from tests.support.stores import form_of, open_store

async def appends(store, worker):
    inbox = (await store.mail.read(lambda reader: reader.mailbox(INBOX))).id
    for n in range(10**9):
        octets = b"%d/%d\\r\\n" % (worker, n) + (bytes(70_000) if n % 7 == 0 else b"")
        done = await store.mail.write(
            lambda writer: writer.append(inbox, octets, form_of(octets), frozenset()))
        print("uid", done.uid, "%d/%d" % (worker, n), flush=True)

async def submits(store):
    me = Address("a", "a.example")
    while True:
        print("queue", await store.outbox.enqueue(Submission(me, (me,), bytes(70_000))), flush=True)

async def main():
    store = open_store(Path(sys.argv[1]))
    await asyncio.gather(submits(store), *(appends(store, worker) for worker in range(4)))

asyncio.run(main())
"""


def _killed_after(folder: Path, lines_read: int) -> list[str]:
    """Return the complete lines that the victim printed before SIGKILL."""
    command = [sys.executable, "-c", _VICTIM, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(lines_read)]
        os.kill(child.pid, signal.SIGKILL)
        lines += child.stdout.readlines()
    return [line for line in lines if line.endswith("\n")]


async def _check(folder: Path, appended: dict[int, str], queued: list[str]) -> None:
    store = open_store(folder)
    shot = await store.mail.read(lambda reader: reader.snapshot(reader.mailbox(INBOX).id))
    places = dict(zip(shot.uids, shot.messages, strict=True))
    octets = await store.mail.read(
        lambda reader: {uid: reader.octets(places[Uid(uid)]) for uid in appended}
    )
    due = {item.queue_id for item in await store.outbox.due(2e9, 100_000)}
    # in the writing thread, which moves long bodies into files at leisure: between two steps of that
    files, bodies, integrity = await store._database.write(
        lambda c: (
            sum(1 for _ in (folder / "bodies").iterdir()),
            c.exec_driver_sql("SELECT count(*) FROM body WHERE file IS NOT NULL").scalar(),
            c.exec_driver_sql("PRAGMA integrity_check").scalar(),
        )
    )
    store.close()
    for uid, text in appended.items():
        assert octets[uid].startswith(text.encode() + b"\r\n")
    assert set(queued) <= due
    assert files == bodies
    assert integrity == "ok"


@pytest.mark.crash
def test_what_was_confirmed_survives_sigkill_again_and_again(tmp_path: Path) -> None:
    """A ledger of confirmed appends and submissions, over kills at random moments."""
    appended: dict[int, str] = {}
    queued: list[str] = []
    dice = random.Random(7)
    for _ in range(4):
        for line in _killed_after(tmp_path, dice.randrange(5, 120)):
            what, *rest = line.split()
            if what == "queue":
                queued += rest
            else:
                assert int(rest[0]) not in appended
                appended[int(rest[0])] = rest[1]
        asyncio.run(_check(tmp_path, appended, queued))
    assert appended
    assert queued
