"""What a person may do with mail that waits: look, try now, let it leave in clear, give up."""

from __future__ import annotations

import datetime as dt
from typing import Any

from gateway.accounts.person import Person
from gateway.policy.decide import Frozen
from mx_core.model.ids import QueueId
from mx_core.store.outbox.reader import OutboxItem, State

_CANCELLED = "cancelled by you"
_FREED = "you have let it leave as ordinary email"


async def waiting(person: Person) -> list[dict[str, Any]]:
    """Return the unsettled items of one account, oldest first."""
    return [_shown(item) for item in await person.store.outbox.unsettled()]


async def retry(person: Person, queue_id: QueueId) -> int:
    """Make due now what is deferred, and queue again what is held."""
    tried = 0
    for item in await _of(person, queue_id):
        if item.state is State.HELD:
            tried += await person.store.outbox.release(item.queue_id, item.recipient)
        elif item.state in {State.QUEUED, State.SEALED}:
            tried += await person.store.outbox.hasten(item.queue_id, item.recipient)
    person.outbound.wake()
    return tried


async def cancel(person: Person, queue_id: QueueId) -> int:
    """Settle as failed what the home server does not hold yet."""
    cancelled = 0
    while await person.store.outbox.show_new():
        pass  # so that what is given up can become a draft
    for item in await _of(person, queue_id):
        if item.state is not State.SENT:
            cancelled += await person.store.outbox.failed(
                item.queue_id, item.recipient, _CANCELLED, status="5.0.0"
            )
    return cancelled


async def let_leave(person: Person, queue_id: QueueId) -> int:
    """Let what is held leave as ordinary mail: the person's own word for this message."""
    freed = 0
    for item in await _of(person, queue_id):
        if item.state is State.HELD:
            freed += await person.store.outbox.let_leave(
                item.queue_id, item.recipient, Frozen.OVERRIDE.value, _FREED
            )
    person.outbound.wake()
    return freed


async def _of(person: Person, queue_id: QueueId) -> list[OutboxItem]:
    return [i for i in await person.store.outbox.unsettled() if i.queue_id == queue_id]


def _shown(item: OutboxItem) -> dict[str, Any]:
    return {
        "queue_id": item.queue_id,
        "sender": str(item.sender),
        "recipient": str(item.recipient),
        "state": item.state.value,
        "octets": item.size,
        "accepted": dt.datetime.fromtimestamp(item.created, dt.UTC).isoformat(),
        "next_attempt": dt.datetime.fromtimestamp(item.next_at, dt.UTC).isoformat(),
        "reason": item.reason,
        "policy": item.policy,
        "decision": item.decision,
    }
