"""APPENDs that a client sent without waiting for answers, under way together.

What waits for the writer at the same time is one job (``messages.gathered``), so mail that is copied into a
mailbox costs far fewer jobs and commits.  They are given to the writer in the order of the commands, and
answered in that order, each after its commit.  RFC 9051 §5.5 allows it: none of these
commands changes what another one means.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from imap_out.session.messages.gathered import Begin, Gathered, UnderWay
from imap_out.session.state.session import Completed
from imap_out.wire.framing import Frame, GoAhead, Poisoned

_APPEND: Final = re.compile(rb"[^ ]+ APPEND ", re.IGNORECASE)
# of one; a larger one is prepared on a thread, and would lose its turn
_OCTETS_MAX: Final = 64 * 1024
_AT_ONCE: Final = 32

Event = Frame | GoAhead | Poisoned | None


class Overlap:
    """The commands under way of one connection, oldest first.  Owned by its task.

    *begin* lets a command run beside the caller, until it waits for its commit, before the next
    one that is begun; without it none is.
    """

    def __init__(self, begin: Begin | None) -> None:
        self._begin = begin
        self.gathered = None if begin is None else Gathered(begin)
        self._under_way: deque[tuple[bytes, UnderWay]] = deque()
        self._held: Event = None  # came behind them, and waits until all are answered
        self.hungry = False  # nothing is buffered that could join them

    def __bool__(self) -> bool:
        return bool(self._under_way)

    @property
    def idle(self) -> bool:
        """Tell whether nothing is under way and nothing is held."""
        return not self._under_way and self._held is None

    def may_join(self, event: Event) -> bool:
        """Tell whether *event* is an APPEND that may begin before others are answered."""
        return (
            self._begin is not None
            and isinstance(event, Frame)
            and len(self._under_way) < _AT_ONCE
            and sum(map(len, event.segments)) <= _OCTETS_MAX
            and _APPEND.match(event.segments[0]) is not None
        )

    def begin(self, tag: bytes, job: Coroutine[Any, Any, Completed]) -> None:
        """Begin *job*, which may join."""
        assert self._begin is not None  # noqa: S101  # as ``may_join`` says
        self._under_way.append((tag, self._begin(job)))

    def hold(self, event: Event) -> None:
        """Keep *event* until what is under way has been answered."""
        self._held = event

    def take_held(self) -> Event:
        """Return and forget what was held."""
        held, self._held = self._held, None
        return held

    async def oldest(self, before_waiting: Callable[[], Awaitable[None]]) -> tuple[bytes, UnderWay]:
        """Return tag and command of the oldest, which is answered next.

        *before_waiting* is called if it is not done, so that what was answered leaves meanwhile.
        """
        if not self._under_way[0][1].done():
            await before_waiting()
        return self._under_way.popleft()

    def give_up(self) -> None:
        """End: what the writer has not begun is not done, of the rest nobody hears."""
        for _, command in self._under_way:
            command.cancel()
        self._under_way.clear()
