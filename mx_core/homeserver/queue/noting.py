"""What became of batches is noted, so that each ends once; several that are back share a transaction.

The rows of what has ended go in the transaction in which their submitters' notices come; the rest is due
again, by the schedule.  Those that come back while a note is stored are noted by the next, together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import sqlalchemy as sa

from mx_core.db.together import Together
from mx_core.db.transactions import Transactions
from mx_core.homeserver.config import Queue
from mx_core.homeserver.mailboxes.arrivals import Arrivals
from mx_core.homeserver.queue import outgoing
from mx_core.homeserver.queue.outgoing import Leaving
from mx_core.homeserver.queue.retry import Outcome, Schedule, TryAgain, settled
from mx_core.model.clock import Now

_BATCHES_AT_ONCE: Final = 16

_Results: TypeAlias = Sequence[tuple[Leaving, Outcome, float]]
_Told: TypeAlias = Sequence[tuple[int, bytes]]


class Notes:
    """Of one queue.  Owner: the event loop."""

    def __init__(
        self, database: Transactions, arrivals: Arrivals, settings: Queue, *, now: Now
    ) -> None:
        self._arrivals = arrivals
        self._longest_delay = settings.longest_delay_seconds
        self._schedule = Schedule(
            settings.first_delay_seconds, settings.longest_delay_seconds, settings.give_up_seconds
        )
        self._now = now
        self._together = Together(database, self._store, self._announce, _BATCHES_AT_ONCE)

    async def take(self, batch: Sequence[Leaving], outcomes: Sequence[Outcome]) -> None:
        """Note durably what became of each of *batch*, and let the submitters know.

        Raises:
            Unavailable: It is not noted: the batch is sent again, and is a duplicate.
        """
        now = self._now()
        await self._together.put(
            [self._judged(*each, now) for each in zip(batch, outcomes, strict=True)]
        )

    def _store(self, tx: sa.Connection, batches: Sequence[_Results]) -> list[_Told]:
        # Crash before the commit: the batches are sent again, and the peers say DUPLICATE.
        every = [each for results in batches for each in results]
        told = outgoing.record(tx, every, self._now())
        return [told, *([()] * (len(batches) - 1))]

    def _announce(self, told: Sequence[_Told]) -> None:
        for mailbox_id in {mailbox_id for each in told for mailbox_id, _ in each}:
            self._arrivals.announce(mailbox_id)

    def _judged(
        self, what: Leaving, what_came: Outcome, now: float
    ) -> tuple[Leaving, Outcome, float]:
        final = settled(
            what_came,
            self._schedule,
            domain=what.destination,
            attempts=what.attempts + 1,
            submitted=what.submitted,
            now=now,
        )
        delay = self._schedule.delay(what.attempts + 1)
        if isinstance(final, TryAgain) and final.seconds > 0:
            delay = min(float(final.seconds), self._longest_delay)
        return what, final, now + delay
