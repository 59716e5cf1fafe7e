"""What is done from time to time: forget what is settled, delete what nobody needs.

Derived from the rows each time, so a round that is missed is only late.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

import structlog

from mx_core.db.transactions import Transactions
from mx_core.homeserver.mailboxes import deliveries
from mx_core.homeserver.people import meetings
from mx_core.homeserver.queue import keeping, outgoing
from mx_core.homeserver.storage.blobs import BlobStore
from mx_core.model.clock import Now
from mx_core.model.errors import Unavailable

_log = structlog.get_logger()
_ROUND_SECONDS: Final = 600.0
_TIDY_ROUNDS: Final = 144  # once a day


async def keep_up(
    database: Transactions, blobs: BlobStore, stopping: asyncio.Event, *, now: Now
) -> None:
    """Do a round now and every ten minutes, until *stopping*."""
    rounds = 0
    while not stopping.is_set():
        try:
            await one_round(database, blobs, now=now)
            if rounds % _TIDY_ROUNDS == 1:  # never in the hurry of a start
                removed = await blobs.tidy()
                _log.debug("bodies_tidied", files=removed)
        except Unavailable as error:
            _log.warning("upkeep_put_off", error=type(error).__name__)
        rounds += 1
        try:
            async with asyncio.timeout(_ROUND_SECONDS):
                await stopping.wait()
        except TimeoutError:
            continue


async def one_round(database: Transactions, blobs: BlobStore, *, now: Now) -> None:
    """Forget tombstones, submitters, meetings and bodies that nobody asked for; delete settled envelopes, sweep.

    Raises:
        Unavailable: No room, or too busy; the next round tries again.
    """
    at = int(now())
    await database.write(lambda tx: deliveries.forget_tombstones(tx, at))
    await database.write(lambda tx: outgoing.forget_submitted(tx, at))
    await database.write(lambda tx: keeping.forget_old(tx, at))
    await database.write(lambda tx: meetings.forget_old(tx, at))
    for mailbox_id in await database.read(deliveries.partly_acked):
        await database.write(partial(deliveries.settle, mailbox_id=mailbox_id, now=at))
    removed = await blobs.sweep()
    _log.debug("upkeep_done", files=removed)
