"""One connection without its socket: octets in by the framer, answers out by `Out`.

Every command passes through here: framed, parsed, allowed or not in this state, done, its news
told, its answer tagged.  This is the only place where an error becomes an answer, and holds the
one catch-all of a connection.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any, Final

from imap_out.session import at_once, auth, do_always
from imap_out.session.answers import resync
from imap_out.session.answers.out import Out
from imap_out.session.auth import Exchange
from imap_out.session.fetch import do_fetch
from imap_out.session.mailboxes import do_list, do_mailbox, do_notify, do_quota
from imap_out.session.messages import do_append, do_message, do_replace
from imap_out.session.messages.gathered import Begin, UnderWay
from imap_out.session.overlap import Overlap
from imap_out.session.prompt import Prompt
from imap_out.session.search import do_search, do_sort, saved
from imap_out.session.state import capability, refusals
from imap_out.session.state.hiding import Hiding
from imap_out.session.state.meant import asks_for_new
from imap_out.session.state.notify import EXPUNGE, FLAGS, NEW
from imap_out.session.state.recent import RecentClaims
from imap_out.session.state.refusals import ClientBug, Refusal
from imap_out.session.state.session import Completed, Security, Session, State
from imap_out.session.state.shelves import Shelves
from imap_out.wire import commands
from imap_out.wire.commands import Append, Authenticate, Command, Idle
from imap_out.wire.framing import Frame, Framer, GoAhead, Poisoned
from imap_out.wire.limits import Limits
from imap_out.wire.parse import parse
from imap_out.wire.syntax import BadSyntax
from mx_core.model.errors import MailError, NoSuchMailbox
from mx_core.ports import Accounts

Handler = Callable[[Session, Any, Out], Awaitable[Completed]]

_ALWAYS: Final = frozenset({State.NEW, State.AUTHENTICATED, State.SELECTED})
_NEW: Final = frozenset({State.NEW})
_LOGGED_IN: Final = frozenset({State.AUTHENTICATED, State.SELECTED})
_SELECTED: Final = frozenset({State.SELECTED})

# which command in which state, and who does it                          RFC 9051 §6
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
# AUTHENTICATE and IDLE are dialogues and stand below
_DIALOGUES: Final[dict[type[Command], frozenset[State]]] = {
    Authenticate: _NEW,
    Idle: _LOGGED_IN,
}
# RFC 3501 §7.4.1: sequence numbers stay as they are during these, unless they go by UID
_KEEPS_NUMBERS: Final = (
    commands.Fetch | commands.Store | commands.Search | commands.Sort | commands.Thread
)
_NONSENSE_MAX: Final = 10  # a web browser that was made to speak to this port gives up here


class Next(Enum):
    """What the shell does now."""

    GO_ON = "call step again"
    READ = "feed the framer, then call step"
    COMPRESS = "flush, then go on compressed"
    START_TLS = "drop what is buffered, start TLS, call secured"
    CLOSE = "flush and close"


class Connection:
    """The dialogue of one connection.  Owned by its task."""

    def __init__(
        self,
        accounts: Accounts,
        limits: Limits,
        security: Security,
        claims: RecentClaims,
        report: Callable[[BaseException], str],
        shelves: Shelves | None = None,
        hiding: Hiding | None = None,
        begin: Begin | None = None,
    ) -> None:
        self.session = Session(accounts, limits, security, claims, shelves or Shelves())
        self.session.hiding = hiding or Hiding()
        self.framer = Framer(limits)
        self._report = report  # notes a bug in the log, returns the reference that finds it there
        self._exchange: Exchange | None = None
        self._idle_tag: bytes | None = None
        self.overlap = Overlap(begin)
        self.prompt = Prompt(self.session, self.framer, self.overlap)

    # ── for the shell ───────────────────────────────────────────────────────────────
    @property
    def pushes(self) -> bool:
        """Tell whether news may be told at any moment: in IDLE, or since NOTIFY SET."""
        notice = self.session.notice
        return self._idle_tag is not None or (notice is not None and notice.watch is not None)

    @property
    def awaits_changes(self) -> bool:
        """Tell whether `changed` can ever return."""
        view, notice = self.session.view, self.session.notice
        return view is not None if notice is None else notice.watch is not None

    def greet(self, out: Out) -> None:
        """Say the greeting.  RFC 9051 §7.1.5."""
        out.put(b"* OK [CAPABILITY %b] mx-gateway\r\n" % self.session.capabilities())

    def say_goodbye(self, sentence: str, out: Out) -> None:
        """Say the BYE of an end that the client did not ask for."""
        out.put(b"* BYE %b\r\n" % refusals.text(sentence))

    def secured(self, security: Security) -> None:
        """Note that TLS has begun: nothing said before counts.  RFC 9051 §6.2.1."""
        self.session.security = security
        self.session.wants_tls = False

    async def changed(self) -> None:
        """Return when there may be news to push."""
        if self.session.notice is not None and self.session.notice.watch is not None:
            await self.session.notice.watch.wait()  # of the selected mailbox, too
        elif self.session.view is not None:
            await self.session.view.changed()

    async def tell_news(self, out: Out) -> Next:
        """Tell what is new to a client that hears of it without asking."""
        notice = self.session.notice
        if self._idle_tag is not None or (notice is not None and notice.pushes_selected):
            expunges = self._idle_tag is not None or (notice is not None and notice.pushes_expunges)
            await self._news(out, expunges=expunges)
        else:
            await do_notify.tell(self.session, out)
        return self._after(out)

    async def close(self) -> None:
        """Let go of everything."""
        self.session.ended = True
        self.overlap.give_up()
        self.session.set_notice(None)
        await self.session.deselect()

    def at_once(self, octets: bytes, out: Out) -> bool:
        """Put the whole answer to *octets*, if they are all that came and nothing need be waited for.

        To be asked while the shell would wait for octets; False: nothing was done.
        """
        in_dialogue = self._exchange is not None or self._idle_tag is not None
        return not in_dialogue and self.prompt.answer(octets, out)

    async def step(self, out: Out) -> Next:
        """Do the next thing that the buffered octets ask for."""
        if self._exchange is not None or self._idle_tag is not None:
            return await self._take_line(out)
        if self.overlap.idle:
            event = self.framer.next_frame()
            if isinstance(event, Frame) and at_once.answer(self.session, event.segments[0], out):
                return Next.GO_ON if self.framer.waiting else Next.READ
        else:
            event = self.overlap.take_held() or self.framer.next_frame()
        if self.overlap and not self.overlap.may_join(event):
            if event is None and not self.overlap.hungry:
                self.overlap.hungry = True
                return Next.GO_ON
            self.overlap.hold(event)
            return await self.answer_oldest(out)
        match event:
            case None:
                return Next.READ
            case GoAhead():
                out.put(b"+ OK\r\n")
                return Next.GO_ON
            case Poisoned() as poisoned:
                return self._refuse_frame(poisoned, out)
            case Frame() as frame:
                self.prompt.forget()
                next_ = await self._do(frame, out)
                more = next_ is not Next.GO_ON or self.framer.waiting or not self.overlap.idle
                return next_ if more else Next.READ  # as the next step would find out

    async def answer_oldest(self, out: Out) -> Next:
        """Answer the oldest of the commands under way, once it is durable."""
        self.overlap.hungry = False
        tag, command = await self.overlap.oldest(out.flush)
        out.begin(tag)
        await self._answer(tag, lambda: self._conclude(command, out), out)
        return self._after(out)

    # ── one command ─────────────────────────────────────────────────────────────────
    async def _do(self, frame: Frame, out: Out) -> Next:
        try:
            tag, command = parse(frame, utf8=self.session.utf8_names)
        except BadSyntax as error:
            if self.overlap:
                self.overlap.hold(frame)
                return await self.answer_oldest(out)
            return self._bad(error.tag, str(error), out)
        kind = type(command)
        states = COMMANDS[kind][0] if kind in COMMANDS else _DIALOGUES[kind]
        if self.session.state not in states:
            return self._bad(tag, f"not now: the state is {self.session.state.value}", out)
        # a lone one is done at once, without a task
        joins = (self.overlap or self.framer.waiting) and self.overlap.may_join(frame)
        if isinstance(command, Append) and joins:
            self.overlap.hungry = False
            gathered = self.overlap.gathered
            self.overlap.begin(tag, do_append.append(self.session, command, out, gathered))
            await out.breathe()
            return Next.GO_ON
        out.begin(tag)
        await self._answer(tag, lambda: self._perform(tag, command, out), out)
        return self._after(out)

    async def _conclude(self, command: UnderWay, out: Out) -> Completed:
        completed: Completed = await command
        await self._news(out, expunges=True)
        return completed

    async def _perform(self, tag: bytes, command: Command, out: Out) -> Completed | None:
        if isinstance(command, Authenticate):
            return await self._go_on(auth.begin(self.session, tag, command), out)
        if isinstance(command, Idle):
            # first of all: some programs take whatever else comes for a refusal
            out.put(b"+ idling\r\n")
            self._idle_tag = tag
            await self._news(out, expunges=True)
            return None
        command = saved.spelled_out(command, self.session.view)
        view, knew = self.session.view, capability.CONDSTORE in self.session.enabled
        if view is not None and asks_for_new(command, view):
            # what came is told before the answer, and is in it; all else waits for the end
            await self._news(out, expunges=False, flags=False)
        completed = await COMMANDS[type(command)][1](self.session, command, out)
        if not knew and view is not None and self.session.view is view:
            resync.begin_modseqs(self.session, command, view, out)
        held = isinstance(command, _KEEPS_NUMBERS) and not getattr(command, "by_uid", False)
        if not isinstance(command, commands.Select):
            # what happens while SELECT is answered waits: programs that resynchronise count on
            # its one EXISTS
            await self._news(out, expunges=not held)
        return resync.with_modseq(self.session, completed) if completed.tells_modseq else completed

    async def _news(self, out: Out, *, expunges: bool, flags: bool = True) -> None:
        """Tell what is new: arrivals, and of the rest what may be told now; NOTIFY leaves some out."""
        view, notice = self.session.view, self.session.notice
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
                await do_notify.tell_arrivals(self.session, len(view.rows) - view.arrived + 1, out)
            if view.removed:
                self.session.farewell = b"the selected mailbox was deleted"
        await do_notify.tell(self.session, out)

    async def _answer(
        self, tag: bytes, job: Callable[[], Awaitable[Completed | None]], out: Out
    ) -> None:
        """Run *job* and give the tagged answer, whatever happens in it."""
        try:
            completed = await job()
        except (BadSyntax, ClientBug) as error:
            out.put(refusals.bad(tag, str(error)))
        except Refusal as error:
            out.put(refusals.no(tag, error.code, str(error)))
        except NoSuchMailbox:
            out.put(refusals.no(tag, b"NONEXISTENT", "there is no such mailbox"))
        except MailError as error:
            if out.in_literal:
                raise  # the client waits for octets: only closing tells it the truth
            out.put(refusals.no(tag, refusals.code_for(error), str(error)))
        except OSError:
            raise  # the connection, not the command
        except Exception as error:  # the one catch-all of a connection
            reference = self._report(error)
            if out.in_literal:
                raise
            sentence = f"an error of ours; it is in the log as {reference}"
            out.put(refusals.no(tag, b"SERVERBUG", sentence))
        else:
            if completed is not None:
                code = b"[%b] " % completed.code if completed.code else b""
                out.put(b"%b OK %b%b\r\n" % (tag, code, completed.text))

    # ── dialogues ───────────────────────────────────────────────────────────────────
    async def _take_line(self, out: Out) -> Next:
        line = self.framer.next_line()
        if line is None:
            return Next.READ
        tag = self._idle_tag or (self._exchange.tag if self._exchange else b"*")
        if isinstance(line, Poisoned):
            self._exchange = self._idle_tag = None
            next_ = self._bad(tag, line.reason, out)
            return Next.CLOSE if line.close else next_
        if self._exchange is not None:
            exchange, self._exchange = self._exchange, None

            async def proceed() -> Completed | None:
                exchange.answer(line)
                return await self._go_on(exchange, out)

            await self._answer(tag, proceed, out)
            return self._after(out)
        self._idle_tag = None
        # idle = "IDLE" CRLF "DONE"                                      RFC 2177 §4
        if line.upper() != b"DONE":
            return self._bad(tag, "IDLE ends with DONE", out)
        await self._news(out, expunges=True)
        out.put(b"%b OK no longer idling\r\n" % tag)
        return self._after(out)

    async def _go_on(self, exchange: Exchange, out: Out) -> Completed | None:
        challenge = exchange.challenge()
        if challenge is None:
            return await auth.finish(self.session, exchange)
        out.put(challenge)
        self._exchange = exchange
        return None

    # ── refusing and ending ─────────────────────────────────────────────────────────
    def _refuse_frame(self, poisoned: Poisoned, out: Out) -> Next:
        if poisoned.close:
            out.put(refusals.bad(poisoned.tag, poisoned.reason))
            self.say_goodbye(poisoned.reason, out)
            return Next.CLOSE
        if poisoned.too_big:
            out.put(refusals.no(poisoned.tag, b"TOOBIG", poisoned.reason))
            return Next.GO_ON
        return self._bad(poisoned.tag, poisoned.reason, out)

    def _bad(self, tag: bytes, sentence: str, out: Out) -> Next:
        out.put(refusals.bad(tag, sentence))
        if self.session.state is State.NEW:
            self.session.nonsense += 1
            if self.session.nonsense >= _NONSENSE_MAX:
                self.session.farewell = b"this is an IMAP server"
        return self._after(out)

    def _after(self, out: Out) -> Next:
        session = self.session
        if session.account is not None:
            self.framer.authenticated = True
        if session.farewell:
            out.put(b"* BYE %b\r\n" % session.farewell)
            return Next.CLOSE
        if session.wants_tls:
            return Next.START_TLS
        if session.wants_compression:
            session.wants_compression = False
            return Next.COMPRESS
        return Next.CLOSE if session.ended else Next.GO_ON
