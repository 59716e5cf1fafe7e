"""AUTHENTICATE and IDLE: between such a command and its tagged answer, what the client says is no command.

RFC 9051 §6.2.2, RFC 2177.
"""

from __future__ import annotations

from imap_out.session import auth, news
from imap_out.session.answers.out import Out
from imap_out.session.state.refusals import ClientBug
from imap_out.session.state.session import Completed, Session
from imap_out.wire.commands import Authenticate


class Authenticating:
    """Of one AUTHENTICATE, which goes on until all responses are there, or one is refused.

    Raises:
        Refusal: A password may not be sent now, or the mechanism is not known.
        ClientBug: What came with the command is no response.
    """

    def __init__(self, session: Session, tag: bytes, command: Authenticate) -> None:
        self.tag = tag
        self._session = session
        self._exchange = auth.begin(session, tag, command)

    async def begin(self, out: Out) -> Completed | None:
        """Ask for the next response and return None; when all are there, judge them.

        Raises:
            Refusal: The name or the password is wrong, or one acts for somebody else.
            ClientBug: The responses are not what the mechanism has.
        """
        challenge = self._exchange.challenge()
        if challenge is None:
            return await auth.finish(self._session, self._exchange)
        out.put(challenge)
        return None

    async def take(self, line: bytes, out: Out) -> Completed | None:
        """Take a response, then as ``begin``; raises ClientBug if it is none."""
        self._exchange.answer(line)
        return await self.begin(out)


class Idling:
    """Of one IDLE, which the next line ends."""

    def __init__(self, session: Session, tag: bytes) -> None:
        self.tag = tag
        self._session = session

    async def begin(self, out: Out) -> None:
        """Ask for the line that ends it, and tell what is new by now.  If that fails, it has not begun."""
        # first of all: some programs take whatever else comes for a refusal
        out.put(b"+ idling\r\n")
        await news.tell(self._session, out, expunges=True)

    async def take(self, line: bytes, out: Out) -> Completed:
        """End, and tell what is new by then; raises ClientBug for another line than DONE."""
        # idle = "IDLE" CRLF "DONE"                                      RFC 2177 §4
        if line.upper() != b"DONE":
            raise ClientBug("IDLE ends with DONE")
        await news.tell(self._session, out, expunges=True)
        return Completed(b"no longer idling")


Dialogue = Authenticating | Idling
