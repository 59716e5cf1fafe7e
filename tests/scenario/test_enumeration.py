"""A peer that asks for names learns nothing of who is closed: not by an answer, not by its size."""

from __future__ import annotations

import time

import pytest

from mx_core.admission.token import look_up_token, tag_of, token_for, week_of
from mx_core.notation.hashing import b2_plain
from mx_core.proto.federation_pb2 import ACCEPTED, NOT_AVAILABLE, POSTAGE, LookUpRequest
from tests.support.home_device import HomeDevice, item_for
from tests.support.homes import HomeProcess, Homes
from tests.support.plain_peer import NOBODY, close, paid, plain_peer

pytestmark = [pytest.mark.anyio, pytest.mark.fleet]

SECRET = b"\x31" * 32


@pytest.fixture(scope="module")
def b(homes: Homes) -> HomeProcess:
    return homes.make("b.example", "[rates]\nuser_burst = 60\n[limits]\nhello_per_minute = 99\n")


async def test_who_is_closed_is_as_if_they_were_not_except_to_a_contact(b: HomeProcess) -> None:
    async with HomeDevice(b, "carol") as carol, plain_peer(b, "a.example") as peer:
        await carol.join()
        await close(carol, [SECRET])
        closed = str(carol.address)
        tag = tag_of(SECRET, week_of(time.time()))

        answers = [await peer.look_up(name) for name in (closed, NOBODY)]
        assert answers[0] == answers[1] is None
        sizes = [await peer.look_up_size(LookUpRequest(address=name)) for name in (closed, NOBODY)]
        assert sizes == [16 * 1024, 16 * 1024]
        shown = await peer.look_up(closed, token=look_up_token(tag, closed))
        assert shown is not None
        assert await peer.look_up(NOBODY, token=look_up_token(tag, closed)) is None
        assert await peer.look_up(closed, token=look_up_token(tag, NOBODY)) is None

        unpaid = await peer.deliver([item_for(closed), item_for(NOBODY)])
        assert [reply.status for reply in unpaid] == [POSTAGE, POSTAGE]
        assert unpaid[0] == unpaid[1]
        refused = await peer.deliver([paid(item_for(closed)), paid(item_for(NOBODY))])
        assert [reply.status for reply in refused] == [NOT_AVAILABLE, NOT_AVAILABLE]
        assert refused[0] == refused[1]
        contact = item_for(closed)
        contact.token = token_for(tag, b2_plain(contact.envelope), contact.deliver_by)
        [taken] = await peer.deliver([contact])
        assert taken.status == ACCEPTED
