"""Messages to the blocks of a run: what the index's thread does itself, and what its worker does.

One message that is too much for our code is left to be read by searches; the others are
indexed all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from msgspec import Struct, field

from mx_core.model.ids import MessageId
from mx_core.store.text_index import block
from mx_core.store.text_index.block import Block
from mx_core.store.text_index.making.batch import Batch
from mx_core.store.text_index.making.texts import UNREAD, Letter, Texts, texts_of
from mx_core.store.text_index.words import Breathe


class Made(Struct):
    """What one run is of."""

    messages: int = 0
    unread: list[MessageId] = field(default_factory=list)  # left to be read by searches
    faults: list[tuple[MessageId, str]] = field(default_factory=list)  # of our code, by kind


class Maker(Protocol):
    """Makes one run: messages are taken in ascending order until it is full, then it is finished."""

    def take(self, letters: Sequence[Letter]) -> bool:
        """Enter *letters*; tell whether it is time to finish."""

    def finish(self) -> Made:
        """Say what was taken; nothing more is."""

    def blocks(self) -> Iterator[Block]:
        """Yield the words and where they stand, once it is finished."""


class MakerHere:
    """See the module; on the thread that calls."""

    def __init__(self, first: MessageId, breathe: Breathe) -> None:
        """*first*: messages count from it."""
        self._batch = Batch(first, breathe)
        self._breathe = breathe
        self._faults: list[tuple[MessageId, str]] = []

    def take(self, letters: Sequence[Letter]) -> bool:
        """See ``Maker``."""
        for letter in letters:
            try:
                self._batch.add(texts_of(letter))
            except Exception as error:  # noqa: BLE001  # the catch-all of one item; it is told of
                self._faults.append((letter.message, type(error).__name__))
                self._batch.add(Texts(letter.message, *UNREAD))
            self._breathe()
        return self._batch.is_full()

    def finish(self) -> Made:
        """See ``Maker``."""
        return Made(self._batch.messages, self._batch.unread, self._faults)

    def blocks(self) -> Iterator[Block]:
        """See ``Maker``."""
        return block.blocks(self._batch.entries(), self._breathe)
