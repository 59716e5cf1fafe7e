"""FETCH of the octets of one message, or of a range of them, answered in one go.

A program that reads one message after the other, or one range after the other, waits each time for what
the command costs and not for what it reads.  So the usual form of it, to a client that nothing is to be told
of otherwise, takes a shorter way: what is asked is looked up by its text, nothing is waited for, and answer and tagged line
leave together.  Whatever is not plain is left to the longer way, whose answer is the same to the octet.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from msgspec import Struct

from imap_out.session.answers.out import Out
from imap_out.session.fetch.bodies import Plan, asked_of, value
from imap_out.session.fetch.do_fetch import items_told, sets_seen
from imap_out.session.state.selected import SelectedView
from imap_out.session.state.session import Session
from imap_out.wire.fetch_items import Attribute
from imap_out.wire.parse_fetch import LONE, fetch_one
from mx_core.model.errors import MailError
from mx_core.model.ids import MessageId
from mx_core.trail_port import Step

_KNOWN_MAX: Final = 64
_OCTETS_MAX: Final = 200  # of a command that is looked at here


class _Lone(Struct, frozen=True):
    """What is asked, whichever message and range it is asked of."""

    plan: Plan
    peeks: bool


def answer(session: Session, view: SelectedView, text: bytes, out: Out) -> bool:
    """Put the whole answer to the command *text*, its tagged line included; False: nothing was done.

    The caller has seen to it that *session*, whose *view* it is, is without NOTIFY, and told of everything.
    """
    found = LONE.fullmatch(text) if len(text) <= _OCTETS_MAX else None
    if found is None:
        return False
    tag, uid, number, before, first, count, after = found.groups()
    lone = _lone(before, after, uid)
    if lone is None or not (lone.peeks or view.read_only):
        return False
    rows = view.rows
    at = int(number) - 1 if uid is None else rows.position(int(number))
    if at is None or at >= len(rows):
        return False
    part, inside = rows.row(at)
    message = MessageId(part.messages[inside])
    plan = lone.plan
    try:
        if first is None:
            row = session.mail.whole(message, session.limits.read_octets)
        else:
            start, most = int(first), int(count)
            if most > session.limits.read_octets:
                return False
            row = 0, 0, session.ahead.read(session.mail, message, start, start + most)
    except MailError:
        return False  # the longer way meets it too, and says what it means
    octets = row[2]
    if octets is None:
        return False
    told = [value(attribute, view, part, inside, row) for attribute in plan.before]
    if first is not None:
        told.append(int(first))
    head = plan.head % (at + 1, *told, len(octets))
    tail = plan.tail
    if plan.after:
        tail %= tuple([value(attribute, view, part, inside, row) for attribute in plan.after])
    out.put_literal(head, octets, tail + tag + b" OK fetched\r\n")
    session.trail.reached(Step.FETCHED)
    return True


@lru_cache(_KNOWN_MAX)
def _lone(before: bytes, after: bytes | None, uid: bytes | None) -> _Lone | None:
    """Return what stands around the range between *before* and *after*, if it is plain."""
    told = before if after is None else before + b"<0.1>" + after
    command = fetch_one(1, told, by_uid=uid is not None)  # of one line, or it is none
    if command is None or command.changed_since is not None or command.partial is not None:
        return None
    items = items_told(command)
    asked = asked_of(items)
    if asked is None or (asked.partial is None) != (after is None) or Attribute.MODSEQ in items:
        return None
    return _Lone(asked.plan, not sets_seen(items))
