"""What a running home server does for the door of its domain, over the real socket."""

from __future__ import annotations

import secrets
import stat

import grpc
import pytest
from nacl.signing import SigningKey

from mx_core.notation.hashing import b2_plain
from mx_core.passport.card import Card
from mx_core.proto import door_pb2
from mx_core.proto.federation_pb2 import (
    ACCEPTED,
    DUPLICATE,
    NOT_AVAILABLE,
    RATE_LIMITED,
    WHOLE,
    BlobChunk,
    BlobRef,
)
from tests.support.door_stub import change_door, deliver, door_stub
from tests.support.home_device import SECONDS, HomeDevice, item_for
from tests.support.homes import HomeProcess, Homes

pytestmark = [pytest.mark.anyio, pytest.mark.fleet]

DOOR = "\n[door]\nenabled = true\n"


@pytest.fixture(scope="module")
def home(homes: Homes) -> HomeProcess:
    return homes.make("a.example", DOOR)


async def test_the_socket_is_in_a_folder_that_nobody_else_can_enter(home: HomeProcess) -> None:
    folder = home.folder / "door"

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


async def test_the_door_learns_its_domain_and_the_key_that_the_document_names(
    home: HomeProcess,
) -> None:
    async with door_stub(home) as stub:
        begun = await stub.Begin(door_pb2.BeginRequest(), timeout=SECONDS)

    assert begun.domain == "a.example"
    assert len(bytes(SigningKey(begun.key).verify_key)) == 32
    assert begun.octets == 64 * 1024 * 1024


async def test_nobody_is_there_who_did_not_open_and_nobody_any_more_who_closed(
    home: HomeProcess,
) -> None:
    async with HomeDevice(home, "alice") as alice, door_stub(home) as stub:
        await alice.join()
        asked = door_pb2.RecipientRequest(address="alice@a.example")
        item = item_for(alice.address)
        shut = (await stub.Recipient(asked, timeout=SECONDS)).card
        refused = await deliver(stub, item)
        opened = await change_door(alice, "OPEN")
        card = (await stub.Recipient(asked, timeout=SECONDS)).card
        taken = await deliver(stub, item, item)
        [arrived] = await alice.collect().until_empty()
        closed = await change_door(alice, "CLOSE")
        after = await deliver(stub, item_for(alice.address))

    assert (shut, refused) == (b"", [NOT_AVAILABLE])
    assert (opened, closed) == ((True, True), (True, False))
    assert str(Card.decode(card).address) == "alice@a.example"
    assert Card.decode(card).epochs
    assert taken == [ACCEPTED, DUPLICATE]
    assert arrived.arrived.peer_domain == "a.example"
    assert arrived.arrived.item.envelope == item.envelope
    assert after == [NOT_AVAILABLE]


async def test_what_names_nobody_here_is_nobodys(home: HomeProcess) -> None:
    async with door_stub(home) as stub:
        asked = [
            await stub.Recipient(door_pb2.RecipientRequest(address=address), timeout=SECONDS)
            for address in ("nobody@a.example", "alice@b.example", "", "a b", "Alice@a.example")
        ]
        item = item_for("nobody@b.example")
        refused = await deliver(stub, item)

    assert [one.card for one in asked] == [b""] * 5
    assert refused == [NOT_AVAILABLE]


async def test_a_large_body_is_put_first(home: HomeProcess) -> None:
    body = b"MXB1" + secrets.token_bytes(600_000)
    ref = BlobRef(id=b2_plain(body), size=len(body))
    async with HomeDevice(home, "bert") as bert, door_stub(home) as stub:
        await bert.join()
        await change_door(bert, "OPEN")
        item = item_for(bert.address, ref)
        missing = await deliver(stub, item)
        chunks = [
            BlobChunk(ref=ref if at == 0 else None, offset=at, octets=body[at : at + 262_144])
            for at in range(0, len(body), 262_144)
        ]
        held = (await stub.PutBlob(iter(chunks), timeout=SECONDS)).held
        taken = await deliver(stub, item)
        [arrived] = await bert.collect().until_empty()
        given = await bert.get_blob(arrived.arrived.item.body_ref.id)

    assert missing == [WHOLE]
    assert (held, taken) == (len(body), [ACCEPTED])
    assert given == body


async def test_more_than_a_batch_is_refused_and_a_flood_is_asked_to_wait(homes: Homes) -> None:
    few = homes.make("few.example", DOOR + "[rates]\ndoor_per_minute = 1\ndoor_burst = 3\n")
    async with HomeDevice(few, "carl") as carl, door_stub(few) as stub:
        await carl.join()
        await change_door(carl, "OPEN")
        items = [item_for(carl.address) for _ in range(65)]
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await deliver(stub, *items)
        told = await deliver(stub, *items[:4])

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert told == [ACCEPTED] * 3 + [RATE_LIMITED]


async def test_a_server_without_a_door_says_so_and_has_no_socket(homes: Homes) -> None:
    plain = homes.make("plain.example")
    async with HomeDevice(plain, "dora") as dora:
        await dora.join()
        state = await change_door(dora)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await change_door(dora, "OPEN")

    assert state == (False, False)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "ask its operator" in str(caught.value.details())
    assert not (plain.folder / "door").exists()
