"""LIST and LSUB."""

from __future__ import annotations

from functools import partial

from imap_out.session.answers.list_line import QUOTED_DELIMITER
from imap_out.session.answers.out import Out
from imap_out.session.mailboxes import listing
from imap_out.session.mailboxes.do_mailbox import status_line
from imap_out.session.mailboxes.do_quota import deleted_octets
from imap_out.session.mailboxes.shown_names import shown
from imap_out.session.state.capability import CONDSTORE
from imap_out.session.state.session import Completed, Session
from imap_out.wire import render
from imap_out.wire.commands import List, Lsub
from mx_core.trail_port import Step


async def _entries(session: Session) -> list[listing.Entry]:
    """Return every name that the login is shown."""
    boxes, subscriptions = await session.mail.read(lambda reader: shown(reader, session.account))
    return listing.tree(boxes, subscriptions)


async def list_(session: Session, command: List, out: Out) -> Completed:
    """RFC 9051 §6.3.9, RFC 5258, RFC 5819."""
    if command.patterns == ("",) and not command.extended:
        # the question for the delimiter; mutt and offlineimap ask it at each start
        out.put(b'* LIST (\\Noselect) %b ""\r\n' % QUOTED_DELIMITER)
        return Completed(b"that is the delimiter")
    if b"HIGHESTMODSEQ" in command.status:
        session.enabled.add(CONDSTORE)  # RFC 7162 §3.1
    entries = await _entries(session)
    session.trail.reached(Step.LISTED)
    patterns = [command.reference + pattern for pattern in command.patterns if pattern]
    for entry in listing.chosen(entries, patterns, command.selecting):
        attributes = listing.attributes(
            entry,
            extended=command.extended,
            selecting=command.selecting,
            returning=command.returning,
        )
        line = b"* LIST (%b) %b %b" % (
            b" ".join(attributes),
            QUOTED_DELIMITER,
            render.mailbox(entry.name, utf8=session.utf8_names),
        )
        if entry.child_info:
            # childinfo-extended-item = "CHILDINFO" SP "(" … ")"             RFC 5258 §6
            options = b" ".join(b'"%b"' % option for option in entry.child_info)
            line += b' ("CHILDINFO" (%b))' % options
        out.put(line + b"\r\n")
        if command.status and entry.info is not None:
            deleted = 0
            if b"DELETED-STORAGE" in command.status:
                deleted = await session.mail.read(partial(deleted_octets, info=entry.info))
            out.put(status_line(session, entry.info, command.status, deleted))
        await out.room()
    return Completed(b"listed")


async def lsub(session: Session, command: Lsub, out: Out) -> Completed:
    """RFC 3501 §6.3.9."""
    entries = await _entries(session)
    session.trail.reached(Step.LISTED)
    pattern = command.reference + command.pattern
    for name, attributes in listing.lsub(entries, pattern):
        line = (
            b" ".join(attributes),
            QUOTED_DELIMITER,
            render.mailbox(name, utf8=session.utf8_names),
        )
        out.put(b"* LSUB (%b) %b %b\r\n" % line)
        await out.room()
    return Completed(b"listed")
