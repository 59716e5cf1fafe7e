"""A long message is opened in pieces, into the file that its row then names; nothing else stays."""

import tracemalloc
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.arriving.inbound import Inbound
from gateway.arriving.status_block import parse
from mx_core import carrier_port
from mx_core.model.octets import LONG_OCTETS
from mx_core.store.bodies.long import LongBody
from tests.support.arriving import Room, arrival, in_mailbox, running
from tests.support.people import make_person

HEAD = b"From: mallory@c.example\r\nSubject: long\r\nMX-Status: forged\r\n\r\n"
TEXT = HEAD + (b"a line of a long message" * 3 + b"\r\n") * (3 * LONG_OCTETS // 70)
CUTS = 100_000


def files(room: Room) -> list[Path]:
    return list((room.store.folder / "bodies").iterdir())


def long_arrival(
    room: Room, sequence: int = 1, text: bytes = TEXT, altered: int = 0
) -> tuple[carrier_port.Arrival, LongBody]:
    """What the carrier gives, and what it lets go of when the next delivery is asked for."""
    given = arrival(sequence, make_person(), room.bob, text)
    body = bytearray(given.body[0 : len(given.body)])
    body[len(body) // 2] ^= altered
    spool = room.store.intake.begin_long()
    for at in range(0, len(body), CUTS):
        spool.write(bytes(body[at : at + CUTS]))
    return replace(given, body=spool.octets()), spool


async def acknowledged(room: Room, count: int) -> None:
    async def story(_: Inbound) -> None:
        while len(room.carrier.acknowledged) < count:
            room.carrier.acked.clear()
            await room.carrier.acked.wait()

    await running(room, story)


@pytest.mark.anyio
async def test_it_is_stored_to_the_octet_under_a_status_that_has_read_its_header(
    room: Room,
) -> None:
    given, spool = long_arrival(room)
    room.carrier.gives = [given]
    await acknowledged(room, 1)
    spool.discard()

    [octets] = await in_mailbox(room, "INBOX")
    status = octets[: -len(TEXT)]
    known = parse(status)
    assert octets.endswith(TEXT)
    assert known is not None
    assert {"from-differs", "forged-status"} <= set(known.notes)
    assert len(files(room)) == 1


@pytest.mark.anyio
async def test_it_reads_as_a_short_one_does(room: Room) -> None:
    """The same message, given whole, has the same status and form."""
    known = arrival(3, make_person(), room.bob)  # who writes first is told of
    given, spool = long_arrival(room)
    whole = arrival(2, make_person(), room.bob, TEXT)
    room.carrier.gives = [known, given, whole]
    await acknowledged(room, 3)
    spool.discard()

    _, first, second = await in_mailbox(room, "INBOX")
    assert first == second


@pytest.mark.anyio
async def test_what_comes_again_is_stored_once_and_leaves_no_file(room: Room) -> None:
    given, spool = long_arrival(room)
    room.carrier.gives = [given, replace(given, sequence=2)]
    await acknowledged(room, 2)
    spool.discard()

    assert await room.inbox() == 1
    assert len(files(room)) == 1


@pytest.mark.anyio
async def test_what_was_altered_on_its_way_is_refused_and_leaves_no_file(room: Room) -> None:
    given, spool = long_arrival(room, altered=1)
    room.carrier.gives = [given]
    await acknowledged(room, 1)
    spool.discard()

    assert [each.failure for each in await room.store.inbox.refusals()] == ["body-hash"]
    assert files(room) == []


@pytest.mark.anyio
async def test_what_cannot_be_judged_yet_is_kept_as_the_file_it_came_in(room: Room) -> None:
    room.discovery.answers = False
    given, spool = long_arrival(room)
    [came_in] = files(room)
    room.carrier.gives = [given]
    await acknowledged(room, 1)
    spool.discard()
    kept, waits = files(room), await room.inbox()
    room.discovery.answers = True
    room.bob.first.epochs.clear()  # the store holds them already
    found = await room.store.intake.get(given.env_id)
    assert found is not None
    await (await room.inbound()).receive(replace(given, body=found.body))
    await room.store.intake.drop(given.env_id)

    assert (kept, waits) == ([came_in], 0)
    assert [octets.endswith(TEXT) for octets in await in_mailbox(room, "INBOX")] == [True]
    assert len(files(room)) == 1
    assert files(room) != [came_in]


@pytest.mark.anyio
async def test_little_of_it_is_in_memory_at_any_time(room: Room) -> None:
    text = HEAD + b"x" * 76 + b"\r\n" * 1 + (b"y" * 76 + b"\r\n") * 130_000
    given, spool = long_arrival(room, text=text)
    inbound = await room.inbound()
    tracemalloc.start()
    try:
        await inbound.receive(given)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    spool.discard()

    assert await room.inbox() == 1
    assert len(text) > 10_000_000
    assert peak < 5_000_000
