"""One check of an account's store, and its repair, in one transaction.

The order is that of trust: the journal is read first and mends segments; segments then tell
how often each message is used and what the mailboxes' numbers are; last the journal is compared
with the result.  No UID changes.  Nothing goes that could be read: a message that no mailbox
shows, and octets that nothing names, are put into the mailbox ``Recovered``.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mx_core.mime.prepare import prepare
from mx_core.model.clock import Now
from mx_core.model.errors import StoreDamaged
from mx_core.model.ids import GlobalId, MessageId, ModSeq
from mx_core.model.mailbox_name import mailbox_name
from mx_core.model.secret import Secret
from mx_core.store.account_store import BODIES, INDEX
from mx_core.store.bodies import body
from mx_core.store.folders.book import Shelf
from mx_core.store.fsck import boxes, folders, forms, history, messages, places, saved_dates, tombs
from mx_core.store.fsck.finding import Damage, Report
from mx_core.store.fsck.state import BoxState
from mx_core.store.journal.journal import Journal, new_global_id
from mx_core.store.journal.replay import Replayed
from mx_core.store.mail import message
from mx_core.store.mail.reader import Known, Reader
from mx_core.store.mail.writer import Writer
from mx_core.store.opening import open_database
from mx_core.store.places.flag_set import FlagSetWriter, KnownSets
from mx_core.store.text_index import state

if TYPE_CHECKING:
    import sqlalchemy as sa


def check_store(
    folder: Path, key: Secret[bytes], now: Now, *, repair: bool = False, deep: bool = False
) -> Report:
    """Check the store in *folder*; with *deep* every octet is read.

    Raises:
        Refused: A process has it open.
        StoreDamaged: The database does not open at all.
    """
    report = Report()
    bodies = folder / BODIES
    database = open_database(folder, key, plain=False)
    try:
        check = _Check(report, bodies, now, repair=repair, deep=deep)
        with contextlib.suppress(_OnlyLooked):
            database.write_at_start(check.run)
        if repair and report.findings:
            # Crash before this: the same files, found again by the next check or open.
            database.write_at_start(lambda connection: body.remove_orphans(connection, bodies))
            # Forms and lengths may have changed under the search index, which is derived.
            state.delete(folder / INDEX)
            report.mended = True
    finally:
        database.close()
    return report


def look_at_mailboxes(connection: sa.Connection, bodies: Path, now: Now) -> Report:
    """Check mailboxes and folders, deeply, in a transaction that whoever opened it undoes."""
    report = Report()
    check = _Check(report, bodies, now, repair=False, deep=True)
    check.mailboxes(connection, None, Journal(connection, now))
    return report


class _OnlyLooked(Exception):
    """Ends a check that may change nothing."""


class _Check:
    def __init__(self, report: Report, folder: Path, now: Now, *, repair: bool, deep: bool) -> None:
        self._report = report
        self._folder = folder
        self._now = now
        self._repair = repair
        self._deep = deep

    def run(self, connection: sa.Connection) -> None:
        """Check everything, and mend it if asked to."""
        report, repair = self._report, self._repair
        self._pages(connection)
        octets = messages.Octets(connection, self._folder, report, repair, self._deep)
        nameless = messages.check_bodies(octets)
        forms.check_forms(octets)
        told = history.read(connection, report)
        log = Journal(connection, self._now)
        states = self.mailboxes(connection, told, log)
        log.reach(ModSeq(max([0, *(box.kept["highest_modseq"] for box in states)])))
        if repair and report.findings:
            log.finish()
        report.mailboxes = len(states)
        report.messages = sum(len(box.places) for box in states if not box.rule)
        uses = Counter(place.message for box in states if not box.rule for place in box.places)
        lone = messages.check_uses(octets, uses, set() if told is None else told.ever)
        names = set(connection.exec_driver_sql("SELECT name FROM subscription").scalars())
        differs = "" if told is None else history.differs(told, states, names)
        if differs:
            report.mendable(Damage.JOURNAL, differs)
        if repair and (differs or told is None):
            history.write_anew(connection, self._now, states, names)
        if repair and (lone or nameless):
            self._recover(connection, lone, nameless)
        if not repair:
            raise _OnlyLooked  # so that whatever was tried on the way is undone

    def mailboxes(
        self, connection: sa.Connection, told: Replayed | None, log: Journal
    ) -> list[BoxState]:
        """Return all mailboxes as they should be; *told* is what the journal tells of them."""
        report, repair = self._report, self._repair
        states = boxes.read(connection)
        states += boxes.bring_back(connection, report, told, log, repair=repair)
        around = self._around(connection, log)
        tombs.check_strays(connection, report, repair=repair)
        folders.check_strays(connection, report, repair=repair)
        saved_dates.check_strays(connection, report, repair=repair)
        shelves = self._shelves(connection)
        for box in sorted(states, key=lambda box: bool(box.rule)):  # folders show what is judged
            known = None if told is None else told.mailboxes.get(box.global_id)
            buried = tombs.read(connection, report, box)
            wrong, lost = places.judge(around, box, known, buried.uids)
            if box.rule:
                anew, strangers = shelves.judge(box)
                wrong = wrong or anew
                lost += strangers
            else:
                shelves.boxes.append(box)
            if repair and wrong and box.rule:
                given = range(1, box.kept["uid_next"])  # no other UID was ever told
                lost = sorted({*lost, *boxes.refill(connection, box)}.intersection(given))
            if repair and (wrong or buried.unreadable):
                places.write(connection, box)
                tombs.mend(connection, box, buried, lost, around.fresh_modseq)
            last = max([0 if known is None else known.last_uid, *buried.uids, *lost])
            boxes.check_numbers(connection, report, box, last, repair=repair)
            saved_dates.check(connection, report, box, int(self._now()), repair=repair)
        return states

    def _pages(self, connection: sa.Connection) -> None:
        """Let the database look at itself; damage of an index is mended, other is not."""
        faults = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
        if faults != ["ok"]:
            if self._repair:
                connection.exec_driver_sql("REINDEX")
                faults = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
            note = self._report.mendable if faults == ["ok"] else self._report.lost
            note(Damage.PAGES, f"the database says: {'; '.join(map(str, faults[:3]))}")
        if self._deep:
            bad = connection.exec_driver_sql("PRAGMA cipher_integrity_check").scalars().all()
            if bad:
                self._report.lost(Damage.PAGES, f"{len(bad)} pages of the database do not open")

    def _around(self, connection: sa.Connection, log: Journal) -> places.Around:
        stored = messages.stored(connection)
        sets = FlagSetWriter(connection, KnownSets())
        rows = connection.exec_driver_sql("SELECT id FROM flag_set").scalars().all()
        return places.Around(
            connection,
            self._report,
            stored,
            {message.global_id: message for message in stored.values()},
            sets,
            {number: sets.of(number) for number in rows},
            log.next_modseq(),
        )

    def _shelves(self, connection: sa.Connection) -> folders.Shelves:
        reader = Reader(connection, self._folder, Known())
        return folders.Shelves(connection, self._report, reader, int(self._now()), self._deep)

    def _recover(
        self, connection: sa.Connection, lone: Sequence[int], nameless: Sequence[int]
    ) -> None:
        """Show what no mailbox shows, in one that says so."""
        writer = Writer(connection, self._folder, Known(), self._now, Shelf())
        name = mailbox_name(boxes.RECOVERED)
        if not any(box.name == name for box in writer.mailboxes()):
            writer.create(name)
        target = writer.mailbox(name).id
        number = FlagSetWriter(connection, KnownSets()).number(frozenset())
        for found in [*lone, *self._as_messages(connection, writer, nameless)]:
            row = connection.exec_driver_sql(
                "UPDATE message SET uses = 1 WHERE id = ?"
                " RETURNING id, global_id, size, internal_date",
                (found,),
            ).one()
            shown = (MessageId(row[0]), GlobalId(row[1]), number, row[2])
            writer.places.add(target, [shown], internal_dates=[row[3]])
        writer.finish()

    def _as_messages(
        self, connection: sa.Connection, writer: Writer, nameless: Sequence[int]
    ) -> list[MessageId]:
        reader = body.BodyReader(connection, self._folder)
        now = int(self._now())
        made: list[MessageId] = []
        for number in map(body.BodyId, nameless):
            try:
                octets = reader.octets(number)
            except StoreDamaged:
                continue  # a finding of its own: its file is gone
            kept = message.Kept(
                new_global_id(), number, octets, message.disowned(prepare(octets)), now, 0
            )
            made += message.insert(connection, writer.log, [kept])
        return made
