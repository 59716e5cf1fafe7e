"""What a gateway costs while nothing happens, and how soon it listens: with a large store, connected.

100,000 messages of 1 KB in one account; ``MX_BENCH_IDLE`` asks for fewer.  Processor time counts, not
the clock, where others work on the machine too; both are told of the start.
"""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench.rows import Row
from bench.scale import octets_of
from gateway.accounts.accounts import stored
from gateway.demo.world import Side, World
from gateway.directories import directories
from gateway.unlocking import master_key
from mx_core.mime.prepare import prepare
from mx_core.model.mailbox_name import INBOX
from mx_core.ports import MailWriter, NewMail
from mx_core.store.account_store import AccountStore

MESSAGES = int(os.environ.get("MX_BENCH_IDLE", "100000"))
_AT_ONCE = 500
_STARTS = 3
_HELPS = 5
_SETTLE_SECONDS = 20.0
_IDLE_SECONDS = 60.0
_TICKS = os.sysconf("SC_CLK_TCK")


def measure() -> list[Row]:
    helps = [_processor_of([sys.executable, "-m", "gateway", "--help"]) for _ in range(_HELPS)]
    with (
        tempfile.TemporaryDirectory(prefix="mx-bench-", dir="/var/tmp") as folder,
        World(Path(folder), cast=(("alice", "a.example"),)) as world,
    ):
        side = world.alice
        side.gateway.stop()
        asyncio.run(_fill(side))
        _once(side, lambda: _until_indexed(world))  # the index is made once, and not at each start
        starts = [_once(side, lambda: None) for _ in range(_STARTS)]
        side.gateway.launch()
        side.gateway.await_ready()
        time.sleep(_SETTLE_SECONDS)
        assert side.gateway.process is not None
        pid = side.gateway.process.pid
        before, begun = _processor(pid), time.monotonic()
        time.sleep(_IDLE_SECONDS)
        share = (_processor(pid) - before) / (time.monotonic() - begun) * 100
        resident = _status(pid, "VmRSS") / 1024
    name = f"{MESSAGES:,} messages"
    return [
        Row("--help", "s CPU", "lower", min(helps), _HELPS, None, None, 0.2),
        Row(
            f"start to listening, {name}",
            "s",
            "lower",
            min(s for s, _ in starts),
            _STARTS,
            None,
            1.5,
        ),
        Row(f"start to listening, {name}", "s CPU", "lower", min(c for _, c in starts), _STARTS),
        Row(f"idle, {name}", "MB resident", "lower", resident, 1, None, 90),
        Row(f"idle, {name}", "% CPU", "lower", share, 1, None, 0.5),
    ]


async def _fill(side: Side) -> None:
    place = directories(side.gateway_dir)
    (store,) = stored(place, master_key.load(place.data), time.time)
    try:
        await _append(store)
    finally:
        store.close()


async def _append(store: AccountStore) -> None:
    inbox = await store.mail.read(lambda reader: reader.mailbox(INBOX).id)

    def add(writer: MailWriter, new: list[NewMail]) -> None:
        writer.append_all(inbox, new)

    for at in range(0, MESSAGES, _AT_ONCE):
        octets = [octets_of(number) for number in range(at, min(at + _AT_ONCE, MESSAGES))]
        new = [NewMail(each, prepare(each), frozenset()) for each in octets]
        await store.mail.write(partial(add, new=new))
    assert await store.mail.read(lambda reader: reader.mailbox(INBOX).messages) == MESSAGES


def _once(side: Side, meanwhile: Callable[[], None]) -> tuple[float, float]:
    """Start the gateway; return after how long it took connections, by clock and by processor."""
    begun = time.monotonic()
    side.gateway.launch()
    assert side.gateway.process is not None
    _until_greeted(side.known.imap)
    taken, used = time.monotonic() - begun, _processor(side.gateway.process.pid)
    side.gateway.await_ready()
    meanwhile()
    side.gateway.stop()
    return taken, used


def _until_greeted(port: int) -> None:
    while True:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), 60) as line,
        ):
            if line.recv(4) == b"* OK":
                return
        time.sleep(0.005)


def _until_indexed(world: World) -> None:
    while world.status(world.alice)["accounts"][0]["search_index"]["waiting"]:
        time.sleep(1)


def _processor(pid: int) -> float:
    """Return the seconds of processor that *pid* has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _status(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise AssertionError(name)


def _processor_of(command: list[str]) -> float:
    before = os.times()
    subprocess.run(command, capture_output=True, check=True)
    after = os.times()
    return (
        after.children_user + after.children_system - before.children_user - before.children_system
    )
