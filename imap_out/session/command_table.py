"""Which command in which state, and who does it; what is told before and after it.

AUTHENTICATE and IDLE are in no room: they are ``dialogues``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from imap_out.session import auth, do_always, news
from imap_out.session.answers import resync
from imap_out.session.answers.out import Out
from imap_out.session.fetch import do_fetch
from imap_out.session.mailboxes import do_list, do_mailbox, do_notify, do_quota
from imap_out.session.messages import do_append, do_message, do_replace
from imap_out.session.search import do_search, do_sort, saved
from imap_out.session.state import capability
from imap_out.session.state.meant import asks_for_new
from imap_out.session.state.session import Completed, Session, State
from imap_out.wire import commands
from imap_out.wire.commands import Command

Handler = Callable[[Session, Any, Out], Awaitable[Completed]]

_ALWAYS: Final = frozenset({State.NEW, State.AUTHENTICATED, State.SELECTED})
_NEW: Final = frozenset({State.NEW})
_LOGGED_IN: Final = frozenset({State.AUTHENTICATED, State.SELECTED})
_SELECTED: Final = frozenset({State.SELECTED})

# RFC 9051 §6
COMMANDS: Final[dict[type[Command], tuple[frozenset[State], Handler]]] = {
    commands.Capability: (_ALWAYS, do_always.capabilities),
    commands.Noop: (_ALWAYS, do_always.noop),
    commands.Id: (_ALWAYS, do_always.id_),
    commands.Logout: (_ALWAYS, do_always.logout),
    commands.StartTls: (_NEW, auth.start_tls),
    commands.Login: (_NEW, auth.login),
    commands.Compress: (_LOGGED_IN, do_always.compress),
    commands.Enable: (_LOGGED_IN, do_always.enable),
    commands.Namespace: (_LOGGED_IN, do_always.namespace),
    commands.Select: (_LOGGED_IN, do_mailbox.select),
    commands.Create: (_LOGGED_IN, do_mailbox.create),
    commands.Delete: (_LOGGED_IN, do_mailbox.delete),
    commands.Rename: (_LOGGED_IN, do_mailbox.rename),
    commands.Subscribe: (_LOGGED_IN, do_mailbox.subscribe),
    commands.List: (_LOGGED_IN, do_list.list_),
    commands.Lsub: (_LOGGED_IN, do_list.lsub),
    commands.Status: (_LOGGED_IN, do_mailbox.status),
    commands.GetQuota: (_LOGGED_IN, do_quota.get_quota),
    commands.GetQuotaRoot: (_LOGGED_IN, do_quota.get_quota_root),
    commands.SetQuota: (_LOGGED_IN, do_quota.set_quota),
    commands.Append: (_LOGGED_IN, do_append.append),
    commands.Notify: (_LOGGED_IN, do_notify.notify_),
    commands.Check: (_SELECTED, do_always.noop),
    commands.Close: (_SELECTED, do_mailbox.close),
    commands.Unselect: (_SELECTED, do_mailbox.unselect),
    commands.Expunge: (_SELECTED, do_message.expunge),
    commands.Search: (_SELECTED, do_search.search),
    commands.Sort: (_SELECTED, do_sort.sort),
    commands.Thread: (_SELECTED, do_sort.thread),
    commands.Fetch: (_SELECTED, do_fetch.fetch),
    commands.Store: (_SELECTED, do_message.store),
    commands.Replace: (_SELECTED, do_replace.replace),
    commands.Copy: (_SELECTED, do_message.copy),
}
ALLOWED_IN: Final[dict[type[Command], frozenset[State]]] = {
    **{kind: states for kind, (states, _) in COMMANDS.items()},
    commands.Authenticate: _NEW,
    commands.Idle: _LOGGED_IN,
}
# RFC 3501 §7.4.1: sequence numbers stay as they are during these, unless they go by UID
_KEEPS_NUMBERS: Final = (
    commands.Fetch | commands.Store | commands.Search | commands.Sort | commands.Thread
)


async def perform(session: Session, command: Command, out: Out) -> Completed:
    """Do *command*, which is allowed in this state and no dialogue; raises what its room raises."""
    command = saved.spelled_out(command, session.view)
    view, knew = session.view, capability.CONDSTORE in session.enabled
    if view is not None and asks_for_new(command, view):
        # what came is told before the answer, and is in it; all else waits for the end
        await news.tell(session, out, expunges=False, flags=False)
    completed = await COMMANDS[type(command)][1](session, command, out)
    if not knew and view is not None and session.view is view:
        resync.begin_modseqs(session, command, view, out)
    held = isinstance(command, _KEEPS_NUMBERS) and not getattr(command, "by_uid", False)
    if not isinstance(command, commands.Select):
        # what happens while SELECT is answered waits: programs that resynchronise count on
        # its one EXISTS
        await news.tell(session, out, expunges=not held)
    return resync.with_modseq(session, completed) if completed.tells_modseq else completed
