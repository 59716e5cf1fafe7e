"""Network mail arriving: stored exactly once, or noted as refused; then it may be acknowledged.

The server gives an envelope again until it is acknowledged, and a sender may seal the same
message anew.  So what was stored is remembered by msg_id, in the transaction that stores it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mx_core.db import failpoint
from mx_core.db.database import Database
from mx_core.model.clock import Now
from mx_core.model.flags import FlagSet
from mx_core.model.ids import EnvId, MsgId
from mx_core.model.mailbox_name import INBOX, REQUESTS, MailboxName
from mx_core.model.message import MessageForm
from mx_core.model.octets import Octets, whole
from mx_core.store.arriving import awaited, receipts
from mx_core.store.arriving.awaited import Awaited
from mx_core.store.arriving.receipts import Owed
from mx_core.store.bodies.file import OpenedFile
from mx_core.store.mail import copies
from mx_core.store.mail.mail import Mail
from mx_core.store.mail.writer import Writer
from mx_core.store.people import contact_secret, invitation, relation, stale_secret
from mx_core.store.people.contact import Contact, put_contact
from mx_core.store.people.policy import note_encrypted
from mx_core.store.people.relation import JUNK, Author, Relation, Topic

if TYPE_CHECKING:
    import sqlalchemy as sa

_REFUSALS_KEPT: Final = 10_000


class RefusedEnvelope(Struct, frozen=True):
    """An envelope that did not open or prove itself; its octets are not kept."""

    env_id: EnvId
    at: int  # unix seconds
    peer_domain: str
    failure: str  # the class that its spec page names


class ComeFrom(Struct, frozen=True):
    """The verified author of a message, and what was seen of their passport with it."""

    author: Author
    own: bool = False  # the account itself, on another device
    doubtful: bool = False  # signed by a device that was removed
    changes: str = ""  # what is to be noted: causes of spec/card §6, and at which entry
    secret: bytes = b""  # that the author gave, of which tokens to them are made
    invited: bytes = b""  # shows that the author uses an invitation of the account


class Inbox:
    """See the module."""

    def __init__(self, database: Database, mail: Mail, now: Now) -> None:
        self._database = database
        self._mail = mail
        self._now = now

    async def receive(
        self,
        *,
        msg_id: MsgId,
        env_id: EnvId,
        octets: Octets,
        form: MessageForm,
        epoch: int,
        flags: FlagSet = frozenset(),
        contact: Contact | None = None,
        come_from: ComeFrom | None = None,
        awaits: Awaited | None = None,
        ordinary: bool = False,
        owed: Owed | None = None,
    ) -> bool:
        """Store an opened and verified message; return False if it was stored before.

        *epoch* is the number of the key that opened it; *contact* is the pin as it is after
        this message; *come_from* decides the mailbox, without it INBOX.  The msg_id, the
        message, the pin and what is to be told of them are one transaction; so is the body that
        it *awaits*, if *octets* only stand in its place, and the receipt that is *owed* for it to
        an accepted contact.  *octets* that are a file are adopted.  *ordinary*: the door sealed it, nobody is proved to have written it,
        and it tells nothing of what was encrypted.
        """
        now = int(self._now())

        def job(writer: Writer, connection: sa.Connection) -> bool:
            noted = connection.exec_driver_sql(
                "INSERT OR IGNORE INTO seen_msg_id VALUES (?, ?, ?, ?)",
                (msg_id, env_id, epoch, now),
            )
            if not noted.rowcount:
                return False
            mailbox = INBOX if come_from is None else _place(writer, connection, come_from, now)
            author = None if come_from is None else come_from.author
            box = writer.mailbox(mailbox).id
            appended = writer.append(box, octets, form, flags, author=author, own=True)
            if author is not None and copies.are_looked_for(connection):
                copies.take_over(writer, connection, box, appended.uid, whole(octets), form)
            if awaits is None and not ordinary:
                note_encrypted(connection, form.message_id)
            if awaits is not None:
                awaited.put(connection, awaits)
            if contact is not None:
                put_contact(connection, contact, now)
            if owed is not None and mailbox == INBOX:
                receipts.owe(connection, owed)
            if come_from is not None and come_from.secret:
                contact_secret.take(connection, come_from.author.pid, come_from.secret, now)
            return True

        # Crash before the commit: the server still holds the envelope and gives it again.
        stored = await self._mail.write_with(job)
        if stored and isinstance(octets, OpenedFile):
            octets.adopted = True
        # Crash here: it gives it again, the msg_id is known, and only the ack is repeated.
        failpoint.reach("stored")
        return stored

    async def refuse(self, env_id: EnvId, peer_domain: str, failure: str) -> None:
        """Note that an envelope was refused, so that it can be acknowledged and told of."""

        def job(connection: sa.Connection) -> None:
            connection.exec_driver_sql(
                "INSERT OR IGNORE INTO refused_envelope VALUES (?, ?, ?, ?)",
                (env_id, int(self._now()), peer_domain, failure),
            )
            connection.exec_driver_sql(
                "DELETE FROM refused_envelope WHERE env_id IN (SELECT env_id FROM refused_envelope"
                " ORDER BY at DESC LIMIT -1 OFFSET ?)",
                (_REFUSALS_KEPT,),
            )

        await self._database.write(job)

    async def refusals(self, limit: int = 100) -> list[RefusedEnvelope]:
        """Return the newest refusals."""
        return await self._database.read(
            lambda connection: [
                RefusedEnvelope(EnvId(env_id), at, peer_domain, failure)
                for env_id, at, peer_domain, failure in connection.exec_driver_sql(
                    "SELECT env_id, at, peer_domain, failure FROM refused_envelope"
                    " ORDER BY at DESC LIMIT ?",
                    (limit,),
                )
            ]
        )


def _place(writer: Writer, connection: sa.Connection, come_from: ComeFrom, now: int) -> MailboxName:
    """Return where the message goes, and have told what is to be told.  Spec/requests §2."""
    author = come_from.author
    if come_from.changes:
        stale_secret.heard(connection, author.pid, come_from.changes, now)
        writer.stirred |= relation.tell(connection, Topic.KEYS, author, now, come_from.changes)
    said = relation.relation_to(connection, author.pid)
    if said is Relation.BLOCKED:
        junk = (box.name for box in writer.mailboxes() if box.special_use == JUNK)
        return next(junk, REQUESTS)
    if not come_from.doubtful and (come_from.own or said is Relation.ACCEPTED):
        return INBOX
    if said is Relation.UNDECIDED and come_from.invited and not come_from.doubtful:
        name = invitation.use(connection, author.pid, come_from.invited, now)
        if name is not None:
            relation.accept(connection, author.pid, now)
            writer.stirred |= relation.tell(connection, Topic.INVITED, author, now, name)
            return INBOX
    if said is Relation.UNDECIDED and not come_from.own:
        writer.stirred |= relation.tell(connection, Topic.ASKS, author, now)
    return REQUESTS
