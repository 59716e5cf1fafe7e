"""A long message is sealed a piece at a time into a file, which the parcel's row then keeps."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from gateway.sending.shared_body import SharedBody
from mx_core.carrier_port import Parcel
from mx_core.envelope.format import body_octets, hash_of_body, hash_of_message
from mx_core.envelope.seal import seal_body
from mx_core.model.address import Address
from mx_core.model.ids import EnvId, QueueId
from mx_core.model.message import Submission
from mx_core.model.octets import LONG_OCTETS, pieces, whole
from mx_core.store.account_store import AccountStore
from mx_core.store.bodies.long import LongBody

pytestmark = pytest.mark.anyio

ALICE, BOB, EVE = (Address(name, "a.example") for name in ("alice", "bob", "eve"))
HEAD = b"Subject: long\r\n\r\n"
SIZE = 5 * LONG_OCTETS


def text(size: int) -> bytes:
    return HEAD + (b"0123456789abcdef" * 4 + b"\r\n") * (size // 66)


async def queued(store: AccountStore, size: int = SIZE, *to: Address) -> QueueId:
    long = store.outbox.begin_long()
    for piece in pieces(text(size)):
        long.write(piece)
    submission = Submission(ALICE, to or (BOB,), HEAD, long=long)
    return await store.outbox.accept(submission, message_id=b"1@a.example")


def parcel(to: Address, body: Any) -> Parcel:
    return Parcel(to, EnvId(os.urandom(32)), b"envelope", body, 2_000_000_000)


def files(tmp_path: Path) -> list[Path]:
    return [path for path in tmp_path.rglob("*") if len(path.name) == 32]


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 300_000])
def test_a_body_is_the_same_in_memory_and_in_a_file(size: int, tmp_path: Path) -> None:
    octets = bytes(n % 251 for n in range(size))

    def entropy(count: int) -> bytes:
        return bytes(count)

    held, filed = seal_body(octets, entropy), seal_body(octets, entropy, LongBody(tmp_path))

    assert len(filed.octets) == len(held.octets) == body_octets(size)
    # the stream's header is libsodium's own and differs; what is said of each holds
    for body in (held, filed):
        assert body.hash == hash_of_body(whole(body.octets))
        assert body.text_hash == hash_of_message(octets)


async def test_neither_the_message_nor_its_ciphertext_is_ever_whole_in_memory(
    store: AccountStore,
) -> None:
    queue_id = await queued(store, 8 * SIZE)
    shared = SharedBody(await store.outbox.content(queue_id), store.outbox.begin_long)
    tracemalloc.start()
    try:
        sealed = await shared.for_recipient(hidden=False)
        assert sum(map(len, pieces(sealed.octets))) == len(sealed.octets)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert sealed.length == len(text(8 * SIZE))
    assert most < SIZE
    shared.end()


async def test_the_file_is_the_parcels_and_stays_or_nobodys_and_goes(
    store: AccountStore, tmp_path: Path
) -> None:
    queue_id = await queued(store, SIZE, BOB, EVE)
    shared = SharedBody(await store.outbox.content(queue_id), store.outbox.begin_long)
    sealed = await shared.for_recipient(hidden=False)
    assert await store.outbox.seal(queue_id, BOB, parcel(BOB, sealed.octets))
    assert await store.outbox.seal(queue_id, EVE, parcel(EVE, sealed.octets))
    await shared.for_recipient(hidden=True)  # given up before anybody kept it
    assert len(files(tmp_path)) == 3
    shared.end()

    assert len(files(tmp_path)) == 2
    for who in (BOB, EVE):
        kept = await store.outbox.parcel(queue_id, who)
        assert kept is not None
        assert hash_of_body(whole(kept.body)) == sealed.hash


async def test_octets_that_are_being_read_stay_readable_when_their_message_is_given_up(
    store: AccountStore, tmp_path: Path
) -> None:
    queue_id = await queued(store)
    octets = await store.outbox.content(queue_id)
    for path in files(tmp_path):
        path.unlink()

    assert octets[len(octets) - 66 :] == text(SIZE)[-66:]
