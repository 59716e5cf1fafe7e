"""Forms and keys of new messages that are made after the answer to whoever brought them.

APPEND promises that octets are kept; what follows from them alone can be made at any time.  So a
program that copies mail in waits for the octets only, and many messages are prepared in one
transaction.  How many may wait is bounded: a search by header prepares each of them for itself.
docs/decisions/0022-forms-after-the-answer.md

Crash with some waiting: the next open makes them (``fill``), and looks no further back than an open
that found none missing.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from mx_core.db import failpoint
from mx_core.mime.header_keys import header_keys
from mx_core.mime.prepare import prepare
from mx_core.model.ids import MessageId
from mx_core.store.bodies.body import BodyReader
from mx_core.store.forms import header_key, runs
from mx_core.store.forms import row as form_row

if TYPE_CHECKING:
    import sqlalchemy as sa

LONG_OCTETS: Final = 256 * 1024  # a longer message has its form before it is stored
WAITING_MAX: Final = 512
_OCTETS_MAX: Final = 8 * 1024 * 1024
AT_ONCE: Final = 32  # are made in one step: some 20 ms
_OCTETS_AT_ONCE: Final = 1024 * 1024
LOOKED_AT_AGAIN: Final = 1_024  # so many newest ones may be at each open: a millisecond
_COMPLETE_TO: Final = "forms.complete_to"  # the setting: up to that id nothing is missing


class LateForms:
    """Which messages wait.  Owner: the writer's thread; ``may_wait`` is for any."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[MessageId, int]] = deque()  # with their octets; ids rise
        self._octets = 0

    def may_wait(self, sizes: Sequence[int]) -> list[bool]:
        """Tell of new messages of so many octets whether each may come without its form."""
        room, left = WAITING_MAX - len(self._waiting), _OCTETS_MAX - self._octets
        waits: list[bool] = []
        for octets in sizes:
            waits.append(room > 0 and octets <= min(left, LONG_OCTETS))
            if waits[-1]:
                room, left = room - 1, left - octets
        return waits

    @property
    def full(self) -> bool:
        """Tell whether enough wait."""
        return len(self._waiting) >= WAITING_MAX or self._octets >= _OCTETS_MAX

    def note(self, messages: Iterable[tuple[MessageId, int]]) -> None:
        """Note messages, and their octets, that a job has stored without a form.

        If that is undone after all, nothing is made of them: ``make`` looks.
        """
        for message, octets in messages:
            self._waiting.append((message, octets))
            self._octets += octets

    def let_go(self, connection: sa.Connection) -> None:
        """Let go of those that a job has expunged: of these nothing is made.

        Whoever still sees one is told the same from its octets.  If the job is undone after all, so is
        everybody, until the next open.
        """
        if not self._waiting:
            return
        gone = set(
            connection.exec_driver_sql(
                "SELECT message FROM expunged WHERE message >= ?", (self._waiting[0][0],)
            ).scalars()
        )
        if gone:
            self._waiting = deque(each for each in self._waiting if each[0] not in gone)
            self._octets = sum(octets for _, octets in self._waiting)

    def before(self, newest: int) -> int:
        """Return *newest*, or the last id before all that wait: up to there forms may be packed."""
        return min(newest, self._waiting[0][0] - 1) if self._waiting else newest

    def make(self, connection: sa.Connection, bodies: BodyReader) -> bool:
        """Make some; tell if more may be left.

        If that is undone, by a full disk, they are read from their octets until the next open.
        """
        some: list[MessageId] = []
        read = 0
        while self._waiting and len(some) < AT_ONCE and read < _OCTETS_AT_ONCE:
            message, octets = self._waiting.popleft()
            self._octets -= octets
            read += octets
            some.append(message)
        complete(connection, bodies, _unmade(connection, some))
        # Crash before the commit: they are without a form, as they were.
        failpoint.reach("forming")
        return bool(self._waiting)


def complete(connection: sa.Connection, bodies: BodyReader, messages: Sequence[MessageId]) -> None:
    """Store the keys of *messages*, which have none, and the forms of those that have none."""
    rows = connection.exec_driver_sql(
        "SELECT message.id, body FROM json_each(?) AS asked"
        " JOIN message ON message.id = asked.value",
        (json.dumps(list(messages)),),
    ).all()
    known = runs.forms(connection, messages)
    made, keys = [], []
    for message, body in rows:
        form = known.get(message)
        if form is None:
            octets = bodies.octets(body)
            form = prepare(octets)
            made.append(form_row.to_row(message, form, octets))
        else:
            octets = bodies.octets(body, 0, form.header_end)
        keys.append((message, form.keys or header_keys(octets, form)))
    if made:
        connection.exec_driver_sql(form_row.INSERT, made)
    if keys:
        header_key.insert(connection, keys)


def fill(connection: sa.Connection, bodies: BodyReader, after: int, limit: int) -> int | None:
    """Complete up to *limit* messages above id *after*; return the last one looked at.

    None when no message above is without keys.
    """
    messages: Sequence[MessageId] = (
        connection.exec_driver_sql(
            "SELECT message.id FROM message LEFT JOIN header_key ON header_key.message = message.id"
            " WHERE message.id > ? AND header_key.message IS NULL ORDER BY message.id LIMIT ?",
            (after, limit),
        )
        .scalars()
        .all()
    )
    complete(connection, bodies, messages)
    return messages[-1] if messages else None


def complete_to(connection: sa.Connection) -> int:
    """Return the id up to which an open before has found nothing missing."""
    octets = connection.exec_driver_sql(
        "SELECT octets FROM setting WHERE name = ?", (_COMPLETE_TO,)
    ).scalar()
    return int(octets or 0)


def note_complete(connection: sa.Connection) -> None:
    """Note, at an open that has found no message without keys, that the next looks at newer ones.

    Keys stay as long as their message.  Crash before the commit: the next open looks at as many.
    """
    newest = connection.exec_driver_sql("SELECT newest_message FROM clock").scalar() or 0
    if newest > complete_to(connection) + LOOKED_AT_AGAIN:
        connection.exec_driver_sql(
            "INSERT OR REPLACE INTO setting VALUES (?, ?)", (_COMPLETE_TO, b"%d" % newest)
        )


def _unmade(connection: sa.Connection, messages: Sequence[MessageId]) -> Sequence[MessageId]:
    unmade: Sequence[MessageId] = (
        connection.exec_driver_sql(
            "SELECT message.id FROM json_each(?) AS asked JOIN message ON message.id = asked.value"
            " WHERE NOT EXISTS (SELECT 1 FROM header_key WHERE header_key.message = message.id)",
            (json.dumps(list(messages)),),
        )
        .scalars()
        .all()
    )
    return unmade
