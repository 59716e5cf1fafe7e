"""The commands about mailboxes as a whole, LIST aside."""

from __future__ import annotations

from imap_out.session.answers import resync
from imap_out.session.answers.list_line import list_line
from imap_out.session.answers.object_ids import mailbox_id
from imap_out.session.answers.out import Out
from imap_out.session.mailboxes.do_quota import deleted_octets
from imap_out.session.state import capability
from imap_out.session.state.refusals import ClientBug, Refusal
from imap_out.session.state.selected import SelectedView
from imap_out.session.state.session import Completed, Session
from imap_out.wire import render
from imap_out.wire.commands import (
    Close,
    Create,
    Delete,
    Rename,
    Select,
    Status,
    Subscribe,
    Unselect,
)
from mx_core.model.flags import DELETED
from mx_core.model.ids import Uid
from mx_core.model.mailbox_name import DELIMITER, INBOX, mailbox_name
from mx_core.ports import MailboxInfo, MailReader, MailWriter

SPECIAL_USES = frozenset({"\\All", "\\Archive", "\\Drafts", "\\Flagged", "\\Junk", "\\Sent", "\\Trash"})  # fmt: skip


async def select(session: Session, command: Select, out: Out) -> Completed:
    """SELECT and EXAMINE.  RFC 3501 §6.3.1, §6.3.2."""
    if command.resync is not None and capability.QRESYNC not in session.enabled:
        raise ClientBug("QRESYNC comes after ENABLE QRESYNC")  # RFC 7162 §3.2.5
    if command.condstore:
        session.enabled.add(capability.CONDSTORE)
    if session.view is not None:
        # the old mailbox is left even if the new one can not be had
        await session.deselect()
        out.put(b"* OK [CLOSED] the mailbox before is closed\r\n")
    name = mailbox_name(command.mailbox)
    info = session.mail.mailbox(name)
    view = await open_view(session, info, read_only=command.read_only)
    session.view = view
    for line in view.flags_known():
        out.put(line)
    _tell_counts(session, view, out)
    out.put(b"* OK [UIDVALIDITY %d] UIDs are valid\r\n" % view.rows.uid_validity)
    out.put(b"* OK [UIDNEXT %d] the next UID\r\n" % view.uid_next)
    out.put(view.highest_modseq())  # always: RFC 7162 §3.1.2.1
    out.put(b"* OK [MAILBOXID (%b)] its name for ever\r\n" % mailbox_id(info))
    if session.rev2:  # RFC 9051 §6.3.2
        out.put(list_line(session, info.name, old=command.mailbox))
    if command.resync is not None:
        await resync.at_select(session, view, command.resync, out)
    if view.read_only:
        return Completed(b"selected to look at", b"READ-ONLY")
    return Completed(b"selected", b"READ-WRITE")


def _tell_counts(session: Session, view: SelectedView, out: Out) -> None:
    out.put(b"* %d EXISTS\r\n" % len(view.rows))
    if session.rev2:
        return  # without RECENT and UNSEEN: RFC 9051 Appendix E
    out.put(b"* %d RECENT\r\n" % view.recent.count(view.rows))
    unseen = view.first_unseen()
    if unseen is not None:
        out.put(b"* OK [UNSEEN %d] the first that is unseen\r\n" % unseen)


async def open_view(session: Session, info: MailboxInfo, *, read_only: bool) -> SelectedView:
    """Return a filled view of the mailbox."""
    if session.account is None:  # the state table keeps this from happening
        raise Refusal(b"CANNOT", "log in first")
    view = SelectedView(
        session.mail, info, session.account.address, read_only=read_only, enabled=session.enabled
    )
    await view.open(session.claims)
    return view


async def unselect(session: Session, _command: Unselect, _out: Out) -> Completed:
    """RFC 9051 §6.4.2."""
    await session.deselect()
    return Completed(b"no mailbox is selected")


async def close(session: Session, _command: Close, _out: Out) -> Completed:
    r"""Remove what is \\Deleted without telling, then leave.  RFC 9051 §6.4.1."""
    view = session.selected()
    if not view.read_only:
        # only what this client knows of: what another marked a moment ago is not its to remove
        doomed = [uid for uid, flags in zip(view.uids, view.flags, strict=True) if DELETED in flags]
        if doomed:
            await _expunge(session, view, doomed)
    await session.deselect()
    return Completed(b"closed")


async def _expunge(session: Session, view: SelectedView, uids: list[Uid]) -> None:
    await session.mail.write(lambda writer: writer.expunge(view.mailbox, uids))


