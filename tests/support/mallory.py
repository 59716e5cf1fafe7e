"""Somebody with an account of her own at alice's domain, who makes envelopes for bob by hand."""

import asyncio
import contextlib
import secrets
import time
import tomllib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from gateway.demo.world import Side, World
from mx_core.control.client import ControlClient
from mx_core.directory.proving import WatchedLog
from mx_core.directory.sender_check import Recipient, verify_card
from mx_core.envelope.seal import DeviceKey, Sender, seal_body, seal_envelope
from mx_core.homeserver.commands.initialise import public_key_of
from mx_core.homeserver.domain.role_keys import load_or_make
from mx_core.model.address import Address
from mx_core.model.ids import MsgId, Pid
from mx_core.model.octets import whole
from mx_core.passport.card import Card
from mx_core.proto.federation_pb2 import Item, LookUpRequest
from mx_core.tlog.log_proof import LogKeys, origin_of
from tests.support.home_device import SECONDS, HomeDevice

_names = iter(range(1_000_000))


@dataclass(frozen=True)
class RunningHome:
    """A home server of a world, as far as a device of raw stubs needs it."""

    side: Side

    @property
    def domain(self) -> str:
        return self.side.domain

    @property
    def client(self) -> int:
        told = tomllib.loads((self.side.home_dir / "mx-home.toml").read_text())
        return int(told["ports"]["client"])

    @property
    def domain_key(self) -> bytes:
        return public_key_of(self.side.home_dir)

    @property
    def control(self) -> ControlClient:
        return ControlClient(self.side.home_dir / "control.sock", "mx-home")

    def invite(self, name: str = "") -> str:
        return str(self.control.post("/invite", {"name": name})["code"])

    def held_for(self, address: str) -> int:
        """Return how many octets wait for the devices of *address*."""
        users = self.control.get("/users")["users"]
        return next(int(user["held_octets"]) for user in users if user["address"] == address)


class Mallory:
    """Somebody with an account at a.example who makes envelopes for bob as she likes."""

    def __init__(self, device: HomeDevice, card: bytes, bob: Recipient) -> None:
        state = device.state
        proof = Card.decode(card).without_epochs().encode()
        self.device, self.bob = device, bob
        self.honest = Sender(
            device.address, state.pid, device.device_id, state.seq, state.head, device.key, proof
        )

    def sealed(self, text: str, sender: Sender, *, msg_id: MsgId, pid: Pid | None = None) -> Item:
        body = seal_body(letter(text), secrets.token_bytes)
        now = int(time.time())
        envelope = seal_envelope(
            body,
            sender,
            self.bob.pid if pid is None else pid,
            [DeviceKey(each.device_id, each.n, each.x25519) for each in self.bob.devices],
            msg_id=msg_id,
            created=now,
            deliver_by=now + 86_400,
            entropy=secrets.token_bytes,
        )
        return Item(
            route=str(self.bob.address).encode(),
            envelope=envelope,
            body=whole(body.octets),
            deliver_by=now + 86_400,
        )


@contextlib.asynccontextmanager
async def mallory_of(world: World) -> AsyncIterator[Mallory]:
    """Give somebody new at alice's domain, who has bob's card."""
    home = RunningHome(world.alice)
    async with HomeDevice(home, f"mallory{next(_names)}") as device:  # type: ignore[arg-type]
        card = await device.register(await asyncio.to_thread(home.invite))
        await device.authenticate()
        asked = Address.parse(world.bob.address)
        reply = await device.stub.LookUp(
            LookUpRequest(address=str(asked)), metadata=device.metadata, timeout=SECONDS
        )
        keys = [public_key_of(world.bob.home_dir)]
        bob = verify_card(
            reply.card,
            asked=asked,
            domain_keys=keys,
            pin=None,
            now=time.time(),
            log=WatchedLog(log_keys_of(world.bob.home_dir, asked.domain)),
        )
        yield Mallory(device, card, bob)


def letter(subject: str) -> bytes:
    """Return a small message of hers."""
    return (
        f"From: mallory@a.example\r\nTo: bob@b.example\r\nSubject: {subject}\r\n"
        "Date: Sat, 21 Nov 2026 12:00:00 +0000\r\nMessage-ID: <m@a.example>\r\n\r\nhello\r\n"
    ).encode()


def log_keys_of(home_dir: Path, domain: str) -> LogKeys:
    """Return the keys of the log that the home server in *home_dir* runs."""
    keys = dict(load_or_make(home_dir, log_begun=True).public)
    return LogKeys(origin_of(domain), keys["kt"], keys["vrf"])
