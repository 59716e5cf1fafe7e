"""Envelopes that bob's own people would believe if his gateway did: replayed, forged, of nobody.

Attacks on the way between home servers (foreign certificates, replayed batches and proofs)
stand in test_home_federation.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest
from nacl.signing import SigningKey

from gateway.demo.world import World
from mx_core.envelope.seal import Sender
from mx_core.model.address import Address
from mx_core.model.ids import MsgId, Pid
from mx_core.proto.federation_pb2 import ACCEPTED, DUPLICATE
from tests.support.clients import about, status, wait_until
from tests.support.mallory import Mallory, RunningHome, mallory_of

pytestmark = pytest.mark.anyio


@pytest.fixture
async def mallory(world: World) -> AsyncIterator[Mallory]:
    async with mallory_of(world) as made:
        yield made


# each: what is wrong with the sender or the recipient of an otherwise honest envelope
FORGERIES: dict[str, Callable[[Sender], Sender]] = {
    "signed by another key": lambda me: replace(me, signing_key=SigningKey.generate()),
    "says it is alice": lambda me: replace(me, address=Address.parse("alice@a.example")),
    "says it is somebody unknown": lambda me: replace(me, address=Address.parse("xy@a.example")),
    "is of another domain": lambda me: replace(me, address=Address.parse("mallory@b.example")),
    "has another pid": lambda me: replace(me, pid=Pid(secrets.token_bytes(32))),
    "comes without any proof": lambda me: replace(me, proof=None),
    "has octets for a proof": lambda me: replace(me, proof=b"octets"),
}


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_forged_envelope_is_counted_and_never_shown(
    world: World, mallory: Mallory, forgery: str
) -> None:
    """Acceptance: unknown signer and wrong key are refused, acknowledged, told in ``status``."""
    before = _refused(world)
    sender = FORGERIES[forgery](mallory.honest)

    text = f"forged {secrets.token_hex(8)}"
    item = mallory.sealed(text, sender, msg_id=MsgId(secrets.token_bytes(16)))
    assert await mallory.device.submit(item) == ACCEPTED

    await asyncio.to_thread(wait_until, lambda: _refused(world) == before + 1)
    await _is_taken_and_works(world, mallory)
    assert _shown(world, text) == 0


async def test_an_envelope_for_somebody_else_is_not_bobs(world: World, mallory: Mallory) -> None:
    """Acceptance: the recipient is bound inside; what was sealed for another cannot be passed on."""
    before = _refused(world)
    text = f"forged {secrets.token_hex(8)}"
    msg_id = MsgId(secrets.token_bytes(16))

    item = mallory.sealed(text, mallory.honest, msg_id=msg_id, pid=mallory.honest.pid)
    assert await mallory.device.submit(item) == ACCEPTED

    await asyncio.to_thread(wait_until, lambda: _refused(world) == before + 1)
    assert _shown(world, text) == 0


async def test_a_replayed_envelope_is_stored_once(world: World, mallory: Mallory) -> None:
    """Acceptance: the same octets again, and the same message sealed anew, are one message."""
    text, msg_id = f"again {secrets.token_hex(8)}", MsgId(secrets.token_bytes(16))
    item = mallory.sealed(text, mallory.honest, msg_id=msg_id)

    assert await mallory.device.submit(item) == ACCEPTED
    await asyncio.to_thread(wait_until, lambda: _shown(world, text) == 1)
    assert await mallory.device.submit(item) == DUPLICATE
    anew = mallory.sealed(text, mallory.honest, msg_id=msg_id)
    assert anew.envelope != item.envelope
    assert await mallory.device.submit(anew) == ACCEPTED

    await _is_taken_and_works(world, mallory)
    assert _shown(world, text) == 1


async def _is_taken_and_works(world: World, mallory: Mallory) -> None:
    """Wait until bob's server keeps nothing for him and an honest message has come."""
    text = f"honest {secrets.token_hex(8)}"
    item = mallory.sealed(text, mallory.honest, msg_id=MsgId(secrets.token_bytes(16)))
    assert await mallory.device.submit(item) == ACCEPTED
    await asyncio.to_thread(wait_until, lambda: _shown(world, text) == 1)
    await asyncio.to_thread(wait_until, lambda: _held_for_bob(world) == 0)


def _shown(world: World, text: str) -> int:
    return sum(len(about(world.bob.known, text, mailbox)) for mailbox in ("INBOX", "Requests"))


def _refused(world: World) -> int:
    return int(status(world.bob)["refused"])


def _held_for_bob(world: World) -> int:
    return RunningHome(world.bob).held_for(world.bob.address)
