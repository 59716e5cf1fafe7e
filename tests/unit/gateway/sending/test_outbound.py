"""The flow out, over a real store, with a carrier that answers while something else happens."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest
from typing_extensions import override

from gateway.config import Sending
from gateway.sending.franking import Franking
from gateway.sending.outbound import Outbound
from gateway.sending.sealing import DELIVER_BY_SECONDS
from mx_core import carrier_port
from mx_core.envelope.seal import Sender
from mx_core.model.address import Address
from mx_core.model.errors import MailError, PeerUnreachable, Refused, Untrusted
from mx_core.model.ids import EnvId
from mx_core.model.mailbox_name import INBOX
from mx_core.model.message import Submission
from mx_core.model.stamp import UNSTAMPED, Stamp
from mx_core.store.account_store import AccountStore
from mx_core.store.outbox.reader import State
from tests.support.sending import ordinary_mail
from tests.support.stores import START, Clock

pytestmark = pytest.mark.anyio

ALICE = Address("alice", "a.example")
BOB = Address("bob", "b.example")
CAROL = Address("carol", "c.example")


class RacingCarrier(carrier_port.Carrier):
    """Refuses a parcel of which the network has said meanwhile that it was relayed."""

    def __init__(self, store: AccountStore, error: MailError) -> None:
        self.sent: list[Address] = []
        self._store = store
        self._error = error

    @override
    async def resolve(self, recipient: Address, log_size: int = 0, token: bytes = b"") -> bytes:
        raise PeerUnreachable("nobody looks up here")

    @override
    async def send(self, parcel: carrier_port.Parcel, stamp: Stamp = UNSTAMPED) -> None:
        self.sent.append(parcel.recipient)
        if parcel.recipient == BOB:
            assert await self._store.outbox.relayed(parcel.env_id)
            raise self._error

    @override
    async def collect(self) -> AsyncGenerator[carrier_port.Delivery, None]:
        await asyncio.Event().wait()
        yield carrier_port.QueueEmpty()

    @override
    async def acknowledge(self, sequences: Sequence[int]) -> None:
        raise AssertionError("nothing arrives here")

    @override
    async def limit(self) -> int:
        return 1 << 20


async def nobody() -> Sender:
    raise AssertionError("nothing is sealed here")


async def sealed_for(store: AccountStore, recipient: Address, mark: bytes, due: int) -> None:
    queue_id = await store.outbox.enqueue(Submission(ALICE, (recipient,), b"Subject: x\r\n\r\n"))
    parcel = carrier_port.Parcel(
        recipient, EnvId(mark * 32), b"e", b"b", START + DELIVER_BY_SECONDS
    )
    assert await store.outbox.seal(queue_id, recipient, parcel)
    assert await store.outbox.defer(queue_id, recipient, due, "")


@pytest.mark.parametrize("error", [Refused("no"), Untrusted("leaf-key"), PeerUnreachable("away")])
async def test_a_fate_that_comes_while_its_item_is_tried_ends_nothing_and_tells_nothing_else(
    store: AccountStore, error: MailError
) -> None:
    carrier = RacingCarrier(store, error)
    recipients: Any = None  # what is sealed already asks nobody
    clock = Clock()
    ordinary = ordinary_mail(store, recipients)
    franking = Franking(store.secrets, store.contacts, clock)
    outbound = Outbound(
        store.outbox,
        recipients,
        carrier,
        nobody,
        Sending(),
        clock,
        ordinary,
        franking,
        store.receipts,
    )
    await sealed_for(store, BOB, b"1", START)
    await sealed_for(store, CAROL, b"2", START + 60)
    running = asyncio.create_task(outbound.run())
    async with asyncio.timeout(20):
        while len(await store.outbox.unsettled()) == 2:
            await asyncio.sleep(0.01)
        clock.at += 60
        outbound.wake()
        while [item.state for item in await store.outbox.unsettled()] != [State.SENT]:
            await asyncio.sleep(0.01)
    alive = not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert alive
    assert carrier.sent == [BOB, CAROL]
    assert (await store.mail.read(lambda reader: reader.mailbox(INBOX))).messages == 0
