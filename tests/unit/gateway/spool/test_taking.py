"""From the spool into the outbox: what is refused, held, taken once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from nacl.public import PrivateKey

from gateway.spool.folder import Spool
from gateway.spool.letter import Letter, sealed
from gateway.spool.taking import Taking
from mx_core.model.address import Address
from mx_core.model.errors import PeerUnreachable, Refused
from smtp_in.limits import Limits
from tests.support.sending import ALICE, BOB, DORA, SendingAccount, sending_account

pytestmark = pytest.mark.anyio

KEY = PrivateKey(bytes(range(32)))
NAME = "0" * 19 + "7"
TEXT = f"From: Alice <{ALICE}>\r\nBcc: {BOB}\r\nSubject: x\r\n\r\nhello\r\n".encode()


@dataclass
class Me:
    """Alice, as letters find her."""

    outbox: Any
    address: Address = ALICE

    def may_send_as(self, sender: Address) -> bool:
        return sender.canonical() == self.address


@dataclass
class Room:
    """Alice's account, and the spool before it."""

    alice: SendingAccount
    spool: Spool
    taking: Taking

    def hand_over(self, *to: Address, octets: bytes = TEXT, sender: str = "") -> None:
        letter = Letter(sender, tuple(map(str, to)), octets)
        self.spool.put(NAME, sealed(letter, KEY.public_key))

    async def queue(self) -> list[tuple[str, str, str]]:
        await self.alice.store.outbox.show_new()
        items = await self.alice.store.outbox.unsettled()
        return [(item.queue_id, str(item.recipient), item.state.value) for item in items]


@asynccontextmanager
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with sending_account(relay=False) as alice:
        me = Me(alice.outbox)

        def find(address: Address) -> Me:
            if address.canonical() != ALICE:
                raise Refused(f"{address} is no account of this gateway")
            return me

        spool = Spool(tmp_path / "spool")
        spool.publish(KEY.public_key)
        yield Room(alice, spool, Taking(spool, KEY, find, Limits()))


async def test_a_letter_is_in_the_outbox_before_it_leaves_the_spool_and_bcc_is_gone(
    tmp_path: Path,
) -> None:
    async with room(tmp_path) as here:
        here.hand_over(BOB)
        given = await here.taking.take(NAME)

        assert await here.queue() == [(NAME, str(BOB), "queued")]
        assert here.spool.names() == []
        octets = await here.alice.store.outbox.octets(given)
        assert b"Bcc" not in octets
        assert octets.endswith(b"hello\r\n")


@pytest.mark.parametrize(
    ("to", "sender", "octets"),
    [
        (DORA, "", TEXT),  # not on the network, and no rule lets it leave in clear
        (BOB, "eve@e.example", TEXT),
        (BOB, "", TEXT.replace(str(ALICE).encode(), b"eve@e.example")),
        (BOB, "", TEXT.replace(b"From:", b"X-From:")),
        (BOB, "", b"a\0b"),
    ],
)
async def test_who_waits_is_told_and_nothing_stays(
    tmp_path: Path, to: Address, sender: str, octets: bytes
) -> None:
    async with room(tmp_path) as here:
        here.hand_over(to, sender=sender, octets=octets)

        with pytest.raises(Refused):
            await here.taking.take(NAME)
        assert here.spool.names() == []
        assert await here.queue() == []


async def test_where_nobody_waits_what_would_be_refused_is_held_with_one_report(
    tmp_path: Path,
) -> None:
    async with room(tmp_path) as here:
        here.hand_over(BOB, DORA)
        await here.taking._take_in(NAME)

        assert await here.queue() == [(NAME, str(BOB), "queued"), (NAME, str(DORA), "held")]
        [report] = await here.alice.reports()
        assert b"dora@old.example" in report
        assert here.spool.names() == []


async def test_a_letter_that_was_taken_in_before_a_crash_is_known_by_its_name(
    tmp_path: Path,
) -> None:
    """A kill between the commit and the removal leaves the file: it must not be sent twice."""
    async with room(tmp_path) as here:
        for _ in range(2):
            here.hand_over(BOB, DORA)
            await here.taking._take_in(NAME)

        assert len(await here.queue()) == 2
        assert len(await here.alice.reports()) == 1


async def test_whose_keys_cannot_be_had_now_stays_in_the_spool(tmp_path: Path) -> None:
    async with room(tmp_path) as here:
        here.alice.network.faults["b.example"] = PeerUnreachable("silence")
        here.hand_over(BOB)
        await here.taking._take_in(NAME)
        waiting = here.spool.names(), await here.queue()
        here.alice.network.faults.clear()
        await here.taking._take_in(NAME)

        assert waiting == ([NAME], [])
        assert await here.queue() == [(NAME, str(BOB), "queued")]


async def test_what_does_not_open_is_set_aside_and_the_others_go_on(tmp_path: Path) -> None:
    async with room(tmp_path) as here:
        here.spool.put("0" * 20, b"no box of ours")
        here.hand_over(BOB)
        for name in here.spool.names():
            await here.taking._take_in(name)

        assert await here.queue() == [(NAME, str(BOB), "queued")]
        assert here.spool.names() == []
        assert (tmp_path / "spool" / f"{'0' * 20}.unreadable").exists()
