"""What is answered where octets come in, while the task of a connection waits for some.  ADR 0057, 0058.

A whole command that ``at_once`` answers; and of an APPEND that waits for its message to be asked for, both
parts.  What was taken in and can not be answered so is held for the task.
"""

from __future__ import annotations

from typing import Final

from imap_out.session import at_once
from imap_out.session.answers.out import Out
from imap_out.session.messages import lone_append
from imap_out.session.overlap import Overlap
from imap_out.session.state.session import Session
from imap_out.wire.framing import Frame, Framer

_END: Final = b"\r\n"


class Prompt:
    """Of one connection, whose framer and overlap it shares with the task."""

    def __init__(self, session: Session, framer: Framer, overlap: Overlap) -> None:
        self._session = session
        self._framer = framer
        self._overlap = overlap
        self._invited = False  # the message of an APPEND was asked for, and has not all come
        self.took_part = False  # what came last was taken in, and was not all that is to come

    def answer(self, octets: bytes, out: Out) -> bool:
        """Put the whole answer to *octets*, if nothing need be waited for; False: nothing was taken in.

        To be asked while the task waits and no dialogue is under way.
        """
        if not self._overlap.idle:
            return False
        self.took_part = self._invited
        if self._invited:
            return self._take_invited(octets, out)
        if self._framer.amid:
            return False
        if octets.endswith(_END) and at_once.answer(self._session, octets[: -len(_END)], out):
            return True
        self._invited = at_once.ask_for_literal(self._session, octets, self._framer, out)
        self.took_part = self._invited
        return self._invited

    @property
    def left_something(self) -> bool:
        """Tell whether the task has something to do with what was taken in."""
        return not self._overlap.idle or (self._framer.waiting and not self._invited)

    def forget(self) -> None:
        """Note that the task has taken in what was asked for."""
        self._invited = False

    def _take_invited(self, octets: bytes, out: Out) -> bool:
        self._framer.feed(octets)
        event = self._framer.next_frame()
        if event is not None:
            self._invited = False
            if not (isinstance(event, Frame) and lone_append.answer(self._session, event, out)):
                self._overlap.hold(event)
        return True
