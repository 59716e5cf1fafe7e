"""Memory of a home server of many people: 10,000 registered, 1,000 devices connected and waiting.

Each device has a TLS connection and an open stream of its own.  ``MX_BENCH_DEVICES`` asks for
fewer.  A message to every connected device shows that the streams live.  Everybody is in the log of
the domain, which the start makes: the passports of those without a device are made up.
"""

import asyncio
import os
import time
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from bench.rows import Row
from mx_core.homeserver.log import log_rows
from mx_core.homeserver.opening import open_database
from mx_core.homeserver.people import accounts
from mx_core.homeserver.people.accounts import Member, NewDevice, NewEpoch
from mx_core.model.address import Address
from mx_core.model.ids import Pid
from mx_core.passport.binding import Binding
from mx_core.proto.federation_pb2 import ACCEPTED
from tests.support.home_device import HomeDevice, Stream, item_for
from tests.support.homes import HomeProcess, running_homes

PEOPLE = 10_000
DEVICES = int(os.environ.get("MX_BENCH_DEVICES", "1000"))
AT_ONCE = 20
QUIET_SECONDS = 60.0  # a quiet time is seen within 20
RATES = '\n[rates]\nexempt = ["*"]\n'


def measure() -> list[Row]:
    with running_homes() as homes:
        home = homes.make("a.example", RATES, start=False)
        devices = [HomeDevice(home, f"c{n}") for n in range(DEVICES)]
        fill(home, devices)
        home.start()
        alone = resident(home)
        time.sleep(QUIET_SECONDS)
        quiet = resident(home)
        waiting, resting, taken = asyncio.run(connected(home, devices))
    return [
        Row("memory with 10,000 people, nobody connected", "MB", "lower", alone, PEOPLE),
        Row("… after a quiet minute", "MB", "lower", quiet, PEOPLE),
        Row("… and devices connected and waiting", "MB", "lower", waiting, DEVICES, floor=150.0),
        Row("… and that after a quiet minute", "MB", "lower", resting, DEVICES, floor=150.0),
        Row("one more device", "KB", "lower", (waiting - alone) / DEVICES * 1e3, DEVICES),
        Row("a message to each, until all have it", "s", "lower", taken, DEVICES),
    ]


def fill(home: HomeProcess, devices: list[HomeDevice]) -> None:
    """Put people into the database as registered; those of *devices* are real."""
    database = open_database(home.folder)
    now = int(time.time())

    def add(tx: sa.Connection, numbers: range) -> None:
        for n in numbers:
            device = devices[n] if n < len(devices) else None
            device_id = device.device_id if device else os.urandom(16)
            member = accounts.create(
                tx,
                str(device.address) if device else f"c{n}@a.example",
                device.state.pid if device else os.urandom(32),
                signed_entries=[device.entry if device else os.urandom(500)],
                devices=[
                    NewDevice(device_id, bytes(device.key.verify_key) if device else bytes(32))
                ],
                epochs=[NewEpoch(device_id, 1, os.urandom(200))],
                now=now,
            )
            log_rows.enqueue(tx, member.address, binding(member, device).encode())

    for first in range(0, PEOPLE, 500):
        numbers = range(first, min(first + 500, PEOPLE))
        database.write_at_start(partial(add, numbers=numbers))
    database.close()


def binding(member: Member, device: HomeDevice | None) -> Binding:
    """Return what is logged of *member*; the head of a passport that is made up is, too."""
    if device is not None:
        return Binding.of(device.state)
    return Binding(Address.parse(member.address), Pid(member.pid), 0, os.urandom(32))


async def connected(home: HomeProcess, devices: list[HomeDevice]) -> tuple[float, float, float]:
    """Connect *devices*; return the memory then and a minute later, and in how many seconds each gets a message."""
    gate = asyncio.Semaphore(AT_ONCE)
    streams: list[Stream] = []

    async def connect(device: HomeDevice) -> None:
        async with gate:
            await device.__aenter__()
            await device.authenticate()
            stream = device.collect(16)
            await stream.until_empty()
            streams.append(stream)

    await asyncio.gather(*(connect(device) for device in devices))
    waiting = resident(home)
    await asyncio.sleep(QUIET_SECONDS)
    resting = resident(home)
    started = time.perf_counter()

    async def submit(device: HomeDevice) -> None:
        async with gate:
            assert await devices[0].submit(item_for(device.address)) == ACCEPTED

    async def take(stream: Stream) -> None:
        while not (await stream.next(120)).HasField("arrived"):
            pass

    await asyncio.gather(*map(submit, devices), *map(take, streams))
    taken = time.perf_counter() - started
    for device in devices:
        await device.channel.close()
    return waiting, resting, taken


def resident(home: HomeProcess) -> float:
    pages = int(Path(f"/proc/{home.pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1e6
