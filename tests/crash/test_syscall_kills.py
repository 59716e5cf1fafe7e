"""SIGKILL before the n-th write, sync or answer of submission → outbox → delivery, for every n.

``strace`` kills the process on its way into the call.  Whoever got a 250 finds exactly one
delivery; whoever got none, at most one, because SMTP can not tell the two apart (RFC 1047).
"""

from __future__ import annotations

import asyncio
import re
import shutil
import smtplib
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import pytest

from mx_core.envelope.identity import EpochSecret
from mx_core.envelope.open import open_body, open_control
from mx_core.envelope.seal import env_id
from mx_core.model.mailbox_name import INBOX
from tests.crash.syscall_flow import begun, composed, parcels
from tests.support.sending import ALICE, BOB
from tests.support.torture import Measure, Sweep

pytestmark = [
    pytest.mark.crash,
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace kills the process"),
]

# what changes the disk, and what tells somebody that it has
CALLS = ("pwrite64", "fsync", "fdatasync", "ftruncate", "unlink", "write", "sendto")
SIZES = (2_000, 300_000)  # octets: in a row of the database, and in a file of its own
IN_SHORT = 8
IN_FULL = 240
SOURCES = (
    *("gateway/sending", "gateway/policy", "mx_core/db", "mx_core/store", "smtp_in"),
    *("tests/crash/syscall_flow.py", "tests/crash/syscall_ready.py"),
    "tests/crash/test_syscall_kills.py",
)


def letter(name: str, size: int) -> bytes:
    head = (
        f"From: {ALICE}\r\nTo: {BOB}\r\nSubject: {name}\r\n"
        f"Date: Sun, 29 Nov 2026 12:00:00 +0000\r\nMessage-ID: <{name}@crash.example>\r\n\r\n"
    )
    return head.encode() + b"0123456789abcde\r\n" * (size // 17)


@dataclass
class Told:
    """What the mail program was told, and how the process ended."""

    accepted: set[str] = field(default_factory=set)
    killed: bool = False
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)  # (thread, call)


def run(folder: Path, injected: str = "") -> Told:
    """Submit one message of each size to the process, traced; it is killed where *injected* says."""
    folder.mkdir()
    (folder / "since").write_text(str(int(time.time())), encoding="ascii")
    trace = folder / "trace"
    process, port, password = begun(folder)
    tracer = None
    told = Told()
    try:
        which = ["-e", f"trace={','.join(CALLS)}", *(["-e", f"inject={injected}"] * bool(injected))]
        tracer = subprocess.Popen(
            ["strace", "-f", "-p", str(process.pid), "-o", str(trace), *which],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert tracer.stderr is not None
        assert "attached" in tracer.stderr.readline()
        _submit(port, password, told)
        told.killed = _ends(process, folder)
    finally:
        process.kill()
        process.join(30)
        if tracer is not None:
            tracer.wait(30)
            assert tracer.stderr is not None
            tracer.stderr.close()
    told.calls = Counter(
        (found[1], found[2])
        for line in trace.read_text(encoding="utf-8").splitlines()
        if (found := re.match(r"(\d+) +(\w+)\(", line))
    )
    return told


def _submit(port: int, password: str, told: Told) -> None:
    try:
        with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
            client.login(str(ALICE), password)
            for size in SIZES:
                client.sendmail(str(ALICE), [str(BOB)], letter(f"of-{size}", size))
                told.accepted.add(f"of-{size}")
    except (smtplib.SMTPException, OSError):
        return


def _ends(process: ForkServerProcess, folder: Path) -> bool:
    """Wait until it was killed, or everything has left; tell which."""
    for _ in range(200):
        process.join(0.1)
        if not process.is_alive():
            return True
        if len(list(parcels(folder / "home"))) >= len(SIZES):
            break
    process.join(1)  # what is noted after the last parcel was taken
    return not process.is_alive()


async def _recovered(folder: Path) -> tuple[Counter[str], int]:
    """Start again, let all that waits leave; return deliveries by subject, and reports."""
    store, person = composed(folder)
    moving = asyncio.create_task(person.outbound.run())
    try:
        async with asyncio.timeout(60):
            while await store.outbox.show_new() or await store.outbox.unsettled():
                await asyncio.sleep(0.02)
                for envelope, _ in parcels(folder / "home"):
                    # what it has not told before, the home server tells again
                    await person.outbound.settle_relayed(env_id(envelope))
    finally:
        moving.cancel()
        await asyncio.gather(moving, return_exceptions=True)
    # as bob's gateway does: one message for each msg_id, however often it comes
    messages: dict[bytes, str] = {}
    n, private, _ = person.bob.first.epochs[-1]
    for envelope, body in parcels(folder / "home"):
        opened = open_control(envelope, [EpochSecret(person.bob.first.id, n, private)])
        octets = open_body(body, opened, opened.claimed)
        subject = re.search(rb"Subject: ([\w-]+)\r\n", octets)
        assert subject is not None
        assert octets == letter(subject[1].decode(), int(subject[1].split(b"-")[1]))
        messages[opened.claimed.msg_id] = subject[1].decode()
    info: Any = await store.mail.read(lambda reader: reader.mailbox(INBOX))
    store.close()
    return Counter(messages.values()), info.messages


def hold(told: Told, folder: Path) -> None:
    """Assert what was promised."""
    delivered, reports = asyncio.run(_recovered(folder))

    assert reports == 0
    for size in SIZES:
        name = f"of-{size}"
        assert delivered[name] <= 1, name
        if name in told.accepted:
            assert delivered[name] == 1, name


@pytest.fixture(scope="module")
def boundaries(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Every call of a run without faults, by the thread that makes most of its kind."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    told = run(folder)
    hold(told, folder)
    assert told.accepted == {f"of-{size}" for size in SIZES}
    most: dict[str, int] = {}
    for (_, call), count in told.calls.items():
        most[call] = max(most.get(call, 0), count)
    assert {"pwrite64", "sendto"} <= most.keys()
    return [
        f"{call}:signal=SIGKILL:when={n}" for call in sorted(most) for n in range(1, most[call] + 1)
    ]


@pytest.mark.timeout(900)  # a process is traced in every run
def test_a_kill_before_any_call_loses_and_doubles_nothing(
    boundaries: list[str], tmp_path: Path
) -> None:
    """The short form: some of the calls, spread over all kinds."""
    step = max(1, len(boundaries) // IN_SHORT)
    killed = 0
    for number, injected in enumerate(boundaries[step // 2 :: step]):
        folder = tmp_path / str(number)
        told = run(folder, injected)
        hold(told, folder)
        killed += told.killed

    assert killed >= IN_SHORT // 2


@pytest.mark.torture
@pytest.mark.timeout(0)
def test_a_kill_before_every_call_loses_and_doubles_nothing(
    boundaries: list[str], tmp_path: Path
) -> None:
    """The full form; a run makes about as many calls as there are steps."""

    def kill(step: int) -> dict[str, float]:
        folder = tmp_path / str(step)
        told = run(folder, boundaries[step % len(boundaries)])
        hold(told, folder)
        shutil.rmtree(folder)
        return {"killed": told.killed, "accepted": len(told.accepted)}

    Sweep(
        "syscalls",
        IN_FULL,
        (
            Measure("killed", "runs", "higher", floor=IN_FULL / 2),
            Measure("accepted", "messages", "higher"),
        ),
        SOURCES,
    ).run(kill)
