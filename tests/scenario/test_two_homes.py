"""Two real home servers on loopback: register, submit, deliver, collect, ack; and what is refused."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator

import grpc
import pytest

from mx_core.notation.hashing import b2_plain
from mx_core.passport.card import Card
from mx_core.passport.chain import verify_chain
from mx_core.passport.make import Writer, add_device, remove_device
from mx_core.passport.op import Device, Kind, Reason
from mx_core.proto import client_pb2, federation_pb2
from mx_core.proto.federation_pb2 import ACCEPTED, DUPLICATE, EXPIRED, BlobRef
from tests.support.home_answers import code_of, fate_of
from tests.support.home_device import SECONDS, HomeDevice, StreamEnded, big_body, item_for
from tests.support.homes import HomeProcess, Homes

pytestmark = [pytest.mark.anyio, pytest.mark.fleet]


SOON = "[queue]\nfirst_delay_seconds = 0.1\nlongest_delay_seconds = 0.5\n[log]\nlevel = 'debug'\n"


@pytest.fixture(scope="module")
def a(homes: Homes) -> HomeProcess:
    return homes.make("a.example", SOON)


@pytest.fixture(scope="module")
def b(homes: Homes) -> HomeProcess:
    return homes.make("b.example", SOON)


_names = iter(range(1_000_000))


@contextlib.asynccontextmanager
async def _joined(home: HomeProcess) -> AsyncIterator[HomeDevice]:
    async with HomeDevice(home, f"u{next(_names)}") as device:
        yield await device.join()


# ── mail ─────────────────────────────────────────────────────────────────────────────
async def test_mail_goes_from_a_to_b_and_is_deleted_after_the_ack(
    a: HomeProcess, b: HomeProcess
) -> None:
    async with _joined(a) as alice, _joined(b) as bob:
        news, mail = alice.collect(), bob.collect()
        assert await news.until_empty() == []
        assert await mail.until_empty() == []
        item = item_for(bob.address)

        assert await alice.submit(item) == ACCEPTED
        arrived = await mail.next()

        assert arrived.arrived.peer_domain == "a.example"
        assert arrived.arrived.item.envelope == item.envelope
        assert arrived.arrived.item.body == item.body
        fate = await fate_of(news)
        assert (fate.env_id, fate.relayed, fate.status) == (b2_plain(item.envelope), True, "2.0.0")

        await bob.acknowledge(arrived.sequence)
        assert await bob.collect().until_empty() == []
        [row] = [u for u in b.control.get("/users")["users"] if u["address"] == str(bob.address)]
        assert row["held_octets"] == 0


async def test_mail_inside_a_domain_takes_the_same_way(a: HomeProcess) -> None:
    async with _joined(a) as alice, _joined(a) as anna:
        mail = anna.collect()
        await mail.until_empty()

        await alice.submit(item_for(anna.address))

        assert (await mail.next()).arrived.peer_domain == "a.example"
        assert (await fate_of(alice.collect())).relayed


async def test_what_is_not_acked_is_given_again(a: HomeProcess, b: HomeProcess) -> None:
    async with _joined(a) as alice, _joined(b) as bob:
        mail = bob.collect()
        await mail.until_empty()
        await alice.submit(item_for(bob.address))
        first = await mail.next()
        mail.cancel()

        [again] = await bob.collect().until_empty()

        assert again == first


async def test_the_same_envelope_submitted_twice_is_one(a: HomeProcess, b: HomeProcess) -> None:
    async with _joined(a) as alice, _joined(b) as bob:
        item = item_for(bob.address)
        assert await alice.submit(item) == ACCEPTED
        assert await alice.submit(item) == DUPLICATE
        mail = bob.collect()
        first = await mail.next()
        assert first.WhichOneof("what") in {"arrived", "queue_empty"}
        news = alice.collect()
        while (await news.next()).WhichOneof("what") != "fate":
            pass

        assert await alice.submit(item) == DUPLICATE
        mail.cancel()
        assert len(await bob.collect().until_empty()) == 1


async def test_a_window_holds_back_what_is_not_acked(a: HomeProcess) -> None:
    async with _joined(a) as alice, _joined(a) as anna:
        for _ in range(4):
            await alice.submit(item_for(anna.address))
        news = alice.collect()
        fates = 0
        while fates < 4:
            fates += (await news.next()).WhichOneof("what") == "fate"

        mail = anna.collect(window=2)
        first, second = await mail.next(), await mail.next()
        with pytest.raises(TimeoutError):
            await mail.next(seconds=0.3)
        # the read that was given up has cancelled its stream; a new one begins at the same place
        mail = anna.collect(window=2)
        assert [(await mail.next()).sequence, (await mail.next()).sequence] == [
            first.sequence,
            second.sequence,
        ]
        await anna.acknowledge(first.sequence, second.sequence)

        assert (await mail.next()).sequence > second.sequence


async def test_mail_for_nobody_fails_with_one_sentence(a: HomeProcess, b: HomeProcess) -> None:
    async with _joined(a) as alice:
        news = alice.collect()
        await news.until_empty()

        await alice.submit(item_for(f"nobody@{b.domain}"))
        fate = await fate_of(news)

        assert (fate.relayed, fate.status) == (False, "5.1.1")
        assert fate.reason == "b.example has no mailbox of this name that takes mail."


async def test_mail_for_a_server_that_is_down_waits_over_restarts(homes: Homes) -> None:
    sender = homes.make("c.example", SOON)
    receiver = homes.make("d.example", SOON)
    async with HomeDevice(receiver, "bob") as bob:
        await bob.join()
    receiver.kill()
    async with HomeDevice(sender, "alice") as alice:
        await alice.join()
        item = item_for(bob.address)
        assert await alice.submit(item) == ACCEPTED
    assert sender.stop() == 0

    sender.start()
    receiver.start()

    async with bob:
        await bob.authenticate()
        mail = bob.collect()
        delivery = await mail.next()
        while delivery.WhichOneof("what") != "arrived":
            delivery = await mail.next()
        assert delivery.arrived.item.envelope == item.envelope
    async with alice:
        assert (
            await code_of(alice.submit(item)) == grpc.StatusCode.UNAUTHENTICATED
        )  # of the old run
        await alice.authenticate()
        assert await alice.submit(item) == DUPLICATE


@pytest.mark.parametrize("octets", [100 * 1024, 300 * 1024, 3 * 1024 * 1024])
async def test_bodies_of_every_size_travel(a: HomeProcess, b: HomeProcess, octets: int) -> None:
    body = big_body(octets)
    async with _joined(a) as alice, _joined(b) as bob:
        mail = bob.collect()
        await mail.until_empty()
        what: bytes | BlobRef = body
        if octets > 256 * 1024:
            assert await alice.put_blob(body) == octets
            what = BlobRef(id=b2_plain(body), size=octets)

        assert await alice.submit(item_for(bob.address, what)) == ACCEPTED
        arrived = (await mail.next()).arrived.item

        if octets > 256 * 1024:
            assert arrived.body_ref.size == octets
            assert await bob.get_blob(arrived.body_ref.id) == body
            assert await bob.get_blob(arrived.body_ref.id, octets - 10) == body[-10:]
        else:
            assert arrived.body == body


async def test_an_upload_goes_on_where_it_broke_off(a: HomeProcess) -> None:
    body = big_body(1024 * 1024)
    async with _joined(a) as alice:
        assert await alice.put_blob(body, end=300_000) == 300_000
        # a chunk that does not continue what is held only says where to go on
        assert await alice.put_blob(body, start=600_000) == 300_000
        assert await alice.put_blob(body, start=300_000) == len(body)
        assert await alice.put_blob(body) == len(body)


async def test_a_blob_of_other_octets_than_its_name_is_thrown_away(a: HomeProcess) -> None:
    body = big_body(300_000)
    ref = BlobRef(id=b2_plain(b"other"), size=len(body))

    async def chunks() -> AsyncIterator[federation_pb2.BlobChunk]:
        yield federation_pb2.BlobChunk(ref=ref, offset=0, octets=body[:262_144])
        yield federation_pb2.BlobChunk(offset=262_144, octets=body[262_144:])

    async with _joined(a) as alice:
        call = alice.stub.PutBlob(chunks(), metadata=alice.metadata, timeout=SECONDS)
        assert await code_of(call) == grpc.StatusCode.INVALID_ARGUMENT
        item = item_for("bob@b.example", ref)
        assert await code_of(alice.submit(item)) == grpc.StatusCode.UNAVAILABLE  # put it first


async def test_a_blob_of_another_person_cannot_be_fetched(a: HomeProcess, b: HomeProcess) -> None:
    body = big_body(300_000)
    async with _joined(a) as alice, _joined(b) as bob, _joined(b) as eve:
        await alice.put_blob(body)
        await alice.submit(item_for(bob.address, BlobRef(id=b2_plain(body), size=len(body))))
        mail = bob.collect()
        while (await mail.next()).WhichOneof("what") != "arrived":
            pass

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await eve.get_blob(b2_plain(body))
        assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_a_date_out_of_bounds_is_refused_at_submission(a: HomeProcess) -> None:
    async with _joined(a) as alice:
        for seconds in (-1, 7 * 86_400):
            item = item_for("bob@b.example")
            item.deliver_by = int(time.time()) + seconds
            assert await alice.submit(item) == EXPIRED


# ── people and devices ───────────────────────────────────────────────────────────────
async def test_an_invite_is_needed_and_works_once(a: HomeProcess) -> None:
    invite = a.invite("wanda")
    async with HomeDevice(a, "wanda") as wanda, HomeDevice(a, "other") as other:
        assert await code_of(wanda.register("nothing")) == grpc.StatusCode.PERMISSION_DENIED
        assert await code_of(other.register(invite)) == grpc.StatusCode.PERMISSION_DENIED
        card = Card.decode(
            await wanda.register(invite.upper().replace("-", " - ").replace(" ", ""))
        )
        assert card.entries == (wanda.entry,)
        # asked again, because the first answer may have been lost
        again = Card.decode(await wanda.register(invite))
        assert again.attestation == card.attestation
    async with HomeDevice(a, "wanda") as impostor, HomeDevice(a, "third") as third:
        assert await code_of(impostor.register(a.invite())) == grpc.StatusCode.INVALID_ARGUMENT
        assert await code_of(third.register(invite)) == grpc.StatusCode.PERMISSION_DENIED


async def test_a_proof_counts_once_and_only_for_its_signer(a: HomeProcess) -> None:
    async with _joined(a) as alice, _joined(a) as eve:
        proof = await alice.proof()
        stub = alice.stub
        await stub.Authenticate(proof, timeout=SECONDS)
        assert (
            await code_of(stub.Authenticate(proof, timeout=SECONDS))
            == grpc.StatusCode.UNAUTHENTICATED
        )

        stolen = await eve.proof()
        stolen.pid, stolen.device_id = alice.state.pid, alice.device_id
        assert (
            await code_of(stub.Authenticate(stolen, timeout=SECONDS))
            == grpc.StatusCode.UNAUTHENTICATED
        )


async def test_nothing_is_done_without_a_session(a: HomeProcess) -> None:
    async with _joined(a) as alice:
        for session in (b"", b"x" * 80, alice.session[:-1] + bytes([alice.session[-1] ^ 1])):
            alice.session = session
            code = await code_of(alice.submit(item_for("bob@b.example")))
            assert code == grpc.StatusCode.UNAUTHENTICATED


async def test_a_removed_device_is_out_at_once(a: HomeProcess) -> None:
    async with _joined(a) as alice, HomeDevice(a, "second") as second:
        second.state, now = alice.state, time.time()
        writer = Writer(alice.device_id, alice.key, alice.identity)
        device = Device(second.device_id, bytes(second.key.verify_key), Kind.LIMITED)
        added = add_device(alice.state, writer, device, second.key, now)
        request = client_pb2.AppendPassportRequest(signed_entry=added)
        reply = await alice.stub.AppendPassport(request, metadata=alice.metadata, timeout=SECONDS)
        card = Card.decode(reply.card)
        assert card.entries == (alice.entry, added)
        await second.authenticate()
        mail = second.collect()
        await mail.until_empty()

        state = verify_chain(card.entries, now=now)
        removed = remove_device(state, writer, second.device_id, Reason.RETIRED, now)
        await alice.stub.AppendPassport(
            client_pb2.AppendPassportRequest(signed_entry=removed),
            metadata=alice.metadata,
            timeout=SECONDS,
        )

        assert await code_of(mail.next()) == grpc.StatusCode.UNAUTHENTICATED
        assert await code_of(second.submit(item_for(alice.address))) == (
            grpc.StatusCode.UNAUTHENTICATED
        )
        assert await code_of(second.authenticate()) == grpc.StatusCode.UNAUTHENTICATED
        # and the entry that follows an old head is refused: compare and swap
        stale = remove_device(state, writer, second.device_id, Reason.RETIRED, now + 1)
        call = alice.stub.AppendPassport(
            client_pb2.AppendPassportRequest(signed_entry=stale),
            metadata=alice.metadata,
            timeout=SECONDS,
        )
        assert await code_of(call) == grpc.StatusCode.INVALID_ARGUMENT


async def test_a_device_publishes_its_own_epochs_only(a: HomeProcess) -> None:
    async with _joined(a) as alice, _joined(a) as eve:
        good = client_pb2.PublishEpochRequest(signed_epoch=alice.epoch(2))
        reply = await alice.stub.PublishEpoch(good, metadata=alice.metadata, timeout=SECONDS)
        assert len(Card.decode(reply.card).epochs) == 2
        call = eve.stub.PublishEpoch(good, metadata=eve.metadata, timeout=SECONDS)
        assert await code_of(call) == grpc.StatusCode.INVALID_ARGUMENT
        other = client_pb2.PublishEpochRequest(signed_epoch=alice.epoch(2))
        call = alice.stub.PublishEpoch(other, metadata=alice.metadata, timeout=SECONDS)
        assert await code_of(call) == grpc.StatusCode.INVALID_ARGUMENT


# ── look-ups ─────────────────────────────────────────────────────────────────────────
async def test_look_ups_reach_both_domains_and_have_one_size(
    a: HomeProcess, b: HomeProcess
) -> None:
    async with _joined(a) as alice, _joined(b) as bob:

        async def look_up(text: str) -> federation_pb2.LookUpReply:
            reply: federation_pb2.LookUpReply = await alice.stub.LookUp(
                federation_pb2.LookUpRequest(address=text), metadata=alice.metadata, timeout=SECONDS
            )
            return reply

        found = await look_up(str(bob.address))
        assert Card.decode(found.card).entries == (bob.entry,)
        own = await look_up(str(alice.address))
        assert Card.decode(own.card).address == alice.address
        nobody = [
            await look_up(text)
            for text in ("nobody@b.example", "nobody@a.example", "no address", "Bob@b.example")
        ]

        assert {reply.card for reply in nobody} == {b""}
        assert {reply.ByteSize() for reply in [found, own, *nobody]} == {16 * 1024}


async def test_a_newer_stream_of_a_device_ends_the_older(a: HomeProcess) -> None:
    async with _joined(a) as alice:
        old = alice.collect()
        await old.until_empty()
        new = alice.collect()
        await new.until_empty()

        with pytest.raises(StreamEnded):
            await old.next()
        await alice.submit(item_for(alice.address))
        got = {(await new.next()).WhichOneof("what") for _ in range(2)}
        assert got == {"arrived", "fate"}


async def test_a_stream_that_waits_is_woken_by_each_arrival(a: HomeProcess, b: HomeProcess) -> None:
    """It looks again for nothing else before its session ends, an hour later."""
    async with _joined(a) as alice, _joined(b) as bob:
        mail = bob.collect()
        await mail.until_empty()

        for _ in range(5):
            item = item_for(bob.address)
            await alice.submit(item)
            assert (await mail.next()).arrived.item.envelope == item.envelope
