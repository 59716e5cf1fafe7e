"""NOTIFY, and telling what it asks for of mailboxes that are not selected.  RFC 5465."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from msgspec.structs import replace

from imap_out.session.answers.list_line import list_line
from imap_out.session.answers.out import Out
from imap_out.session.fetch.do_fetch import fetch
from imap_out.session.mailboxes.do_mailbox import status_line
from imap_out.session.mailboxes.shown_names import shown, shows_folders
from imap_out.session.state import notify
from imap_out.session.state.capability import CONDSTORE
from imap_out.session.state.notify import Notice
from imap_out.session.state.refusals import Refusal
from imap_out.session.state.session import Completed, Session
from imap_out.wire.commands import Fetch, Notify
from imap_out.wire.fetch_items import BodySection, FetchItem
from imap_out.wire.sequence_set import SequenceSet
from mx_core.model.change import NameChanged, News, SubscriptionChanged
from mx_core.model.errors import Busy
from mx_core.model.mailbox_name import MailboxName
from mx_core.ports import MailboxInfo

_STATUS: Final = (b"MESSAGES", b"UIDNEXT", b"UIDVALIDITY", b"UNSEEN")


async def notify_(session: Session, command: Notify, out: Out) -> Completed:
    """RFC 5465 §3.1; the new groups take the place of all before."""
    asked = frozenset[bytes]().union(*(group.events for group in command.groups))
    if not asked <= notify.EVENTS:
        raise Refusal(b"BADEVENT (%b)" % b" ".join(notify.KNOWN), "these are the events known here")
    session.set_notice(Notice(command.groups))
    if command.status and session.notice is not None:
        boxes, subscribed = await _names(session)
        selected = None if session.view is None else session.view.mailbox
        for info in boxes:
            events = session.notice.events_of(info.name, subscribed)
            if info.id != selected and events & notify.OF_MESSAGES:
                out.put(_status(session, info, events))
                await out.room()
    return Completed(b"that is what will be told")


async def tell(session: Session, out: Out) -> None:
    """Tell what has happened elsewhere in the account since the last time."""
    notice = session.notice
    if notice is None or notice.watch is None:
        return
    try:
        news = notice.watch.take()
    except Busy:
        # RFC 5465 §5.8: from here on as after NOTIFY NONE, and the client is told so
        session.set_notice(Notice())
        out.put(b"* OK [NOTIFICATIONOVERFLOW] more happened than can be told; NOTIFY is over\r\n")
        return
    if not news:
        return
    boxes, subscribed = await _names(session)
    if not shows_folders(session.account):
        news = await _without_folders(session, news)
    for line in _told(session, notice, news, subscribed):
        out.put(line)
    happened = notify.by_mailbox(news)
    selected = None if session.view is None else session.view.mailbox
    for info in boxes:
        wanted = notice.events_of(info.name, subscribed)
        if info.id != selected and happened.get(info.id, set()) & wanted:
            out.put(_status(session, info, wanted))
            await out.room()


async def tell_arrivals(session: Session, first: int, out: Out) -> None:
    r"""Fetch what was asked for of each new message from number *first* on; sets no \Seen."""
    notice = session.notice
    group = None if notice is None else notice.selected
    if group is None or not group.items or session.view is None:
        return
    items = tuple(map(_peeking, group.items))
    last = len(session.view.rows)
    await fetch(session, Fetch(SequenceSet(((first, last),)), items), out)


def _peeking(item: FetchItem) -> FetchItem:
    return replace(item, peek=True) if isinstance(item, BodySection) else item


async def _names(session: Session) -> tuple[list[MailboxInfo], frozenset[MailboxName]]:
    boxes, subscribed = await session.mail.read(lambda reader: shown(reader, session.account))
    return boxes, frozenset(subscribed)


async def _without_folders(session: Session, news: Sequence[News]) -> list[News]:
    """Return *news* without those of names of folders, the ones that went included."""
    boxes = await session.mail.read(lambda reader: reader.mailboxes())
    of_folders: set[MailboxName | None] = {box.name for box in boxes if box.rule}
    for each in news:
        if isinstance(each, NameChanged) and each.by_rule:
            of_folders |= {each.old, each.new}
    return [
        each
        for each in news
        if not (isinstance(each, NameChanged) and each.by_rule)
        and not (isinstance(each, SubscriptionChanged) and each.name in of_folders)
    ]


def _status(session: Session, info: MailboxInfo, events: Collection[bytes]) -> bytes:
    """Spell STATUS; who asked for changes of flags finds them by modseq.  RFC 5465 §5.1."""
    knows = CONDSTORE in session.enabled or notify.FLAGS in events
    return status_line(session, info, (*_STATUS, b"HIGHESTMODSEQ") if knows else _STATUS)


def _told(
    session: Session, notice: Notice, news: Sequence[News], subscribed: Collection[MailboxName]
) -> list[bytes]:
    told: list[bytes] = []
    for each in news:
        match each:
            case NameChanged(old, new):
                names = [name for name in (old, new) if name is not None]
                if any(notify.NAME in notice.events_of(name, subscribed) for name in names):
                    told.append(_renamed(session, old, new))
            case SubscriptionChanged(name, is_subscribed):
                known = {name, *subscribed}  # SUBSCRIBED hears of what is no longer subscribed
                if notify.SUBSCRIPTION in notice.events_of(name, known):
                    attributes = b"\\Subscribed" if is_subscribed else b""
                    told.append(list_line(session, name, attributes=attributes))
            case _:
                pass  # told by STATUS
    return told


def _renamed(session: Session, old: MailboxName | None, new: MailboxName | None) -> bytes:
    # RFC 5465 §5.4
    if new is None:
        return list_line(session, old or "", attributes=b"\\NonExistent")
    return list_line(session, new, old=old)
