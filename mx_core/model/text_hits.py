"""What an index of words says about one term."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from msgspec import Struct

from mx_core.model.ids import MessageId


class TextHits(Struct, frozen=True):
    """What the index knows of one term, in all of an account's mail at once.

    Of the messages below *unindexed_from*, those in *sure* hold the term, those in *maybe* are to
    be judged by their text, and no other holds it.  All from there on are to be judged by their
    text: they came after the index was written.  Messages of the caller's view only: an id may
    stand here whose message is gone.
    """

    sure: AbstractSet[MessageId]
    maybe: AbstractSet[MessageId]
    unindexed_from: MessageId

    def verdict(self, message: MessageId) -> bool | None:
        """Tell whether *message* holds the term; None: judge it by its text."""
        if message >= self.unindexed_from or message in self.maybe:
            return None
        return message in self.sure
