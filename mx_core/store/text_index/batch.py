"""Words of some hundred messages, gathered until they are worth a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Final

from mx_core.model.ids import MessageId
from mx_core.store.text_index.block import Entry
from mx_core.store.text_index.source import Texts
from mx_core.store.text_index.words import Breathe, distinct, encode, in_order

MESSAGES_MAX: Final = 2_000
_POSTINGS_MAX: Final = 1_000_000
_WORDS_MAX: Final = 150_000
_CHARACTERS_MAX: Final = 32 << 20
_PATIENCE: Final = 4_096


class _Messages:
    """By word: the message it stands in, or all of them.  Most words stand in one."""

    def __init__(self) -> None:
        self.one: dict[str, int] = {}
        self.many: dict[str, list[int]] = {}

    def add(self, words: Sequence[str], message: int) -> None:
        """Enter different *words* of *message*, which is above all others."""
        one, many = self.one, self.many
        for word, known in zip(words, map(many.get, words), strict=True):
            if known is not None:
                known.append(message)
                continue
            first = one.setdefault(word, message)
            if first != message:
                many[word] = [first, message]

    def of(self, word: str) -> Sequence[int]:
        """Return the messages with *word*, ascending."""
        many = self.many.get(word)
        if many is not None:
            return many
        return (self.one[word],) if word in self.one else ()


class Batch:
    """Messages from *first* on, added in ascending order."""

    def __init__(self, first: MessageId, breathe: Breathe) -> None:
        self.first = first
        self.messages = 0
        self.unread: list[MessageId] = []
        self._breathe = breathe
        self._headers = _Messages()
        self._bodies = _Messages()
        self._postings = 0
        self._characters = 0

    def add(self, texts: Texts) -> None:
        """Enter one message."""
        if texts.header is None or texts.body is None:
            self.unread.append(texts.message)
            return
        self._characters += len(texts.header) + len(texts.body)
        number = texts.message - self.first
        self._enter(self._headers, texts.header, number)
        self._enter(self._bodies, texts.body, number)
        self.messages += 1

    def is_full(self) -> bool:
        """Tell whether it is time to write."""
        return (
            self.messages >= MESSAGES_MAX
            or self._postings >= _POSTINGS_MAX
            or self._characters >= _CHARACTERS_MAX
            or len(self._headers.one) + len(self._bodies.one) >= _WORDS_MAX
        )

    def entries(self) -> Iterator[Entry]:
        """Yield the words in order."""
        headers, bodies = self._headers, self._bodies
        others = (word for word in bodies.one if word not in headers.one)
        # the order of code points is the order of the octets of UTF-8
        for word in in_order(chain(headers.one, others), self._breathe):
            yield encode(word), headers.of(word), bodies.of(word)

    def _enter(self, messages: _Messages, text: str, number: int) -> None:
        words = iter(distinct(text, self._breathe))
        while piece := list(islice(words, _PATIENCE)):
            messages.add(piece, number)
            self._postings += len(piece)
            self._breathe()
