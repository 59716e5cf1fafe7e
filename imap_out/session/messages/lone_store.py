"""STORE of one message by a client that is alone: changed, committed and answered without waiting.  ADR 0058.

To a client that nothing else is to be told of, and where nobody else is at work.  Whatever is not plain
is left to ``do_message.store``, whose answer is the same to the octet.
"""

from __future__ import annotations

from typing import cast

from imap_out.session.answers.out import Out
from imap_out.session.messages import known_store
from imap_out.session.state.as_thought import otherwise
from imap_out.session.state.selected import SelectedView
from imap_out.session.state.session import Session
from mx_core.model.errors import MailError
from mx_core.model.ids import Uid


def answer(session: Session, view: SelectedView, text: bytes, out: Out) -> bool:
    """Put the whole answer to the command *text*, its tagged line included; False: nothing was done.

    The caller has seen to it that *session*, whose *view* it is, is without NOTIFY, and told of everything.
    """
    read = known_store.read(text)
    if read is None or view.read_only or view.tells_modseq:
        return False
    tag, command = read
    [number] = command.which.numbers
    before = view.rows
    at = before.position(number) if command.by_uid else number - 1
    if at is None or at >= len(before) or not session.is_alone():
        return False
    part, inside = before.row(at)
    uids = [cast("Uid", part.uids[inside])]
    try:
        # Crash before the commit: no flag has changed, and the client was told nothing.
        done = session.mail.write_here(
            lambda writer: writer.store_flags(view.mailbox, uids, command.change, command.flags)
        )
    except MailError:
        return False  # nothing was stored; the longer way meets it too, and says what it means
    if done is None:
        return False
    view.absorb()
    for line in view.new_keywords():
        out.put(line)
    if not command.silent or not otherwise(before, view.rows, [at], command):
        view.told(uids)
    if not command.silent:
        out.put(view.flags_line(at))
    for line in view.news(expunges=command.by_uid):
        out.put(line)
    out.put(tag + b" OK stored\r\n")
    return True
