"""What rides on write jobs, or is done when there is time: sweeping, keys, forms and their runs, bodies' files.

No job needs it, and each takes milliseconds, so a lone change, for which the loop waits, leaves it
to the next job that is the writer's.  Owned by whoever's turn it is to write.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mx_core.model.change import MailboxGone, MessagesExpunged
from mx_core.model.clock import Now
from mx_core.store.bodies import moving
from mx_core.store.bodies.body import BodyReader
from mx_core.store.forms import late as late_forms
from mx_core.store.forms import runs
from mx_core.store.forms.late import LateForms
from mx_core.store.mail.reader import Known
from mx_core.store.mail.writer import Writer
from mx_core.store.outbox import box as outbox_box

if TYPE_CHECKING:
    import sqlalchemy as sa

_GRACE_SECONDS: Final = 60
_SWEEP_EVERY_SECONDS: Final = 15
_KEYS_AT_ONCE: Final = 500  # about 50 ms
_SWEEP_MAX: Final = 1_000  # messages for each job, so that no command waits for a large sweep
_SWEEP_RUNS_MAX: Final = 16  # of forms, which are written anew: about 50 ms
_RUNS_WAITING: Final = 2  # of forms, before an arrival packs one and not only whoever has time


class Riding:
    """See the module."""

    def __init__(self, folder: Path, known: Known, now: Now) -> None:
        self._folder = folder
        self._known = known
        self._now = now
        self.late = LateForms()  # any thread may ask whether there is room
        self.waits = False  # a lone change left something to the next job; any thread may look
        self._swept = 0  # when the last sweep was
        self._newest_run = -1  # of forms, which has begun; at first not known
        self._unmoved = 0  # the last body that should have a file and does not open
        self._keys_made_to: int | None = -1  # not looked yet; None: none is missing

    def ride(self, writer: Writer, connection: sa.Connection, *, lone: bool) -> None:
        """Do with the job of *writer*, which has ended well, what is due; a lone one only notes it."""
        self.late.note(writer.formless)
        if any(isinstance(change, MessagesExpunged | MailboxGone) for change in writer.changes):
            self.late.let_go(connection)
        newest = writer.log.newest_message
        before, run = self._newest_run, newest >> runs.RUN_BITS
        begun = run - before if before >= 0 else 0
        sweeps = (now := int(self._now())) >= self._swept + _SWEEP_EVERY_SECONDS
        self.waits = lone and (sweeps or self.late.full or begun > 0)
        if self.waits:
            return
        if sweeps:
            self._swept = now
            self.sweep(writer, connection)
            self.make_keys(connection, writer.bodies)
        if self.late.full:
            self.late.make(connection, writer.bodies)
        self._newest_run = run
        for _ in range(begun):
            # If the job is undone, so is this; the next run that begins packs it.
            runs.pack_next(connection, self.late.before(newest) - _RUNS_WAITING * runs.RUN)

    def pack_some(self, connection: sa.Connection) -> bool:
        """Make forms that wait, then pack those of older messages, then move bodies; tell if more are left.

        For when there is time.
        """
        newest = connection.exec_driver_sql("SELECT newest_message FROM clock").scalar()
        if newest is None:
            return False
        if self.late.make(connection, BodyReader(connection, self._folder)):
            return True
        return runs.pack_next(connection, newest) or self._move_body(connection)

    def _move_body(self, connection: sa.Connection) -> bool:
        after = moving.move_next(connection, self._folder, self._unmoved)
        self._unmoved = after or self._unmoved
        return after is not None

    def make_keys(self, connection: sa.Connection, bodies: BodyReader | None = None) -> bool:
        """Make header keys for some messages that came before they were kept; False: none left.

        Rides on write jobs as sweeping does.  Crash in between: the rest is made later, and
        until then read from the octets.
        """
        if self._keys_made_to is not None:
            first = self._keys_made_to < 0
            self._keys_made_to = late_forms.fill(
                connection,
                bodies or BodyReader(connection, self._folder),
                late_forms.complete_to(connection) if first else self._keys_made_to,
                _KEYS_AT_ONCE,
            )
            if first and self._keys_made_to is None:
                late_forms.note_complete(connection)
        return self._keys_made_to is not None

    def sweep(self, writer: Writer, connection: sa.Connection) -> int:
        """Drop some expunged octets that are past their grace and that no view holds; return how many."""
        return self._drop(writer, connection, int(self._now()) - _GRACE_SECONDS)

    def sweep_all(self, writer: Writer, connection: sa.Connection) -> None:
        """Drop all expunged octets, at open."""
        while self._drop(writer, connection, None):
            pass

    def _drop(self, writer: Writer, connection: sa.Connection, before: int | None) -> int:
        """Return how many messages went."""
        rows = connection.exec_driver_sql(
            "SELECT message FROM expunged WHERE ? OR at <= ?", (before is None, before)
        ).scalars()
        free = set(rows)
        for column in self._known.live.held() if free else ():
            free.difference_update(column)
        doomed = runs.of_few_runs(sorted(free)[:_SWEEP_MAX], _SWEEP_RUNS_MAX)
        if not doomed:
            return 0
        asked = (json.dumps(doomed),)
        runs.forget(connection, doomed)
        chosen = "IN (SELECT value FROM json_each(?))"
        bodies = connection.exec_driver_sql(f"SELECT body FROM message WHERE id {chosen}", asked)  # noqa: S608  # literals
        outbox_box.let_go(writer, connection, bodies.scalars().all())
        for statement in (
            f"DELETE FROM form WHERE message {chosen}",  # noqa: S608  # literals
            f"DELETE FROM header_key WHERE message {chosen}",  # noqa: S608  # literals
            f"DELETE FROM header_text WHERE message {chosen}",  # noqa: S608  # literals
            f"DELETE FROM written_by WHERE message {chosen}",  # noqa: S608  # literals
            f"DELETE FROM foreign_status WHERE message {chosen}",  # noqa: S608  # literals
            f"DELETE FROM message WHERE id {chosen}",  # noqa: S608  # literals
            f"DELETE FROM expunged WHERE message {chosen}",  # noqa: S608  # literals
        ):
            connection.exec_driver_sql(statement, asked)
        return len(doomed)
