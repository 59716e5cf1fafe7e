"""NOTIFY: which events of which mailboxes a client wants to hear of.  RFC 5465 §8."""

from __future__ import annotations

from typing import Final

from imap_out.wire.commands import EventGroup, Mailboxes, Notify
from imap_out.wire.cursor import Cursor
from imap_out.wire.fetch_items import FetchItem
from imap_out.wire.parse_fetch import item

_GROUPS_MAX: Final = 100
_SELECTED: Final = frozenset({Mailboxes.SELECTED, Mailboxes.SELECTED_DELAYED})
_NAMED: Final = frozenset({Mailboxes.SUBTREE, Mailboxes.NAMED})
_OF_MESSAGES: Final = frozenset({b"MESSAGENEW", b"MESSAGEEXPUNGE"})
_OF_NAMES: Final = frozenset({b"MAILBOXNAME", b"SUBSCRIPTIONCHANGE"})


def notify(args: Cursor) -> Notify:
    """Read what follows ``NOTIFY``."""
    # notify       = "NOTIFY" SP (notify-add / notify-remove)
    # notify-add   = "SET" [SP "STATUS"] SP event-groups
    # event-groups = event-group *(SP event-group)
    args.space()
    if args.takes(b"NONE"):
        return Notify(())
    args.expect(b"SET")
    status = args.takes(b" STATUS")
    groups: list[EventGroup] = []
    while args.takes(b" ") and not args.at_end():
        groups.append(_group(args))
        if len(groups) > _GROUPS_MAX:
            raise args.bad(f"at most {_GROUPS_MAX} groups of events")
    if not groups:
        raise args.bad("a group of events")
    if sum(group.mailboxes in _SELECTED for group in groups) > 1:
        raise args.bad("the selected mailbox once")  # RFC 5465 §6.1
    return Notify(tuple(groups), status)


def _group(args: Cursor) -> EventGroup:
    # event-group = "(" filter-mailboxes SP events ")"
    # events      = ("(" event *(SP event) ")") / "NONE"
    args.expect(b"(")
    name = args.word()
    try:
        mailboxes = Mailboxes(name)
    except ValueError as error:
        raise args.bad("which mailboxes") from error
    names: tuple[str, ...] = ()
    if mailboxes in _NAMED:
        # one-or-more-mailbox = mailbox / "(" mailbox *(SP mailbox) ")"
        args.space()
        names = tuple(args.listed(args.mailbox)) if args.sees(b"(") else (args.mailbox(),)
    args.space()
    events: list[tuple[bytes, tuple[FetchItem, ...]]] = []
    if not args.takes(b"NONE"):
        events = args.listed(lambda: _event(args))
    args.expect(b")")
    group = EventGroup(
        mailboxes,
        names,
        frozenset(event for event, _ in events),
        tuple(each for _, items in events for each in items),
    )
    _make_sense(args, group)
    return group


def _event(args: Cursor) -> tuple[bytes, tuple[FetchItem, ...]]:
    # message-event = ("MessageNew" [SP "(" fetch-att *(SP fetch-att) ")"]) / "MessageExpunge" / …
    # Any atom is an event that somebody may know: that we do not is NO [BADEVENT], not BAD.
    event = args.atom().upper()
    if event == b"MESSAGENEW" and args.takes(b" ("):
        items = [item(args)]
        while args.takes(b" "):
            items.append(item(args))
        args.expect(b")")
        return event, tuple(items)
    return event, ()


def _make_sense(args: Cursor, group: EventGroup) -> None:
    """Refuse what RFC 5465 §5 and §6.1 forbid."""
    of_messages = group.events & _OF_MESSAGES
    if of_messages and of_messages != _OF_MESSAGES:
        raise args.bad("MessageNew and MessageExpunge together")
    if b"FLAGCHANGE" in group.events and not of_messages:
        raise args.bad("FlagChange with MessageNew and MessageExpunge")
    if group.mailboxes in _SELECTED and group.events & _OF_NAMES:
        raise args.bad("events of messages for the selected mailbox")
    if group.mailboxes not in _SELECTED and group.items:
        raise args.bad("fetch items only for the selected mailbox")
