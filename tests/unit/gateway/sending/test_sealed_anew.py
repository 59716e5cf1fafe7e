"""Mail that a lost device had the keys of: sealed anew, and read once."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest
from msgspec.structs import replace

from mx_core.envelope.open import open_control
from mx_core.model.errors import PeerUnreachable, Untrusted
from mx_core.model.mailbox_name import GATEWAY, INBOX
from mx_core.passport.unreadable import Unreadable
from mx_core.store.outbox.reader import State
from mx_core.trust.pin import Pin, Tier
from tests.support.anew import BobsDevice, Post, post_of
from tests.support.people import DAY
from tests.support.sending import BOB
from tests.support.torture import Measure, Sweep

pytestmark = pytest.mark.anyio
HOUR = 3_600
LIVES_IN_FULL = 40
SOURCES = (
    *("mx_core/envelope", "mx_core/passport", "mx_core/store", "gateway/arriving"),
    *("gateway/own", "gateway/sending", "tests/support/anew.py"),
    "tests/unit/gateway/sending/test_sealed_anew.py",
)


async def msg_ids(post: Post, device: BobsDevice) -> set[bytes]:
    """Return the msg_ids of all that the newest device could open."""
    found = set()
    for parcel in post.seen:
        try:
            opened = open_control(parcel.envelope, await device.epochs.secrets())
        except Untrusted:
            continue  # sealed to another device
        found.add(bytes(opened.claimed.msg_id))
    return found


async def test_what_was_sealed_to_a_lost_device_by_an_old_card_comes_to_the_new_one_once(
    tmp_path: Path,
) -> None:
    async with post_of(tmp_path) as post:
        await post.first_device()
        await post.write("known")
        await post.carry()
        post.waiting.clear()
        new = await post.recovered(None)
        await post.write("by-the-old-card")
        await post.carry()
        await new.collect()
        unread = await new.subjects()
        for _ in range(3):
            await new.unread.tell_due()
            await post.carry()
            await new.collect()

        assert unread == []
        assert await new.subjects() == [b"by-the-old-card"]
        assert await post.states() == []
        assert len(post.seen) == 3
        assert len(await msg_ids(post, new)) == 1


async def test_relayed_or_not_yet_it_is_sealed_anew_and_what_is_said_of_the_old_envelope_is_nothing(
    tmp_path: Path,
) -> None:
    async with post_of(tmp_path) as post:
        await post.first_device()
        await post.write("one")
        await post.carry(tell=False)
        new = await post.recovered(None)
        await new.collect()
        await new.unread.tell_due()
        [old] = post.seen
        queued = await post.states()
        # the notice that it was relayed comes late
        await post.alice.outbound.settle_relayed(old.env_id)
        still = await post.states()
        await post.carry()
        await new.collect()

        assert queued == still == [State.QUEUED]
        assert await new.subjects() == [b"one"]
        assert await post.states() == []


async def test_no_word_but_that_of_a_present_device_about_this_envelope_has_anything_sealed(
    tmp_path: Path,
) -> None:
    async with post_of(tmp_path) as post:
        first = await post.first_device()
        await post.write("one")
        await post.carry()
        [parcel] = post.seen
        new = await post.recovered(None)
        own, key = new.own, new.own.signing_key.reveal()
        good = Unreadable(parcel.env_id, own.pid, own.device_id)
        lost = Unreadable(parcel.env_id, own.pid, first.own.device_id)
        stranger = Unreadable(parcel.env_id, post.writer.pid, own.device_id)
        words = [
            lost.signed(first.own.signing_key.reveal()),
            good.signed(post.writer.first.key),
            stranger.signed(key),
            Unreadable(type(parcel.env_id)(bytes(32)), own.pid, own.device_id).signed(key),
            b"no word",
        ]
        for word in words:
            await post.alice.outbound.returning.hear(parcel.env_id, word)
            await post.carry()

        assert post.seen == [parcel]
        assert await post.states() == []


async def test_after_three_times_the_sender_is_told_and_nothing_more_is_sealed(
    tmp_path: Path,
) -> None:
    async with post_of(tmp_path) as post:
        await post.first_device()
        await post.write("one")
        await post.carry()
        for _ in range(5):  # each time the device is lost before it has fetched anything
            new = await post.recovered(None)
            await new.collect()
            await new.unread.tell_due()
            await post.carry()
            post.true.at += HOUR
        [report] = await post.alice.reports()

        assert len(post.seen) == 4
        assert b"bob@b.example can not read your message" in report
        assert await post.states() == []


async def test_who_compared_keys_decides_before_it_is_sealed_to_the_new_device(
    tmp_path: Path,
) -> None:
    async with post_of(tmp_path) as post:
        await post.first_device()
        await post.write("one")
        await post.carry()
        await verify(post)
        new = await post.recovered(None)
        await new.collect()
        await new.unread.tell_due()
        await post.carry()
        held = await post.states()
        await post.alice.recipients.accepted(BOB)
        for item in await post.alice.store.outbox.unsettled():
            assert await post.alice.store.outbox.release(item.queue_id, item.recipient)
        await post.carry()
        await new.collect()

        assert held == [State.HELD]
        assert len(await post.alice.reports()) == 1
        assert await new.subjects() == [b"one"]


async def verify(post: Post) -> None:
    """Let Alice have compared keys with Bob."""
    contact = await post.alice.store.contacts.get(BOB)
    assert contact is not None
    pin = replace(Pin.decode(contact.pin), tier=Tier.VERIFIED)
    await post.alice.store.contacts.put(replace(contact, pin=pin.encode()))


async def test_what_its_sender_keeps_no_more_is_told_on_both_sides(tmp_path: Path) -> None:
    async with post_of(tmp_path) as post:
        await post.first_device()
        for subject in ("kept-here-no-more", "known-there-no-more"):
            await post.write(subject)
            await post.carry()
        post.true.at += 20 * DAY
        await post.alice.store.outbox.forget_kept(post.true() + 1)
        post.submitted[post.seen[1].env_id] -= 11 * DAY
        new = await post.recovered(None)
        await new.collect()
        await new.unread.tell_due()
        await new.unread.tell_due()

        [report] = await post.alice.reports()
        assert b"its text is kept here no longer" in report.replace(b"=\r\n", b"")
        assert await new.subjects(GATEWAY) == [b"Mail that can not be opened"]
        assert len(post.seen) == 2


async def test_while_the_other_server_is_away_it_is_said_again(tmp_path: Path) -> None:
    async with post_of(tmp_path) as post:
        await post.first_device()
        await post.write("one")
        await post.carry()
        new = await post.recovered(None)
        post.alice.network.faults[str(BOB)] = PeerUnreachable("away")
        await new.collect()
        for _ in range(4):
            await new.unread.tell_due()
            new.clock.at += HOUR
        post.alice.network.faults.clear()
        await new.unread.tell_due()
        await post.carry()
        await new.collect()

        assert await new.subjects() == [b"one"]


@pytest.mark.crash  # ninety days with lost devices are a sweep, not a unit
@pytest.mark.parametrize("seed", [0, 2])
async def test_every_message_is_opened_once_whatever_happens_to_devices(
    tmp_path: Path, seed: int
) -> None:
    await lived_through(tmp_path, seed)


@pytest.mark.torture
@pytest.mark.timeout(0)
def test_every_message_is_opened_once_in_full(tmp_path: Path) -> None:
    def step(seed: int) -> dict[str, float]:
        folder = tmp_path / str(seed)
        folder.mkdir()
        return asyncio.run(lived_through(folder, seed))

    Sweep(
        "sealed-anew",
        LIVES_IN_FULL,
        (
            Measure("messages", "messages", "higher"),
            Measure("sealed", "envelopes", "higher"),
            Measure("lost and told", "messages", "lower"),
        ),
        SOURCES,
    ).run(step)


async def lived_through(folder: Path, seed: int) -> dict[str, float]:
    """Clocks off by a day, sixty days offline, a device lost twice, restored or not, servers away.

    A sender whose clock is behind by a day seals nothing until it is right: ahead only.  What
    a lost device had taken since the backup is lost with it, and counts as opened.
    """
    chance = random.Random(seed)
    async with post_of(folder) as post:
        post.alice.clock.at += chance.choice([0, DAY])
        device = await post.first_device(chance.choice([-DAY, 0, DAY]))
        asleep = chance.randrange(2, 20)
        awake = asleep + (60 if seed % 4 == 0 else chance.randrange(1, 25))
        losses = {chance.randrange(3, 80), awake - 1}
        backup, read, opened, written = None, set[bytes](), set[bytes](), set[bytes]()
        told = 0  # notes that somebody could read, on a device that was lost later too
        for day in range(90):
            post.true.at += DAY
            post.alice.clock.at += DAY
            device.clock.at += DAY
            if chance.random() < 0.2:
                post.alice.network.faults[str(BOB)] = PeerUnreachable("away")
            else:
                post.alice.network.faults.clear()
            if day < 85 and chance.random() < 0.5:
                await post.write(f"letter-{day}")
                written.add(f"letter-{day}".encode())
            await post.carry(tell=chance.random() < 0.9)
            await post.alice.store.outbox.forget_kept(post.true() - 30 * DAY)
            if day in losses:
                opened |= await device.had()
                told += len(await device.subjects(GATEWAY))
                device = await post.recovered(backup if chance.random() < 0.6 else None)
                read = set(await device.subjects())
            elif asleep <= day < awake:
                continue
            if chance.random() < 0.7:
                await device.collect()
                await device.unread.tell_due()
            if chance.random() < 0.2:
                backup = await post.backed_up(device)
        post.alice.network.faults.clear()
        for _ in range(60):
            post.true.at += HOUR
            post.alice.clock.at += HOUR
            device.clock.at += HOUR
            for parcel in post.seen:
                await post.alice.outbound.settle_relayed(parcel.env_id)
            await post.carry()
            await device.collect()
            await device.unread.tell_due()

        came = Counter(await device.subjects(INBOX))
        told += len(await device.subjects(GATEWAY)) + len(await post.alice.reports())
        lost = written - opened - set(came)
        assert max(came.values()) == 1, "twice"
        assert read <= set(came)
        assert not lost or told, "lost, and nobody was told"
        assert len(lost) <= len(
            [at for at in post.submitted.values() if at + 30 * DAY < post.true()]
        )
        assert await post.states() == []
        return {"messages": len(written), "sealed": len(post.seen), "lost and told": len(lost)}
