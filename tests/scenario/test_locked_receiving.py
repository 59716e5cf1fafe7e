"""A locked gateway goes on receiving, by a token that opens nothing else."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator

import grpc
import pytest

from gateway.demo.processes import run
from gateway.demo.world import World
from gateway.unlocking.receiving import Token, kept
from mx_core.model.errors import Unavailable
from mx_core.passport.make import recover
from mx_core.proto.client_pb2 import (
    AcknowledgeRequest,
    CollectRequest,
    CollectTokenRequest,
    OwnCardRequest,
    RecoverRequest,
    SubmitRequest,
)
from tests.support.clients import about, wait_until, write
from tests.support.home_device import SECONDS, HomeDevice, Stream, item_for, new_keys, refused_with
from tests.support.homes import HomeProcess, Homes

pytestmark = pytest.mark.fleet
WORDS = "correct horse battery"
Code = grpc.StatusCode


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("world")) as made:
        yield made


def gateway(world: World, *arguments: str, stdin: str = "") -> str:
    return run(["gateway", "--home", str(world.alice.gateway_dir), *arguments], stdin=stdin)


def is_locked(world: World) -> bool:
    with contextlib.suppress(Unavailable):
        return bool(world.status(world.alice)["locked"])
    return False


def test_what_comes_while_it_is_locked_is_kept_here_and_shown_when_it_is_unlocked(
    world: World,
) -> None:
    alice, bob = world.alice, world.bob
    [account] = (alice.gateway_dir / "data" / "accounts").iterdir()
    gateway(world, "unlock", "--by", "passphrase", stdin=WORDS + "\n")
    token = Token.read(account)
    gateway(world, "lock")
    wait_until(lambda: is_locked(world))
    for octets in (100, 400_000):
        write(bob.known, alice.address, f"kept-{octets}", octets)
    wait_until(lambda: len(kept(account)) == 2)
    wait_until(lambda: _waiting(world) == 0)
    alice.home.stop()  # what follows needs nothing of the home server
    alice.gateway.stop()
    alice.gateway.start()
    still = len(kept(account))
    gateway(world, "unlock", stdin=WORDS + "\n")
    for octets in (100, 400_000):
        wait_until(lambda octets=octets: len(about(alice.known, f"kept-{octets}")) == 1)  # type: ignore[misc]  # bound now
    wait_until(lambda: kept(account) == [])

    assert token is not None
    assert token.domain == alice.domain
    assert (account / "collect").stat().st_mode & 0o077 == 0
    assert still == 2


def _waiting(world: World) -> int:
    """Return how many envelopes the home server of alice still holds."""
    with contextlib.closing(sqlite3.connect(world.alice.home_dir / "home.sqlite")) as database:
        [[count]] = database.execute("SELECT count(*) FROM delivery")
    return int(count)


# ── what the token opens ─────────────────────────────────────────────────────────────
@pytest.fixture(scope="module")
def home(homes: Homes) -> HomeProcess:
    return homes.make("t.example")


@pytest.fixture
async def alice(home: HomeProcess) -> AsyncIterator[HomeDevice]:
    async with HomeDevice(home, f"u{time.monotonic_ns()}") as device:
        yield await device.join()


async def token_of(device: HomeDevice, seconds: int = 3600) -> bytes:
    request = CollectTokenRequest(seconds=seconds)
    reply = await device.stub.CollectToken(request, metadata=device.metadata, timeout=SECONDS)
    assert not seconds or reply.expires <= time.time() + 30 * 86_400 + 60
    return bytes(reply.token)


def by(token: bytes) -> tuple[tuple[str, bytes], ...]:
    return (("mx-collect-bin", token),)


def collected(device: HomeDevice, token: bytes) -> Stream:

    return Stream(device.stub.Collect(CollectRequest(window=8), metadata=by(token)))


@pytest.mark.anyio
async def test_a_token_collects_and_acknowledges_and_does_nothing_else(alice: HomeDevice) -> None:
    token = await token_of(alice, 400 * 86_400)
    await alice.submit(item_for(alice.address))
    stream = collected(alice, token)
    while (delivery := await stream.next()).WhichOneof("what") != "arrived":
        pass
    done = AcknowledgeRequest(sequences=[delivery.sequence])
    await alice.stub.Acknowledge(done, metadata=by(token), timeout=SECONDS)

    for call in (
        alice.stub.OwnCard(OwnCardRequest(), metadata=by(token), timeout=SECONDS),
        alice.stub.Submit(SubmitRequest(item=item_for(alice.address)), metadata=by(token)),
        alice.stub.CollectToken(
            CollectTokenRequest(seconds=9), metadata=by(token), timeout=SECONDS
        ),
    ):
        assert await refused_with(call) == Code.UNAUTHENTICATED


@pytest.mark.anyio
async def test_a_token_ends_when_it_is_revoked_or_replaced(alice: HomeDevice) -> None:
    first = await token_of(alice)
    second = await token_of(alice)
    assert await refused_with(collected(alice, first).next()) == Code.UNAUTHENTICATED
    await collected(alice, second).until_empty()
    assert await token_of(alice, 0) == b""

    assert await refused_with(collected(alice, second).next()) == Code.UNAUTHENTICATED


@pytest.mark.anyio
async def test_a_token_ends_with_its_device(alice: HomeDevice) -> None:
    token = await token_of(alice)
    stream = collected(alice, token)
    await stream.until_empty()
    entry = recover(alice.state, alice.recovery, new_keys(), [], time.time())
    await alice.stub.Recover(RecoverRequest(signed_entry=entry), timeout=SECONDS)

    assert await refused_with(stream.next()) == Code.UNAUTHENTICATED
    assert await refused_with(collected(alice, token).next()) == Code.UNAUTHENTICATED
