"""APPEND by a client that is alone: stored, committed and answered without waiting.  ADR 0058.

As ``lone_store``; what is said and kept is what ``do_append.append`` says and keeps.
"""

from __future__ import annotations

from imap_out.session.answers.out import Out
from imap_out.session.messages import known_append
from imap_out.session.messages.do_append import adding, append_uid, is_small, prepared_here
from imap_out.session.state.refusals import Refusal
from imap_out.session.state.session import Session
from imap_out.wire.commands import Append
from imap_out.wire.framing import Frame
from imap_out.wire.parse import parse
from imap_out.wire.syntax import BadSyntax
from mx_core.model.errors import MailError
from mx_core.model.mailbox_name import mailbox_name


def answer(session: Session, frame: Frame, out: Out) -> bool:
    """Put the whole answer to *frame*, its tagged line included; False: nothing was done.

    The caller has seen to it that *session* is logged in and in no dialogue.
    """
    view = session.view
    if session.ended or session.notice is not None or not session.is_alone():
        return False
    if view is not None and not view.is_told_all:
        return False
    try:
        utf8 = session.utf8_names
        tag, command = known_append.read(frame, utf8=utf8) or parse(frame, utf8=utf8)
        if not isinstance(command, Append) or not is_small(command.messages):
            return False
        name, messages = mailbox_name(command.mailbox), prepared_here(session, command.messages)
        done = session.mail.write_here(adding(session, name, messages))
    except (BadSyntax, MailError, Refusal):
        return False  # nothing was stored; the longer way meets it too, and says what it means
    if done is None:
        return False
    if view is not None:
        view.absorb()
        for line in view.news(expunges=True):
            out.put(line)
    out.put(b"%b OK [%b] kept\r\n" % (tag, append_uid(done[0])))
    return True
