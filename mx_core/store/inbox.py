"""Network mail arriving: stored exactly once, or noted as refused; then it may be acknowledged.

The server gives an envelope again until it is acknowledged, and a sender may seal the same
message anew.  So what was stored is remembered by msg_id, in the transaction that stores it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from mx_core.db import failpoint
from mx_core.db.database import Database
from mx_core.model.clock import Now
from mx_core.model.errors import NoSuchMailbox
from mx_core.model.flags import FlagSet
from mx_core.model.ids import EnvId, MsgId
from mx_core.model.mailbox_name import INBOX, MailboxName
from mx_core.model.message import MessageForm
from mx_core.store.contact import Contact, put_contact
from mx_core.store.mail import Mail
from mx_core.store.writer import Writer

_REFUSALS_KEPT: Final = 10_000


@dataclass(frozen=True, slots=True)
class RefusedEnvelope:
    """An envelope that did not open or prove itself; its octets are not kept."""

    env_id: EnvId
    at: int  # unix seconds
    peer_domain: str
    failure: str  # the class that its spec page names


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
        octets: bytes,
        form: MessageForm,
        epoch: int,
        flags: FlagSet = frozenset(),
        contact: Contact | None = None,
        mailbox: MailboxName = INBOX,
    ) -> bool:
        """Store an opened and verified message; return False if it was stored before.

        *epoch* is the number of the key that opened it; *contact* is the pin as it is after
        this message.  The msg_id, the message and the pin are one transaction.  A *mailbox*
        that does not exist means INBOX, since mail is never lost for a missing folder.
        """
        now = int(self._now())

        def job(writer: Writer, connection: sa.Connection) -> bool:
            noted = connection.exec_driver_sql(
                "INSERT OR IGNORE INTO seen_msg_id VALUES (?, ?, ?, ?)",
                (msg_id, env_id, epoch, now),
            )
            if not noted.rowcount:
                return False
            try:
                box = writer.mailbox(mailbox)
            except NoSuchMailbox:
                box = writer.mailbox(INBOX)
            writer.append(box.id, octets, form, flags)
            if contact is not None:
                put_contact(connection, contact, now)
            return True

        # Crash before the commit: the server still holds the envelope and gives it again.
        stored = await self._mail.write_with(job)
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
