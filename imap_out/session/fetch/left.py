"""What a FETCH has still to tell, in order: parts of the view, or some messages in them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mx_core.model.part import ALL, Chosen, Part, among

AT_ONCE: Final = 768  # messages of one read transaction
LEAST: Final = 512  # so many are asked for however few one brings


@dataclass(frozen=True, slots=True)
class Some:
    """Messages of one part of the view."""

    part: Part
    start: int  # index of the part's first message in the view
    inside: range | list[int]  # the part

    @property
    def chosen(self) -> Chosen:
        """Return the same as parts take it."""
        inside = self.inside
        if not isinstance(inside, range):
            return inside
        return ALL if len(inside) == len(self.part) else slice(inside.start, inside.stop)


class Left:
    """What is to be told yet, in order.  How much is read at once is up to whoever reads."""

    def __init__(self, touched: Iterator[tuple[Part, int, Chosen]]) -> None:
        self._touched = touched
        self._at_once = AT_ONCE
        self._first: deque[Some] = deque()  # taken from *touched*

    def next(self, ahead: int = 0) -> list[int]:
        """Return the messages that come next behind *ahead* others, as many as are read at once."""
        messages: list[int] = []
        number = 0
        while len(messages) < self._at_once and (number < len(self._first) or self._more()):
            some = self._first[number]
            room = self._at_once - len(messages)
            inside = some.inside[ahead : ahead + room]
            messages += among(some.part.messages, Some(some.part, some.start, inside).chosen)
            ahead = max(ahead - len(some.inside), 0)
            number += 1
        return messages

    def fit(self, count: int) -> None:
        """Note that one reading brings no more than *count*: the next are asked for as many.

        Of long ones it brings fewer, and what it brings less is known only when it is done.
        """
        self._at_once = max(count, LEAST)

    def _more(self) -> bool:
        for part, start, chosen in self._touched:
            inside = chosen if isinstance(chosen, list) else range(len(part))
            self._first.append(Some(part, start, inside))
            return True
        return False

    def taken(self, many: int) -> list[Some]:
        """Return the first *many*, which are told now."""
        told: list[Some] = []
        while many:
            some = self._first.popleft()
            if len(some.inside) > many:
                rest = Some(some.part, some.start, some.inside[many:])
                some = Some(some.part, some.start, some.inside[:many])
                self._first.appendleft(rest)
            many -= len(some.inside)
            told.append(some)
        return told
