"""Words of some hundred messages, gathered until they are worth a run."""

from __future__ import annotations

from array import array
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain, islice, repeat
from typing import Final

from mx_core.model.ids import MessageId
from mx_core.store.text_index.block import Entry
from mx_core.store.text_index.making.texts import Texts
from mx_core.store.text_index.message_list import NUMBERS
from mx_core.store.text_index.postings import pack
from mx_core.store.text_index.words import Breathe, distinct, encode, in_order

MESSAGES_MAX: Final = 2_000
_POSTINGS_MAX: Final = 3_000_000  # of four octets each
_WORDS_MAX: Final = 150_000
_CHARACTERS_MAX: Final = 32 << 20  # of the words
_PATIENCE: Final = 4_096

# by word: the messages it stands in, ascending
_Messages = defaultdict[str, "array[int]"]


class Batch:
    """Messages from *first* on, added in ascending order."""

    def __init__(self, first: MessageId, breathe: Breathe) -> None:
        self.first = first
        self.messages = 0
        self.unread: list[MessageId] = []
        self._breathe = breathe
        self._headers: _Messages = defaultdict(partial(array, NUMBERS))
        self._bodies: _Messages = defaultdict(partial(array, NUMBERS))
        self._postings = 0
        self._characters = 0

    def add(self, texts: Texts) -> None:
        """Enter one message."""
        if texts.header is None or texts.body is None:
            self.unread.append(texts.message)
            return
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
            or len(self._headers) + len(self._bodies) >= _WORDS_MAX
        )

    def entries(self) -> Iterator[Entry]:
        """Yield the words in order."""
        headers, bodies = self._headers, self._bodies
        others = (word for word in bodies if word not in headers)
        # the order of code points is the order of the octets of UTF-8
        for word in in_order(chain(headers, others), self._breathe):
            yield encode(word), pack(headers.get(word, _NOWHERE), bodies.get(word, _NOWHERE))

    def _enter(self, messages: _Messages, text: str, number: int) -> None:
        known = len(messages)
        words = iter(distinct(text, self._breathe))
        while piece := list(islice(words, _PATIENCE)):
            # no line of ours runs for a word: there are thousands in a message
            _exhaust(map(array.append, map(messages.__getitem__, piece), repeat(number)))
            self._postings += len(piece)
            self._breathe()
        new = islice(reversed(messages), len(messages) - known)  # a dict keeps the order
        self._characters += sum(map(len, new))


_NOWHERE: Final = array(NUMBERS)


def _exhaust(calls: Iterable[None]) -> None:
    deque(calls, maxlen=0)
