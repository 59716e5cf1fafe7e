"""One look for all who ask at the same time, and each waits for as long as it would have waited alone."""

import asyncio
from typing import Any

import pytest

from gateway.policy.decide import Reach
from gateway.sending.reaching import Reaching
from mx_core.model.address import Address
from mx_core.model.errors import UnknownRecipient, Untrusted

pytestmark = pytest.mark.anyio

BOB, CARL = Address.parse("bob@b.example"), Address.parse("carl@c.example")


class Looking:
    """``Recipients`` whose answers come when they are told to."""

    def __init__(self) -> None:
        self.asked: list[Address] = []
        self.answers: list[asyncio.Future[Any]] = []

    async def verified(self, address: Address) -> Any:
        self.asked.append(address)
        self.answers.append(asyncio.get_running_loop().create_future())
        return await self.answers[-1]

    async def is_known(self, _address: Address) -> bool:
        return False


def reaching(looking: Looking) -> Reaching:
    recipients: Any = looking
    return Reaching(recipients)


async def begun(looking: Looking, many: int) -> None:
    while len(looking.asked) < many:
        await asyncio.sleep(0)


async def test_who_asks_while_the_same_person_is_looked_up_shares_the_look() -> None:
    looking = Looking()
    over = reaching(looking)
    asking = [asyncio.create_task(over.look(BOB, 60.0)) for _ in range(100)]
    other = asyncio.create_task(over.look(CARL, 60.0))
    await begun(looking, 2)
    for answer in looking.answers:
        answer.set_result(object())

    assert {found.reach for found in await asyncio.gather(*asking, other)} == {Reach.SECURE}
    assert looking.asked == [BOB, CARL]


@pytest.mark.parametrize(
    ("error", "reach"),
    [(UnknownRecipient("nobody"), Reach.UNKNOWN), (Untrusted("fork", "two"), Reach.UNPROVEN)],
)
async def test_what_went_wrong_is_everybodys_answer(error: Exception, reach: Reach) -> None:
    looking = Looking()
    over = reaching(looking)
    asking = [asyncio.create_task(over.look(BOB, 60.0)) for _ in range(3)]
    await begun(looking, 1)
    looking.answers[0].set_exception(error)

    assert [found.reach for found in await asyncio.gather(*asking)] == [reach] * 3
    assert looking.asked == [BOB]


async def test_who_asks_later_is_given_no_old_answer() -> None:
    looking = Looking()
    over = reaching(looking)
    for expected in (1, 2):
        asking = asyncio.create_task(over.look(BOB, 60.0))
        await begun(looking, expected)
        looking.answers[-1].set_result(object())
        await asking

    assert looking.asked == [BOB, BOB]


async def test_one_who_leaves_takes_the_look_from_nobody() -> None:
    looking = Looking()
    over = reaching(looking)
    first, second = (asyncio.create_task(over.look(BOB, 60.0)) for _ in range(2))
    await begun(looking, 1)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    looking.answers[0].set_result(object())

    assert (await second).reach is Reach.SECURE
    assert looking.asked == [BOB]


async def test_a_look_that_nobody_waits_for_ends_and_the_next_one_begins_anew() -> None:
    looking = Looking()
    over = reaching(looking)
    first = asyncio.create_task(over.look(BOB, 60.0))
    await begun(looking, 1)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    asking = asyncio.create_task(over.look(BOB, 60.0))
    await begun(looking, 2)
    looking.answers[1].set_result(object())

    assert looking.answers[0].cancelled()
    assert (await asking).reach is Reach.SECURE


async def test_each_waits_for_as_long_as_it_may() -> None:
    looking = Looking()
    over = reaching(looking)
    patient = asyncio.create_task(over.look(BOB, 60.0))
    await begun(looking, 1)
    hasty = await over.look(BOB, 0.0)
    looking.answers[0].set_result(object())

    assert hasty.reach is Reach.UNREACHABLE
    assert (await patient).reach is Reach.SECURE
    assert looking.asked == [BOB]
