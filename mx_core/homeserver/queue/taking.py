"""Submissions become rows that must leave, many at a time.  Jobs for ``Database``.

Invariants: a submission is taken once for its ``env_id`` (``submitted`` remembers it for 30 days);
no more wait of one person than the operator allows; a row is never made without its body.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from enum import Enum, auto
from typing import Any, Final

import sqlalchemy as sa

from mx_core.db.bulk import insert_new, insert_rows
from mx_core.homeserver.mailboxes.appending import Place
from mx_core.homeserver.queue import keeping, statements
from mx_core.homeserver.queue.outgoing import Leaving
from mx_core.homeserver.schema import OUTGOING, SUBMITTED
from mx_core.homeserver.storage.bodies import BlobMissing, take

_REMEMBER_SECONDS: Final = 30 * 86_400


class Taken(Enum):
    """What became of a submission."""

    NEW = auto()
    KNOWN = auto()  # it was taken before
    NO_ROOM = auto()  # too much of its submitter's waits
    NO_BODY = auto()  # its body has not been put


def submit(tx: sa.Connection, items: Sequence[Leaving], at_most: float = math.inf) -> list[Taken]:
    """Take items for sending, with a handful of statements; return what became of each, in order.

    *at_most*: so many may wait, of one person, to leave or to be fetched.
    """
    fresh = _remember(tx, items)
    waiting = _waiting_of(tx, {mailbox_id for mailbox_id, _ in fresh}) if at_most < math.inf else {}
    verdicts: dict[Place, Taken] = {}
    rows: list[dict[str, Any]] = []
    taken: list[Taken] = []
    for what in items:
        place = (what.mailbox_id, what.env_id)
        if place in verdicts or place not in fresh:
            taken.append(_again(verdicts.get(place, Taken.KNOWN)))
            continue
        verdict = Taken.NEW
        if waiting.get(what.mailbox_id, 0) >= at_most:
            verdict = Taken.NO_ROOM
        else:
            try:
                take(tx, what.body)
            except BlobMissing:
                verdict = Taken.NO_BODY
        if verdict is Taken.NEW:
            rows.append(_row(what))
            waiting[what.mailbox_id] = waiting.get(what.mailbox_id, 0) + 1
        verdicts[place] = verdict
        taken.append(verdict)
    refused = [place for place, verdict in verdicts.items() if verdict is not Taken.NEW]
    if refused:
        tx.execute(statements.FORGET, [{"mailbox": box, "env": env} for box, env in refused])
    if rows:
        insert_rows(tx, OUTGOING, rows)
    return taken


def _again(before: Taken) -> Taken:
    """Return what an item hears that came twice at once."""
    return Taken.KNOWN if before is Taken.NEW else before


def _remember(tx: sa.Connection, items: Sequence[Leaving]) -> set[Place]:
    """Note items as submitted; return the places of those that were not known before."""
    notes = {
        (what.mailbox_id, what.env_id): {
            "mailbox_id": what.mailbox_id,
            "env_id": what.env_id,
            "device_id": what.device_id,
            "until": what.submitted + _REMEMBER_SECONDS,
            "destination": what.destination,
        }
        for what in items
    }
    # in one order everywhere: of two processes with the same items neither waits for the other's
    ordered = [notes[place] for place in sorted(notes)]
    new = insert_new(tx, SUBMITTED, ordered, ("mailbox_id", "env_id"))
    return {(mailbox_id, env_id) for mailbox_id, env_id in new}


def _waiting_of(tx: sa.Connection, mailboxes: Collection[int]) -> dict[int, int]:
    """Return how much of each one's waits: to leave, or to be fetched by who was written to."""
    if not mailboxes:
        return {}
    waiting: dict[int, int] = {}
    asked = {"mailboxes": sorted(mailboxes)}
    for statement in (statements.COUNT_OF_SOME, keeping.COUNT_OF_SOME):
        for mailbox_id, count_of_one in statement.rows(tx, asked):
            waiting[mailbox_id] = waiting.get(mailbox_id, 0) + count_of_one
    return waiting


def _row(what: Leaving) -> dict[str, Any]:
    return {
        "mailbox_id": what.mailbox_id,
        "env_id": what.env_id,
        "device_id": what.device_id,
        "destination": what.destination,
        "route": what.route,
        "envelope": what.envelope,
        "body": what.body.inline,
        "blob_id": what.body.blob_id,
        "blob_size": what.body.size if what.body.blob_id else None,
        "token": what.token,
        "postage": what.postage,
        "deliver_by": what.deliver_by,
        "submitted": what.submitted,
        "attempts": what.attempts,
        "next_at": what.submitted,
    }


def is_known(tx: sa.Connection, mailbox_id: int, env_id: bytes) -> bool:
    """Tell whether the envelope was submitted before."""
    asked = {"mailbox": mailbox_id, "env": env_id}
    return tx.execute(statements.IS_KNOWN, asked).one_or_none() is not None
