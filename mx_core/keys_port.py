"""What a read job may ask of header keys: the part of ``ports.MailReader`` for SEARCH and SORT."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

from mx_core.model.header_keys import Hits, OrderNumber, OrderText, TextField, ThreadTable
from mx_core.model.ids import MessageId


class KeysReader(Protocol):
    """Keys of many messages at once; none of them costs a look at a header."""

    def holding(self, text: TextField, wanted: str, messages: Sequence[MessageId]) -> Hits:
        """Find those of *messages* whose header field holds the folded text *wanted*.

        An empty text asks only for the field.  Who is *open* is to be judged by the octets.
        """

    def order_texts(self, text: OrderText, messages: Sequence[MessageId]) -> list[bytes]:
        """Return for each message the folded text, in UTF-8, to put it in order by."""

    def order_numbers(self, number: OrderNumber, messages: Sequence[MessageId]) -> list[int]:
        """Return for each message the number to judge it or put it in order by."""

    def within(self, number: OrderNumber, messages: Sequence[MessageId], holds: range) -> bytes:
        """Return for each message 1 if its number is in *holds*, which has no steps, else 0."""

    def thread_keys(self, messages: Sequence[MessageId]) -> ThreadTable:
        """Return for each message what joins it to others."""

    def doubtful_ids(self) -> AbstractSet[int]:
        """Return all ids that two messages have whose tables of ``thread_keys`` are *judged*.

        Some that only one has may be among them.
        """
