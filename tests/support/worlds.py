"""The demo's world with what a test wants of it: settings for the home servers, recordings, DNS."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import override

from gateway.demo.processes import run
from gateway.demo.world import Side, World
from mx_core.homeserver.schema import METADATA
from mx_core.proto.federation_pb2 import Batch, BatchReply, Item
from tests.support.dns import Dns, txt_line


def vanish(side: Side, address: str) -> None:
    """Let the home server of *side* forget *address*, as when an operator removes a person."""
    side.home.stop()
    with closing(sqlite3.connect(side.home_dir / "home.sqlite")) as database:
        asked = "SELECT mailbox_id FROM mailbox WHERE address = ?"
        (mailbox,) = database.execute(asked, (address,)).fetchone()
        for table in METADATA.tables.values():
            if "mailbox_id" in table.columns:
                database.execute(f"DELETE FROM {table.name} WHERE mailbox_id = ?", (mailbox,))
        database.commit()
    side.home.start()


@dataclass
class TestedWorld(World):
    """*home_settings* is added to each ``mx-home.toml``; with *recorded*, what a server sees is kept."""

    __test__ = False

    home_settings: str = ""
    recorded: bool = False

    def recording(self, side: Side) -> Path:
        """Return where the home server of *side* writes what it sees."""
        return self.directory / f"rpc-{side.domain}"

    @override
    def _side(self, person: str, domain: str, home_base: int, gateway_base: int) -> Side:
        side = super()._side(person, domain, home_base, gateway_base)
        with (side.home_dir / "mx-home.toml").open("a", encoding="utf-8") as file:
            file.write(f"\n{self.home_settings}")
        if self.recorded:
            more = ["--record-rpc", str(self.recording(side))]
            side.home.arguments = [*side.home.arguments, *more]
        return side


@dataclass
class DnsWorld(TestedWorld):
    """A world that is found by DNS and by nothing else."""

    dns: Dns | None = None

    @override
    def publish(self) -> None:
        assert self.dns is not None
        for side in self.sides:
            record = run(["mx_core.homeserver", "record", "--dir", str(side.home_dir)])
            text = record.splitlines()[0].partition('"')[2].rpartition('"')[0]
            self.dns.publish(side.domain, [txt_line("_mailx", text)])

    @override
    def _side(self, person: str, domain: str, home_base: int, gateway_base: int) -> Side:
        assert self.dns is not None
        self.discovery = f'nameserver = "127.0.0.1:{self.dns.port}"'
        self.home_options = ("--nameserver", f"127.0.0.1:{self.dns.port}")
        side = super()._side(person, domain, home_base, gateway_base)
        file = side.home_dir / "mx-home.toml"
        kept = [line for line in file.read_text().splitlines() if not line.startswith("peers")]
        file.write_text("\n".join(kept) + "\n")
        return side


def brought(world: TestedWorld, side: Side) -> list[tuple[Item, int]]:
    """Return every item that a peer brought to *side*, and the status that it got, in order."""
    folder = world.recording(side)
    found: list[tuple[Item, int]] = []
    for asked, told in zip(
        sorted(folder.glob("*-DeliverBatch-in-*")),
        sorted(folder.glob("*-DeliverBatch-out-*")),
        strict=False,  # the last one may not be answered yet; a batch comes after the one before
    ):
        items = Batch.FromString(asked.read_bytes()).items
        answers = BatchReply.FromString(told.read_bytes()).items
        found += zip(items, [answer.status for answer in answers], strict=True)
    return found
