"""REPLACE: the new message is there and the old one gone in one commit.  RFC 8508.

So a draft that is saved again is at no moment there twice, or not at all.
"""

from __future__ import annotations

from imap_out.session.answers.out import Out
from imap_out.session.mailboxes.do_quota import require_room
from imap_out.session.messages.do_append import append_uid, prepared
from imap_out.session.messages.do_message import writable
from imap_out.session.state.meant import positions
from imap_out.session.state.refusals import Refusal
from imap_out.session.state.session import Completed, Session
from imap_out.wire.commands import Replace
from imap_out.wire.sequence_set import SequenceSet
from mx_core.model.errors import MessageGone, NoSuchMailbox
from mx_core.model.flags import DELETED
from mx_core.model.mailbox_name import mailbox_name
from mx_core.ports import Appended, FlagChange, MailWriter


async def replace(session: Session, command: Replace, out: Out) -> Completed:
    """RFC 8508 §3; the old message need not be marked."""
    view = writable(session)
    name = mailbox_name(command.mailbox)
    which = SequenceSet(((command.number, command.number),))
    old = view.uids_at(positions(view, which, by_uid=command.by_uid))
    if not old:
        raise Refusal(b"NONEXISTENT", "there is no such message")
    new = await prepared(session, [command.message])

    def job(writer: MailWriter) -> Appended:
        # Crash before the commit: the old message is there, and the new one is not.
        [appended] = writer.append_all(writer.mailbox(name).id, new)
        writer.store_flags(view.mailbox, list(old), FlagChange.ADD, frozenset({DELETED}))
        if not writer.expunge(view.mailbox, list(old)):
            raise MessageGone("the message was expunged meanwhile")
        require_room(session, writer)
        return appended

    try:
        appended = await session.mail.write(job)
    except NoSuchMailbox as error:
        raise Refusal(b"TRYCREATE", "there is no such mailbox") from error
    # RFC 8508 §3.3: before the EXPUNGE, so that a client never thinks that both are gone
    out.put(b"* OK [%b] the replacement is kept\r\n" % append_uid([appended]))
    return Completed(b"replaced", tells_modseq=True)
