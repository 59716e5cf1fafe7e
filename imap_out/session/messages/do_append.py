"""APPEND: one message or many, all of them or none, in one durable commit.  RFC 3502."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from imap_out.session.answers.out import Out
from imap_out.session.mailboxes.do_quota import require_room
from imap_out.session.messages.gathered import Gathered
from imap_out.session.state.refusals import Refusal
from imap_out.session.state.session import Completed, Session
from imap_out.wire.commands import Append, NewMessage
from imap_out.wire.sequence_set import uid_set
from mx_core.mime.prepare import prepare
from mx_core.mime.without_nul import without_nul
from mx_core.model.errors import NoSuchMailbox
from mx_core.model.flags import FlagSet
from mx_core.model.mailbox_name import MailboxName, mailbox_name
from mx_core.ports import Appended, MailWriter, NewMail

_SMALL_OCTETS: Final = 64 * 1024  # prepared in under a few milliseconds
FEW: Final = 16  # messages, which are changed within a millisecond or two
_KEYWORDS_MAX: Final = 100
_KEYWORD_OCTETS_MAX: Final = 200


async def append(
    session: Session, command: Append, _out: Out, gathered: Gathered | None = None
) -> Completed:
    """RFC 9051 §6.3.12, RFC 3502.  The octets are stored as they came; see spec/octets.

    *gathered*: others are under way beside this one.
    """
    name = mailbox_name(command.mailbox)
    messages = await prepared(session, command.messages)

    add = adding(session, name, messages)

    try:
        if gathered is None:
            alone = is_small(command.messages) and session.is_alone()
            done = session.mail.write_here(add) if alone else None
            appended = done[0] if done is not None else await session.mail.write(add)
        else:
            appended = await gathered.append(
                session.mail, name, messages, partial(require_room, session)
            )
    except NoSuchMailbox as error:
        raise Refusal(b"TRYCREATE", "there is no such mailbox") from error
    return Completed(b"kept", append_uid(appended))


def adding(
    session: Session, name: MailboxName, messages: Sequence[NewMail]
) -> Callable[[MailWriter], list[Appended]]:
    """Return the job that adds *messages* to the mailbox *name*, all of them or, without room, none."""

    def add(writer: MailWriter) -> list[Appended]:
        # Crash before the commit: none of them is there, and the client was told nothing.
        appended = writer.append_all(writer.mailbox_id(name), messages)
        require_room(session, writer)
        return appended

    return add


def is_small(messages: Sequence[NewMessage]) -> bool:
    """Tell whether *messages* are few and short, so that the loop may wait for them."""
    return len(messages) <= FEW and sum(len(new.octets) for new in messages) <= _SMALL_OCTETS


async def prepared(session: Session, messages: Sequence[NewMessage]) -> list[NewMail]:
    """Return what is to be kept of new messages; raises Refusal for one that can not be."""
    work = _work(session, messages)
    if sum(len(new.octets) for new, waits in work if not waits) <= _SMALL_OCTETS:
        return [_prepared(new, waits=waits) for new, waits in work]
    # off the event loop: a read job runs where waiting does no harm
    return await session.mail.read(lambda _: [_prepared(new, waits=waits) for new, waits in work])


def prepared_here(session: Session, messages: Sequence[NewMessage]) -> list[NewMail]:
    """As ``prepared``, of small ones."""
    return [_prepared(new, waits=waits) for new, waits in _work(session, messages)]


def _work(session: Session, messages: Sequence[NewMessage]) -> list[tuple[NewMessage, bool]]:
    """Return which of *messages* are stored before their forms are made."""
    for new in messages:
        if not new.octets:
            raise Refusal(b"CANNOT", "an empty message can not be kept")
        bound_keywords(new.flags)
    late = session.mail.forms_may_wait([len(new.octets) for new in messages])
    return [(new, waits and not new.binary) for new, waits in zip(messages, late, strict=True)]


def _prepared(new: NewMessage, *, waits: bool) -> NewMail:
    octets = without_nul(new.octets) if new.binary else new.octets
    if octets is None:
        raise Refusal(b"UNKNOWN-CTE", "NUL may stand in a part whose encoding is binary only")
    return NewMail(octets, None if waits else prepare(octets), new.flags, new.date)


def append_uid(appended: Sequence[Appended]) -> bytes:
    """Spell APPENDUID: the UIDs of one transaction rise in the order given.  RFC 4315 §3."""
    uids = uid_set([each.uid for each in appended])
    return b"APPENDUID %d %b" % (appended[0].uid_validity, uids)


def bound_keywords(flags: FlagSet) -> None:
    """Refuse flags beyond what is kept of one message."""
    if len(flags) > _KEYWORDS_MAX or any(len(flag) > _KEYWORD_OCTETS_MAX for flag in flags):
        raise Refusal(b"LIMIT", f"at most {_KEYWORDS_MAX} flags of {_KEYWORD_OCTETS_MAX} octets")
