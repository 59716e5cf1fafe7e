"""Whom the owner accepts and blocks, as the gateway asks for it, and the notes it still owes.

A note and the memory of having written it are one transaction, so that each is told once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from mx_core.db.database import Database
from mx_core.model.clock import Now
from mx_core.model.flags import UNVERIFIED
from mx_core.model.ids import MailboxId, MessageId, Pid, Uid
from mx_core.model.mailbox_name import MailboxName
from mx_core.model.message import MessageForm
from mx_core.store.mail.mail import Mail
from mx_core.store.mail.writer import Writer
from mx_core.store.outbox.reader import address_of
from mx_core.store.people import evidence, incident, relation
from mx_core.store.people.evidence import KeptEvidence
from mx_core.store.people.incident import Incident
from mx_core.store.people.relation import Author, Blocked, News, Relation, Topic

if TYPE_CHECKING:
    import sqlalchemy as sa

_NEWS_AT_ONCE: Final = 500
_ASKED_AT: Final = "requests.noted"  # the setting: when INBOX was last told who waits


class Relations:
    """See the module."""

    def __init__(self, database: Database, mail: Mail, now: Now) -> None:
        self._database = database
        self._mail = mail
        self._now = now

    async def of(self, pid: Pid) -> Relation:
        """Return what the owner said of *pid*."""
        return self._database.glance(lambda connection: relation.relation_to(connection, pid))

    async def authors(
        self, messages: Sequence[MessageId], *, undecided: bool = False
    ) -> dict[MessageId, Author]:
        """Return who wrote each of *messages*, or (*undecided*) those of whom nothing was said.

        What no network brought has no author.
        """
        return await self._database.read(
            lambda connection: relation.authors(connection, messages, undecided=undecided)
        )

    async def blocked(self) -> list[Blocked]:
        """Return everybody who is blocked, the newest first, a bounded number."""
        return await self._database.read(relation.blocked)

    async def accept(self, pid: Pid) -> None:
        """Note that the owner accepts *pid*."""

        def job(connection: sa.Connection) -> None:
            relation.accept(connection, pid, int(self._now()))

        await self._database.write(job)

    async def verified(self, pid: Pid) -> None:
        """Take the mark of the unverified from what *pid* has written, wherever it stands."""
        for mailbox in await self._mail.read(lambda reader: reader.mailboxes()):
            if not mailbox.rule:
                await self._mail.write_with(
                    lambda writer, connection, box=mailbox.id: _unmark(  # type: ignore[misc]
                        writer, connection, box, pid
                    )
                )

    async def tell(self, topic: Topic, author: Author, detail: str = "") -> None:
        """Have it told that this happened; a second time changes nothing."""

        def job(writer: Writer, connection: sa.Connection) -> None:
            writer.stirred |= relation.tell(connection, topic, author, int(self._now()), detail)

        await self._mail.write_with(job)

    # ── what is to be told ──────────────────────────────────────────────────────────
    async def news(self) -> list[News]:
        """Return what was not told yet, oldest first, a bounded number."""
        return await self._database.read(
            lambda connection: [
                News(ident, Topic(kind), Author(Pid(pid), address_of(address)), detail, at)
                for ident, kind, pid, address, detail, at in connection.exec_driver_sql(
                    "SELECT id, kind, pid, address, detail, at FROM news WHERE told = 0"
                    " ORDER BY id LIMIT ?",
                    (_NEWS_AT_ONCE,),
                )
            ]
        )

    async def last_asked(self) -> int:
        """Return when INBOX was last told who waits, unix seconds; 0: never."""
        return await self._database.read(
            lambda connection: int(
                connection.exec_driver_sql(
                    "SELECT octets FROM setting WHERE name = ?", (_ASKED_AT,)
                ).scalar()
                or 0
            )
        )

    async def write_note(
        self,
        mailbox: MailboxName,
        octets: bytes,
        prepare: Callable[[bytes], MessageForm],
        told: Sequence[News],
    ) -> None:
        """Put a note into *mailbox*, and remember that *told* is told."""
        form = prepare(octets)

        def job(writer: Writer, connection: sa.Connection) -> None:
            writer.append(writer.mailbox(mailbox).id, octets, form, frozenset(), own=True)
            for one in told:
                # a block may come again, and is then told again
                connection.exec_driver_sql(
                    "DELETE FROM news WHERE id = ?"
                    if one.topic is Topic.BLOCKED
                    else "UPDATE news SET told = 1 WHERE id = ?",
                    (one.id,),
                )
            if any(one.topic is Topic.ASKS for one in told):
                connection.exec_driver_sql(
                    "INSERT OR REPLACE INTO setting VALUES (?, ?)",
                    (_ASKED_AT, str(int(self._now())).encode()),
                )

        # Crash before the commit: neither; the next start writes the note.
        await self._mail.write_with(job)

    async def write_evidence(
        self,
        mailbox: MailboxName,
        octets: bytes,
        prepare: Callable[[bytes], MessageForm],
        found: KeptEvidence,
        shows: Incident,
    ) -> bool:
        """Keep *found* and put the letter of it into *mailbox*; False: it was told before.

        What it *shows* is told by that: a message held for it needs no letter of its own.
        """
        form = prepare(octets)

        def job(writer: Writer, connection: sa.Connection) -> bool:
            if not evidence.keep(connection, found):
                return False
            writer.append(writer.mailbox(mailbox).id, octets, form, frozenset())
            incident.note(connection, shows, int(self._now()))
            return True

        # Crash before the commit: neither; the contradiction is found again.
        return await self._mail.write_with(job)

    async def wait(self) -> None:
        """Return when there is something new to tell."""
        await self._mail.stirred.wait()
        self._mail.stirred.clear()


def _unmark(writer: Writer, connection: sa.Connection, mailbox: MailboxId, pid: Pid) -> None:
    marked = writer.places.find(mailbox, None, lambda flags: UNVERIFIED in flags)
    theirs = set(
        connection.exec_driver_sql(
            "SELECT message FROM written_by WHERE pid = ?"
            " AND message IN (SELECT value FROM json_each(?))",
            (pid, json.dumps([place.message for place in marked])),
        ).scalars()
    )
    uids = [Uid(place.uid) for place in marked if place.message in theirs]
    if uids:
        writer.places.flag(mailbox, uids, lambda flags: flags - {UNVERIFIED})
