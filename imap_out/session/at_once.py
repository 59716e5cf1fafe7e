"""Commands that are answered without waiting for anything: NOOP, STATUS, FETCH and STORE of one message.

Of an APPEND, what is said to its first line.

To a client that nothing else is to be told, the whole answer is put in one go, so the shell need not even
wake the task of the connection for it.  Whatever is not plain is left to the way of all commands,
whose answer is the same to the octet.  ADR 0057.
"""

from __future__ import annotations

import re
from typing import Final

from imap_out.session.answers.out import Out
from imap_out.session.fetch import lone
from imap_out.session.mailboxes.do_mailbox import status_line
from imap_out.session.messages import lone_store
from imap_out.session.state.session import Session
from imap_out.session.state.told_status import ToldStatus
from imap_out.wire.commands import Status
from imap_out.wire.cursor import TAG_CLASS
from imap_out.wire.framing import Frame, Framer, GoAhead
from imap_out.wire.parse import parse
from imap_out.wire.syntax import BadSyntax
from mx_core.model.address import Address
from mx_core.model.errors import MailError
from mx_core.model.mailbox_name import mailbox_name

_LINE: Final = re.compile(rb"[^\r\n\0{]{1,300}")  # one, and no literal in it
_PLAIN: Final = re.compile(
    rb"([%b]{1,32}) (?:(NOOP)|(STATUS [ -z]{1,200}))" % TAG_CLASS, re.IGNORECASE
)
_ASKS: Final = re.compile(
    rb"[%b]{1,32} APPEND [^\r\n\0{]{1,300}\{([0-9]{1,5})\}\r\n" % TAG_CLASS, re.IGNORECASE
)
_KEPT_MAX: Final = 64  # answers of one session
_LONGER: Final = frozenset({b"HIGHESTMODSEQ", b"DELETED-STORAGE"})  # begins something; is counted


def answer(session: Session, text: bytes, out: Out) -> bool:
    """Put the whole answer to the command *text*, its tagged line included; False: nothing was done.

    Of a *text* that is no line, or more than one, nothing is done.
    """
    view, account = session.view, session.account
    if account is None or session.ended or session.notice is not None:
        return False
    if view is not None:
        if not view.is_told_all:
            return False
        if lone.answer(session, view, text, out):
            return True
    if _LINE.fullmatch(text) is None:
        return False
    found = _PLAIN.fullmatch(text)
    if found is None:
        return view is not None and lone_store.answer(session, view, text, out)
    if found[2] is not None:
        out.put(found[1] + b" OK done\r\n")
        return True
    try:
        line = _status(session, found[3], account.address)
    except (BadSyntax, MailError):
        return False  # the longer way meets it too, and says what it means
    if line is None:
        return False
    out.put(line + found[1] + b" OK that is its status\r\n")
    return True


def ask_for_literal(session: Session, octets: bytes, framer: Framer, out: Out) -> bool:
    """Ask for the message that an APPEND announces, if that is all that has come; False: nothing was done.

    For a message of some length: whatever could be refused is the longer way's.
    """
    asks = _ASKS.fullmatch(octets)
    if asks is None or session.account is None:
        return False
    if int(asks[1]) > min(session.limits.message_octets, session.limits.append_octets):
        return False
    framer.feed(octets)
    event = framer.next_frame()
    assert isinstance(event, GoAhead)  # noqa: S101  # the framer refuses nothing else of such a line
    out.put(b"+ OK\r\n")
    return True


def _status(session: Session, asked: bytes, owner: Address) -> bytes | None:
    """Return the untagged answer to *asked*, a STATUS without its tag; None: it is not plain."""
    utf8 = session.utf8_names
    key = b"8" + asked if utf8 else asked
    told = session.told_statuses.get(key)
    if told is None:
        _, command = parse(Frame((b"a " + asked,)), utf8=utf8)
        if not isinstance(command, Status) or not _LONGER.isdisjoint(command.items):
            return None
        told = ToldStatus(mailbox_name(command.mailbox), command.items)
    info = session.mail.mailbox(told.name)
    recent = session.claims.unclaimed(owner, info.id, info.recent, info.uid_next)
    if info is not told.info or recent != told.recent:
        line = status_line(session, info, told.items)
        told = ToldStatus(told.name, told.items, info, recent, line)
        if len(session.told_statuses) >= _KEPT_MAX:
            session.told_statuses.clear()
        session.told_statuses[key] = told
    return told.line
