"""Two copies of one message in one mailbox become one.  Within a write job.

A message may come by the network and by an ordinary account.  Copies have one Message-ID and
one body; their headers differ, since each way adds its own.  The one of the network stays,
whichever came first: it is the one that proves who wrote it.  docs/spec/pull.md §5.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from mx_core.mime.header_keys import header_keys
from mx_core.model.flags import NOT_ENCRYPTED, FlagSet
from mx_core.model.header_keys import TextField
from mx_core.model.ids import MailboxId, MessageId, Uid
from mx_core.model.message import MessageForm
from mx_core.ports import FlagChange
from mx_core.store.mail.writer import Writer
from mx_core.store.places.places import Place

if TYPE_CHECKING:
    import sqlalchemy as sa

# Made when the first account is added whose mail is pulled: others need not pay for it.
INDEX: Final = (
    "CREATE INDEX IF NOT EXISTS header_text_message_id ON header_text (message_id)"
    " WHERE message_id <> x''"
)
_NAMED: Final = (
    "SELECT message FROM header_text WHERE message_id = ? AND message_id <> x''"
    " ORDER BY message LIMIT 100"
)
_DIGEST_OCTETS: Final = 32
_AT: Final = list(TextField).index(TextField.MESSAGE_ID)


def are_looked_for(connection: sa.Connection) -> bool:
    """Tell whether any mail is pulled at all."""
    return bool(
        connection.exec_driver_sql("SELECT EXISTS (SELECT 1 FROM pull_account)").scalar_one()
    )


def same_here(
    writer: Writer,
    connection: sa.Connection,
    mailbox: MailboxId,
    folder: int,
    octets: bytes,
    form: MessageForm,
) -> tuple[MessageId, bytes] | None:
    """Return the message in *mailbox* of which *octets* are another copy, and its digest.

    One that came from the same *folder* of a source is none: what its owner has twice there
    they have twice here.  Nor is one that neither the network nor an account brought: at the door
    anybody can bring a copy with another header, and it must not keep the true one away.
    """
    for place in _places(writer, connection, mailbox, octets, form):
        brought_by = _ledger(connection, place.message)
        known = bool(brought_by) or _is_of_network(connection, place.message)
        if known and folder not in brought_by:
            return place.message, digest_of(writer.octets(place.message))
    return None


def take_over(
    writer: Writer,
    connection: sa.Connection,
    mailbox: MailboxId,
    uid: Uid,
    octets: bytes,
    form: MessageForm,
) -> None:
    """Let the message of the network at *uid* stand for the copies of it that were pulled.

    What was said of those by flags is said of it, and their accounts follow it from now on.
    """
    [mine] = writer.places.find(mailbox, [uid])
    copies = [
        place
        for place in _places(writer, connection, mailbox, octets, form)
        if place.uid != uid and _was_pulled(connection, place.message)
    ]
    said: FlagSet = frozenset()
    for place in copies:
        said |= writer.places.flags_of(place) - {NOT_ENCRYPTED}
        connection.exec_driver_sql(
            "UPDATE imported SET message = ?, kept = ?, flags = NULL"
            " WHERE folder IN (SELECT id FROM import_folder) AND message = ?",
            (mine.message, digest_of(octets), place.message),
        )
    if copies:
        writer.store_flags(mailbox, [uid], FlagChange.ADD, said)
        writer.places.remove(mailbox, copies)


def digest_of(octets: bytes) -> bytes:
    """Return BLAKE2b-256, as the ledger has it."""
    return hashlib.blake2b(octets, digest_size=_DIGEST_OCTETS).digest()


def _was_pulled(connection: sa.Connection, message: MessageId) -> bool:
    """Tell whether *message* was pulled as ordinary mail; who wrote one of the network is known."""
    ledger = _ledger(connection, message)
    return not _is_of_network(connection, message) and any(ledger.values())


def _is_of_network(connection: sa.Connection, message: MessageId) -> bool:
    return bool(
        connection.exec_driver_sql(
            "SELECT EXISTS (SELECT 1 FROM written_by WHERE message = ?)", (message,)
        ).scalar_one()
    )


def _ledger(connection: sa.Connection, message: MessageId) -> dict[int, bool]:
    """Return by which folders of sources *message* came, and whether it was marked then."""
    return dict(
        connection.exec_driver_sql(
            "SELECT folder, kept IS NOT NULL FROM imported"
            " WHERE folder IN (SELECT id FROM import_folder) AND message = ?",
            (message,),
        ).all()
    )


def _places(
    writer: Writer, connection: sa.Connection, mailbox: MailboxId, octets: bytes, form: MessageForm
) -> list[Place]:
    name = (form.keys or header_keys(octets, form)).texts[_AT]
    if not name:
        return []
    named = connection.exec_driver_sql(_NAMED, (name,)).scalars().all()
    body = _body(octets, form)
    equal = {message for message in named if _body_of(writer, connection, message) == body}
    if not equal:
        return []
    return [place for place in writer.places.find(mailbox, None) if place.message in equal]


def _body_of(writer: Writer, connection: sa.Connection, message: int) -> bytes | None:
    used = connection.exec_driver_sql(
        "SELECT uses > 0 FROM message WHERE id = ?", (message,)
    ).scalar()
    if not used:
        return None
    ident = MessageId(message)
    [form] = writer.forms([ident])
    return _body(writer.octets(ident), form)


def _body(octets: bytes, form: MessageForm) -> bytes:
    """Return the digest of the body; line ends at its end are those of whoever carried it."""
    return digest_of(octets[form.header_end :].rstrip(b"\r\n"))
