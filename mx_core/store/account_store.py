"""Everything one account keeps on this machine: one SQLCipher database and its body files.

Composes the tables of this package over one database; decides nothing itself.  The folder
holds ``mail.db``, ``bodies/``, ``accepted.log`` and the derived ``index.db``; nothing in it is clear text.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mx_core.db.database import Database
from mx_core.db.durable import make_folder
from mx_core.model.clock import Now
from mx_core.model.errors import MailError
from mx_core.model.ids import DeviceId
from mx_core.model.mailbox_name import (
    GATEWAY,
    INBOX,
    OUTBOX,
    REQUESTS,
    SEND_ORDINARY,
    MailboxName,
)
from mx_core.model.secret import Secret
from mx_core.store.accepting import log as accepted_log
from mx_core.store.accepting.log import AcceptedLog
from mx_core.store.accepting.record import decoded
from mx_core.store.arriving.awaited import AwaitedBodies
from mx_core.store.arriving.inbox import Inbox
from mx_core.store.arriving.intake import Intake
from mx_core.store.arriving.receipts import Receipts
from mx_core.store.arriving.unreadable import UnreadableEnvelopes
from mx_core.store.bodies.ahead import BodiesAhead
from mx_core.store.bodies.body import remove_files, remove_orphans
from mx_core.store.copying import Copy, copy_database
from mx_core.store.folders.upkeep import Folders, make_first
from mx_core.store.ledger.agreements import Agreements
from mx_core.store.ledger.decrypted import DecryptedMail
from mx_core.store.ledger.imports import Imports
from mx_core.store.ledger.pulls import Pulls
from mx_core.store.mail.mail import Mail
from mx_core.store.mail.writer import Writer
from mx_core.store.opening import open_database
from mx_core.store.outbox import rows
from mx_core.store.outbox.outbox import OutboxTable
from mx_core.store.own.keys import OwnKeys, OwnPassport
from mx_core.store.own.password import ClientPasswords
from mx_core.store.own.setting import CarrierState, Settings
from mx_core.store.people.contact import Contacts
from mx_core.store.people.contact_secret import ContactSecrets
from mx_core.store.people.evidence import KeptEvidences
from mx_core.store.people.exchanged import Exchange
from mx_core.store.people.incident import Incidents
from mx_core.store.people.invitation import Invitations
from mx_core.store.people.policy import PolicyRules
from mx_core.store.people.relations import Relations
from mx_core.store.people.stand_in import StandIns
from mx_core.store.text_index.index import TextIndex
from mx_core.store.text_index.source import Source

if TYPE_CHECKING:
    import sqlalchemy as sa

BODIES: Final = "bodies"
INDEX: Final = "index.db"
_RECORDS: Final = 256  # of what was accepted, in a commit
_KEY_STEPS: Final = 20  # of the back-fill of header keys before anybody is let in; 2 s at most
_DEVICE_ID_OCTETS: Final = 16
_FIRST_MAILBOXES: Final = (
    (INBOX, ""),
    (MailboxName("Archive"), "\\Archive"),
    (MailboxName("Drafts"), "\\Drafts"),
    (MailboxName("Junk"), "\\Junk"),
    (MailboxName("Sent"), "\\Sent"),
    (MailboxName("Trash"), "\\Trash"),
)


class AccountStore:
    """See the module; made by :meth:`open`."""

    def __init__(
        self,
        database: Database,
        folder: Path,
        mail: Mail,
        log: AcceptedLog,
        device_id: DeviceId,
        key: Secret[bytes],
        now: Now,
    ) -> None:
        self._database = database
        self._key = key
        self.folder = folder
        self.device_id = device_id  # names this machine in the journal, and in the passport
        self.mail = mail
        self.folders = Folders(database, mail, now)
        self.text_index = mail.index = TextIndex(folder / INDEX, key, Source(database, mail), now)
        self.inbox = Inbox(database, mail, now)
        self.imports = Imports(database, mail, now)
        self.bodies_ahead = BodiesAhead(database, folder / BODIES)
        self.exchange = Exchange(database, mail)
        self.stand_ins = StandIns(database, mail, now)
        self.decrypted = DecryptedMail(mail)
        self.pulls = Pulls(database, mail, now)
        self.agreements = Agreements(database, mail)
        self.awaited = AwaitedBodies(database, mail, now)
        self.unreadable = UnreadableEnvelopes(database, mail, now)
        self.intake = Intake(database, folder / BODIES, mail, now)
        self.outbox = OutboxTable(database, folder / BODIES, mail, log, now)
        self.contacts = Contacts(database, now, mail.stirred.set)
        self.relations = Relations(database, mail, now)
        self.secrets = ContactSecrets(database, now)
        self.evidence = KeptEvidences(database)
        self.incidents = Incidents(database)
        self.invitations = Invitations(database, now)
        self.receipts = Receipts(database, mail, now)
        self.keys = OwnKeys(database)
        self.passport = OwnPassport(database)
        self.policy = PolicyRules(database)
        self.passwords = ClientPasswords(database, now)
        self.settings = Settings(database)
        self.carrier_state = CarrierState(database)

    @classmethod
    def open(cls, folder: Path, key: Secret[bytes], now: Now) -> AccountStore:
        """Open or make the account's store in *folder*; start-up is recovery.

        *key* is 32 octets.  Expunged octets that were kept for a view and body files that no
        row names are removed here.

        Raises:
            Refused, SchemaTooNew, StoreDamaged, DiskFull: as ``Database.open``.
        """
        bodies = folder / BODIES
        make_folder(folder)
        make_folder(bodies)
        database = open_database(folder, key)
        try:
            mail = Mail(database, bodies, now)
            device_id = database.write_at_start(
                lambda connection: _first_rows(connection, mail, now)
            )
            dropped = database.write_at_start(mail.sweep_all)
            # Crash before this: the same orphans, found again at the next open.
            remove_files(bodies, dropped)
            database.write_at_start(lambda connection: remove_orphans(connection, bodies))
            database.at_leisure(mail.riding.pack_some)
            for _ in range(_KEY_STEPS):
                if not database.write_at_start(mail.riding.make_keys):
                    break
            log = AcceptedLog(folder / accepted_log.NAME, key)
            try:
                _note_accepted(database, bodies, log)
                return cls(database, folder, mail, log, device_id, key, now)
            except BaseException:
                log.close()
                raise
        except BaseException:
            database.close()
            raise

    @asynccontextmanager
    async def copied(self, to: Path, key: Secret[bytes]) -> AsyncIterator[Copy]:
        """Give a copy of the account as of now, its database in the new file *to* under *key*.

        Inside, the body files that it names stay.

        Raises:
            DiskFull, StoreDamaged: It cannot be made.
        """
        await self.outbox.note()
        async with self.mail.keeping_files():
            await asyncio.to_thread(self._database.let_see)
            yield await asyncio.to_thread(copy_database, self._database.path, self._key, to, key)

    def let_go(self) -> None:
        """Give up the pages of both databases that are in memory and not in use."""
        self._database.let_go()
        self.text_index.let_go()

    def close(self) -> None:
        """Finish what waits and close."""
        self.text_index.close()
        log = self.outbox.log
        log.end()
        if not log.is_empty:
            with suppress(MailError):  # a disk that fails, or is full: the next start notes it
                _note_accepted(self._database, self.folder / BODIES, log)
        log.close()
        self._database.close()


def _note_accepted(database: Database, bodies: Path, log: AcceptedLog) -> None:
    """Note in the database what a process that ended had accepted, then begin the log anew.

    Crash in between: the next start finds the same, and the database knows it.
    """
    found = (decoded(record) for record in log.found())
    while some := list(islice(found, _RECORDS)):
        database.write_at_start(
            lambda connection, some=some: rows.note_new(connection, bodies, some)  # type: ignore[misc]
        )
    log.wipe()


def _first_rows(connection: sa.Connection, mail: Mail, now: Now) -> DeviceId:
    """Make the counters and the usual mailboxes in a new store; return the device's id.

    UIDVALIDITY starts at the time, so that an account made anew under the same name does
    not repeat what a mail program remembers of the old one.
    """
    device = connection.exec_driver_sql("SELECT device FROM clock").scalar()
    if device is None:
        device = secrets.token_bytes(_DEVICE_ID_OCTETS)
        connection.exec_driver_sql(
            "INSERT INTO clock VALUES (1, ?, 0, ?, 0, 0, 0)", (device, int(now()))
        )
        mail.run(connection, lambda writer, _connection: _first_mailboxes(writer))
    mail.run(connection, make_first)
    mail.run(connection, _fixed_mailboxes)
    return DeviceId(device)


def _fixed_mailboxes(writer: Writer, _connection: sa.Connection) -> None:
    """Make the mailboxes into which the gateway puts mail, at any start at which one is missing.

    One of that name which a person made is taken; a folder with a rule makes way.
    """
    boxes = {box.name: box for box in writer.mailboxes()}
    for name in (REQUESTS, GATEWAY, OUTBOX, SEND_ORDINARY):
        there = boxes.get(name)
        if there is not None and there.rule:
            writer.rename(name, MailboxName(f"{name} (rule)"))
        if there is None or there.rule:
            writer.create(name)
            writer.subscribe(name, subscribed=True)


def _first_mailboxes(writer: Writer) -> None:
    for name, special_use in _FIRST_MAILBOXES:
        writer.create(name, special_use)
        writer.subscribe(name, subscribed=True)
