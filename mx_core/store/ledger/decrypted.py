"""A decrypted message takes the place of the encrypted one, which stays in a mailbox of its own.

One transaction: places, flags, the original and the ledger, so that accounts elsewhere are
followed on and a message is not brought again.  Knows no cipher.  docs/spec/decrypting.md §6.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from mx_core.db import failpoint
from mx_core.model.errors import BadMailboxName
from mx_core.model.flags import NOT_ENCRYPTED, SEEN
from mx_core.model.ids import MailboxId, MessageId, Uid
from mx_core.model.mailbox_name import DELIMITER, ORIGINALS, MailboxName, mailbox_name
from mx_core.model.message import MessageForm
from mx_core.ports import MailboxInfo, NewMail
from mx_core.store.mail.copies import digest_of
from mx_core.store.mail.mail import Mail
from mx_core.store.mail.writer import Writer

if TYPE_CHECKING:
    import sqlalchemy as sa

_LEDGER: Final = (
    "UPDATE imported SET message = ?, kept = ?"
    " WHERE folder IN (SELECT id FROM import_folder) AND message = ?"
)


class DecryptedMail:
    """See the module."""

    def __init__(self, mail: Mail) -> None:
        self._mail = mail

    async def put(
        self,
        old: MessageId,
        at: Sequence[tuple[MailboxId, Uid]],
        octets: bytes,
        form: MessageForm,
    ) -> bool:
        """Let *octets*, which the gateway has made, stand wherever *old* stands of *at*.

        Return whether it stood anywhere there; durable when this returns.
        """

        def job(writer: Writer, connection: sa.Connection) -> bool:
            boxes = {box.id: box for box in writer.mailboxes()}
            held = [
                (boxes[mailbox], place)
                for mailbox, uid in at
                if mailbox in boxes
                for place in writer.places.find(mailbox, [uid])
                if place.message == old
            ]
            if not held:
                return False
            [(_, date)] = writer.sizes_and_dates([old])
            (first, place), *others = held
            mail = NewMail(octets, form, writer.places.flags_of(place), date)
            [done] = writer.append_all(first.id, [mail], own=True)
            [made] = writer.places.find(first.id, [done.uid])
            for box, other in others:
                writer.show(box.id, made.message, writer.places.flags_of(other))
            originals = _originals(writer, first.name)
            moved = writer.relocate(first.id, [place], originals)
            # there it is neither news nor mail that came in clear
            writer.places.flag(
                originals.id, moved.target, lambda flags: (flags | {SEEN}) - {NOT_ENCRYPTED}
            )
            for box, other in others:
                writer.places.remove(box.id, [other])
            connection.exec_driver_sql(_LEDGER, (made.message, digest_of(octets), old))
            return True

        # Crash before the commit: the encrypted message stands where it stood.
        put = await self._mail.write_with(job, nobody_waits=True)
        # Crash here: the decrypted one does, and is not looked at again.
        failpoint.reach("decrypted")
        return put


def is_original(name: MailboxName) -> bool:
    """Tell whether a mailbox is one of those that keep encrypted messages as they came."""
    return name == ORIGINALS or name.startswith(ORIGINALS + DELIMITER)


def _originals(writer: Writer, of: MailboxName) -> MailboxInfo:
    """Return the mailbox for originals of the mailbox *of*, made if it is not there."""
    try:
        name = mailbox_name(f"{ORIGINALS}{DELIMITER}{of}")
    except BadMailboxName:  # too long or too deep
        name = ORIGINALS
    box = next((box for box in writer.mailboxes() if box.name == name), None)
    if box is None:
        box = writer.create(name)
        writer.subscribe(name, subscribed=True)
    return box