async def create(session: Session, command: Create, out: Out) -> Completed:
    """RFC 9051 §6.3.4; a trailing delimiter announces children and is not part of the name."""
    given = command.mailbox.removesuffix(DELIMITER)
    name = mailbox_name(given)
    uses = [use.decode() for use in command.special_use]
    known = {use.lower(): use for use in SPECIAL_USES}
    if len(uses) > 1 or any(use.lower() not in known for use in uses):
        raise Refusal(b"USEATTR", "a mailbox has one special use of RFC 6154")  # RFC 6154 §3
    special_use = known[uses[0].lower()] if uses else ""

    def make(writer: MailWriter) -> MailboxInfo:
        taken = {box.special_use for box in writer.mailboxes()} if special_use else set()
        if special_use in taken and special_use:
            raise Refusal(b"USEATTR", "another mailbox has this special use")
        return writer.create(name, special_use)

    made = await session.mail.write(make)
    if session.rev2 and name != given:  # it is kept under another spelling: RFC 9051 §6.3.4
        out.put(list_line(session, name, old=given))
    return Completed(b"created", b"MAILBOXID (%b)" % mailbox_id(made))


async def delete(session: Session, command: Delete, _out: Out) -> Completed:
    """RFC 9051 §6.3.5."""
    name = mailbox_name(command.mailbox)
    doomed = await session.mail.read(lambda reader: reader.mailbox(name))
    mine = session.view is not None and session.view.mailbox == doomed.id
    await session.mail.write(lambda writer: writer.delete(name))
    if mine and session.view is not None:
        # a client that deletes what it has selected goes on without a mailbox
        session.view.removed = True
        await session.deselect()
    if session.account is not None:
        session.claims.forget(session.account.address, doomed.id)
    return Completed(b"deleted")


async def rename(session: Session, command: Rename, out: Out) -> Completed:
    """RFC 9051 §6.3.6."""
    old = mailbox_name(command.old)
    new = mailbox_name(command.new.removesuffix(DELIMITER))
    await session.mail.write(lambda writer: writer.rename(old, new))
    if session.rev2 and old != INBOX:  # RFC 9051 §6.3.6; INBOX stays, and only its mail moves
        out.put(list_line(session, new, old=old))
    return Completed(b"renamed")


async def subscribe(session: Session, command: Subscribe, _out: Out) -> Completed:
    """RFC 9051 §6.3.7: a name may be subscribed before, and stay so after, its mailbox."""
    name = mailbox_name(command.mailbox.removesuffix(DELIMITER))
    await session.mail.write(lambda writer: writer.subscribe(name, command.subscribed))
    return Completed(b"subscribed" if command.subscribed else b"unsubscribed")


async def status(session: Session, command: Status, out: Out) -> Completed:
    """RFC 9051 §6.3.11; from counters, so that mutt may ask for each folder at each wake."""
    name = mailbox_name(command.mailbox)
    if b"HIGHESTMODSEQ" in command.items:
        session.enabled.add(capability.CONDSTORE)  # RFC 7162 §3.1
    if b"DELETED-STORAGE" not in command.items:
        out.put(status_line(session, session.mail.mailbox(name), command.items))
        return Completed(b"that is its status")

    def job(reader: MailReader) -> tuple[MailboxInfo, int]:
        info = reader.mailbox(name)
        return info, deleted_octets(reader, info)

    info, deleted = await session.mail.read(job)
    out.put(status_line(session, info, command.items, deleted))
    return Completed(b"that is its status")


def status_line(
    session: Session, info: MailboxInfo, items: tuple[bytes, ...], deleted_octets: int = 0
) -> bytes:
    """Spell an untagged STATUS; *deleted_octets* is the one item that is no kept counter."""
    recent = info.recent
    if session.account is not None:
        owner = session.account.address
        recent = session.claims.unclaimed(owner, info.id, recent, info.uid_next)
    facts = {
        b"MESSAGES": info.messages,
        b"RECENT": recent,
        b"UIDNEXT": info.uid_next,
        b"UIDVALIDITY": info.uid_validity,
        b"UNSEEN": info.unseen,
        b"DELETED": info.deleted,
        b"HIGHESTMODSEQ": info.highest_modseq,
        b"SIZE": info.size,
        b"DELETED-STORAGE": deleted_octets,
        b"APPENDLIMIT": session.limits.message_octets,
    }
    told = b" ".join(
        b"MAILBOXID (%b)" % mailbox_id(info)
        if item == b"MAILBOXID"
        else b"%b %d" % (item, facts[item])
        for item in items
    )
    return b"* STATUS %b (%b)\r\n" % (render.mailbox(info.name, utf8=session.utf8_names), told)
