"""One connection without its socket: octets in by the framer, answers out by `Out`.

Every command passes through here: framed, parsed, allowed or not in this state, done, its news
told, its answer tagged.  This is the only place where an error becomes an answer, and holds the
one catch-all of a connection.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Final

from imap_out.session import at_once, news
from imap_out.session.answers.out import Out
from imap_out.session.command_table import ALLOWED_IN, perform
from imap_out.session.dialogues import Authenticating, Dialogue, Idling
from imap_out.session.messages import do_append
from imap_out.session.messages.gathered import Begin, UnderWay
from imap_out.session.overlap import Overlap
from imap_out.session.prompt import Prompt
from imap_out.session.state import refusals
from imap_out.session.state.hiding import Hiding
from imap_out.session.state.recent import RecentClaims
from imap_out.session.state.refusals import ClientBug, Refusal
from imap_out.session.state.session import Completed, Security, Session, State
from imap_out.session.state.shelves import Shelves
from imap_out.wire.commands import Append, Authenticate, Idle
from imap_out.wire.framing import Frame, Framer, GoAhead, Poisoned
from imap_out.wire.limits import Limits
from imap_out.wire.parse import parse
from imap_out.wire.syntax import BadSyntax
from mx_core.model.errors import MailError, NoSuchMailbox
from mx_core.ports import Accounts

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
        self._dialogue: Dialogue | None = None  # whose lines come now
        self.overlap = Overlap(begin)
        self.prompt = Prompt(self.session, self.framer, self.overlap)

    # ── for the shell ───────────────────────────────────────────────────────────────
    @property
    def pushes(self) -> bool:
        """Tell whether news may be told at any moment: in IDLE, or since NOTIFY SET."""
        return isinstance(self._dialogue, Idling) or news.are_pushed(self.session)

    @property
    def awaits_changes(self) -> bool:
        """Tell whether `changed` can ever return."""
        return news.can_come(self.session)

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
        await news.come(self.session)

    async def tell_news(self, out: Out) -> Next:
        """Tell what is new to a client that hears of it without asking."""
        await news.push(self.session, out, idling=isinstance(self._dialogue, Idling))
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
        return self._dialogue is None and self.prompt.answer(octets, out)

    async def step(self, out: Out) -> Next:
        """Do the next thing that the buffered octets ask for."""
        if self._dialogue is not None:
            return await self._take_line(self._dialogue, out)
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
        if self.session.state not in ALLOWED_IN[type(command)]:
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
        if isinstance(command, (Authenticate, Idle)):
            await self._answer(tag, lambda: self._open(tag, command, out), out)
        else:
            await self._answer(tag, lambda: perform(self.session, command, out), out)
        return self._after(out)

    async def _conclude(self, command: UnderWay, out: Out) -> Completed:
        completed: Completed = await command
        await news.tell(self.session, out, expunges=True)
        return completed

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
    async def _open(self, tag: bytes, command: Authenticate | Idle, out: Out) -> Completed | None:
        dialogue: Dialogue
        if isinstance(command, Idle):
            dialogue = Idling(self.session, tag)
        else:
            dialogue = Authenticating(self.session, tag, command)
        completed = await dialogue.begin(out)
        self._dialogue = dialogue if completed is None else None
        return completed

    async def _take_line(self, dialogue: Dialogue, out: Out) -> Next:
        line = self.framer.next_line()
        if line is None:
            return Next.READ
        self._dialogue = None
        if isinstance(line, Poisoned):
            next_ = self._bad(dialogue.tag, line.reason, out)
            return Next.CLOSE if line.close else next_
        await self._answer(dialogue.tag, lambda: self._go_on(dialogue, line, out), out)
        return self._after(out)

    async def _go_on(self, dialogue: Dialogue, line: bytes, out: Out) -> Completed | None:
        completed = await dialogue.take(line, out)
        self._dialogue = dialogue if completed is None else None
        return completed

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
