"""Ordinary mail at the door: from MAIL to a 250 that means judged, sealed and durable.

A real ``mx-door`` before a real ``mx-home`` (SQLite, ``synchronous=FULL``); twenty connections bring
signed messages of 4 KB for one of ten people, pipelined as mail servers do.  SPF, DKIM and DMARC are
judged for each; the DNS answers from this process, and after the first time from the door's cache.
Who sends, and who answers for the DNS, run on the same cores.
"""

import asyncio
import os
import resource
import threading
import time
from pathlib import Path
from typing import ClassVar, cast

import dns.message
import dns.rdatatype
import dns.rrset
from typing_extensions import override

from bench.rows import Row
from tests.support.door_process import DOOR, DoorProcess
from tests.support.door_stub import change_door
from tests.support.home_device import HomeDevice
from tests.support.homes import HomeProcess, running_homes
from tests.support.signed_mail import rsa_key, signed

SECONDS = float(os.environ.get("MX_BENCH_SECONDS", "20"))
CONNECTIONS = 20
PEOPLE = 10
RATE = 600.0  # as many messages as a machine would have to take in a second to be done early
LETTER = (
    b"From: carol@c.example\r\nTo: bob@a.example\r\nSubject: figures\r\n"
    b"Date: Sat, 21 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@c.example>\r\n\r\n"
    + b"".join(b"line %03d of a letter that goes on for a while yet\r\n" % n for n in range(80))
)


class Records(asyncio.DatagramProtocol):
    """Answers for c.example, and says of every other name that it does not exist."""

    texts: ClassVar = {
        "c.example.": "v=spf1 ip4:127.0.0.1 -all",
        "_dmarc.c.example.": "v=DMARC1; p=reject",
        "s._domainkey.c.example.": rsa_key(2_048)[1],
    }

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)  # uvloop's has no base class

    @override
    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        asked = dns.message.from_wire(data)
        answer = dns.message.make_response(asked)
        [question] = asked.question
        text = self.texts.get(question.name.to_text().lower())
        if text is not None and question.rdtype == dns.rdatatype.TXT:
            strings = " ".join(f'"{text[at : at + 200]}"' for at in range(0, len(text), 200))
            answer.answer.append(dns.rrset.from_text(question.name, 300, "IN", "TXT", strings))
        self.transport.sendto(answer.to_wire(), addr)


def processor(pid: int) -> float:
    """Return the seconds that a process has used, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    [line] = [each for each in status.splitlines() if each.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


async def bring(port: int, messages: list[bytes], taken: list[float], until: float) -> None:
    """Send on one connection, one message after the other, until there is none or no time."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.readuntil(b"\r\n")
    writer.write(b"EHLO mail.c.example\r\n")
    while (await reader.readuntil(b"\r\n"))[3:4] == b"-":
        pass
    number = 0
    while messages and time.monotonic() < until:
        octets = messages.pop()
        number += 1
        begun = time.monotonic()
        whom = b"p%d@a.example" % (number % PEOPLE)
        writer.write(b"MAIL FROM:<carol@c.example>\r\nRCPT TO:<" + whom + b">\r\nDATA\r\n")
        for expected in (b"250", b"250", b"354"):
            line = await reader.readuntil(b"\r\n")
            assert line.startswith(expected), line
        writer.write(octets + b".\r\n")
        line = await reader.readuntil(b"\r\n")
        assert line.startswith(b"250"), line
        taken.append(time.monotonic() - begun)
    writer.close()


async def opened(home: HomeProcess) -> None:
    for number in range(PEOPLE):
        async with HomeDevice(home, f"p{number}") as device:
            await device.join()
            await change_door(device, "OPEN")


async def answered(port_known: threading.Event, ports: list[int], over: threading.Event) -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Records, local_addr=("127.0.0.1", 0))
    ports.append(transport.get_extra_info("sockname")[1])
    port_known.set()
    await asyncio.to_thread(over.wait)
    transport.close()


def measure() -> list[Row]:
    known, over, ports = threading.Event(), threading.Event(), list[int]()
    answering = threading.Thread(target=lambda: asyncio.run(answered(known, ports, over)))
    answering.start()
    known.wait(20)
    message = signed(LETTER, "c.example", key=rsa_key(2_048)[0])
    try:
        with running_homes() as homes:
            home = homes.make("a.example", DOOR)
            asyncio.run(opened(home))
            more = (
                "[limits]\nconnections_per_peer = 100\nmessages_per_connection = 1000000\n"
                '[log]\nlevel = "warning"\n'
            )
            door = DoorProcess(home.folder, home.domain, more, f"127.0.0.1:{ports[0]}")
            door.start()
            try:
                return _measured(home, door, message)
            finally:
                door.kill()
    finally:
        over.set()
        answering.join()


def _measured(home: HomeProcess, door: DoorProcess, message: bytes) -> list[Row]:
    async def run(messages: list[bytes], seconds: float) -> list[float]:
        taken: list[float] = []
        until = time.monotonic() + seconds
        async with asyncio.TaskGroup() as tasks:
            for _ in range(CONNECTIONS):
                tasks.create_task(bring(door.port, messages, taken, until))
        return taken

    # below the signature's lines, so that every message is another one: the door knows repetitions
    def made(count: int, mark: int) -> list[bytes]:
        return [b"X-Number: %d-%d\r\n" % (mark, n) + message for n in range(count)]

    asyncio.run(run(made(100, 0), 30.0))
    before = (processor(door.pid), processor(home.pid), _own())
    begun = time.monotonic()
    taken = asyncio.run(run(made(int(SECONDS * RATE), 1), SECONDS))
    wall = time.monotonic() - begun
    used = [
        now - then
        for now, then in zip(
            (processor(door.pid), processor(home.pid), _own()), before, strict=True
        )
    ]
    n, ranked = len(taken), sorted(taken)
    own_share = used[0] / n * 1e6
    return [
        Row("judged, sealed, durable", "1/s", "higher", n / wall, n, floor=300.0, goal=600.0),
        Row("one core of the door alone", "1/s", "higher", 1e6 / own_share, n, floor=300.0),
        Row("processor of the door", "µs", "lower", own_share, n),
        Row("processor of the home server", "µs", "lower", used[1] / n * 1e6, n),
        Row("processor of who sends", "µs", "lower", used[2] / n * 1e6, n),
        Row("DATA → 250 with twenty at once, p50", "ms", "lower", ranked[n // 2] * 1e3, n),
        Row("… p99", "ms", "lower", ranked[int(n * 0.99)] * 1e3, n),
        Row("most memory of the door", "MB", "lower", peak_mb(door.pid), n),
    ]  # fmt: skip


def _own() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
