"""What a client is told that it did not ask for at that moment, and when it may be told.

News of the selected mailbox go with the answer to a command, and may come at any moment in IDLE or since NOTIFY
SET; those of other mailboxes come since NOTIFY alone.  RFC 9051 §7, RFC 2177, RFC 5465.
"""

from __future__ import annotations

from imap_out.session.answers.out import Out
from imap_out.session.mailboxes import do_notify
from imap_out.session.state.notify import EXPUNGE, FLAGS, NEW
from imap_out.session.state.session import Session


async def tell(session: Session, out: Out, *, expunges: bool, flags: bool = True) -> None:
    """Tell what is new: arrivals, and of the rest what may be told now; NOTIFY leaves some out."""
    view, notice = session.view, session.notice
    if view is not None:
        view.absorb()
        told = view.news(
            expunges=expunges and (notice is None or notice.allows(EXPUNGE)),
            arrivals=notice is None or notice.allows(NEW),
            flags=flags and (notice is None or notice.allows(FLAGS)),
        )
        for line in told:
            out.put(line)
            await out.room()
        if view.arrived:
            await do_notify.tell_arrivals(session, len(view.rows) - view.arrived + 1, out)
        if view.removed:
            session.farewell = b"the selected mailbox was deleted"
    await do_notify.tell(session, out)


async def push(session: Session, out: Out, *, idling: bool) -> None:
    """Tell what is new to a client that is waiting for it, or that NOTIFY tells without a command."""
    notice = session.notice
    if idling:
        await tell(session, out, expunges=True)
    elif notice is not None and notice.pushes_selected:
        await tell(session, out, expunges=notice.pushes_expunges)
    else:
        await do_notify.tell(session, out)


def are_pushed(session: Session) -> bool:
    """Tell whether news may be told without a command, and without IDLE."""
    notice = session.notice
    return notice is not None and notice.watch is not None


def can_come(session: Session) -> bool:
    """Tell whether ``come`` can ever return."""
    if session.notice is None:
        return session.view is not None
    return session.notice.watch is not None


async def come(session: Session) -> None:
    """Return when there may be news."""
    if session.notice is not None and session.notice.watch is not None:
        await session.notice.watch.wait()  # of the selected mailbox, too
    elif session.view is not None:
        await session.view.changed()
