"""A computer whose clock is a day behind accuses nobody: its mail waits until the time has come."""

from __future__ import annotations

import pytest

from tests.support.people import DAY, NOW
from tests.support.sending import BOB
from tests.support.watched_domain import alice_and, b_example, send

pytestmark = pytest.mark.anyio


async def test_mail_to_a_contact_waits_for_the_clock_and_is_held_for_nobody() -> None:
    domain, _ = b_example()
    async with alice_and(domain) as account:
        assert await send(account) == "sent"
        account.clock.at = NOW - DAY
        assert await send(account) == "queued"
        [waiting] = [
            one for one in await account.store.outbox.unsettled() if one.state.value == "queued"
        ]
        assert "the clock of this computer may be behind" in waiting.reason
        assert await account.reports() == []
        assert await account.store.evidence.all() == []

        account.clock.at = NOW + DAY / 2
        account.forget_cards()

        assert [one.queue_id for one in await account.store.outbox.due(account.clock(), 9)] == [
            waiting.queue_id
        ]
        assert (await account.recipients.verified(BOB)).address == BOB
