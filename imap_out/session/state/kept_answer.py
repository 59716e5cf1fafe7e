"""The last answer of SORT or THREAD to a whole mailbox: mail programs ask it again and again.

It holds as long as the view has the same messages; flags do not matter to it.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Final

from mx_core.model.snapshot import Snapshot

_OCTETS_MAX: Final = 2 * 1024 * 1024  # of one view; a larger one is made again


class KeptAnswer:
    """One question with its answer.  Owned by a view."""

    def __init__(self) -> None:
        self._question: object = None
        self._messages: Sequence[array[int]] = ()
        self._answer = b""

    def get(self, question: object, rows: Snapshot) -> bytes | None:
        """Return the answer to *question* about *rows* if it is known."""
        if question != self._question or len(rows.parts) != len(self._messages):
            return None
        # columns are shared from snapshot to snapshot until a message comes or goes
        pairs = zip(rows.parts, self._messages, strict=True)
        return self._answer if all(part.messages is kept for part, kept in pairs) else None

    def keep(self, question: object, rows: Snapshot, answer: Sequence[bytes]) -> None:
        """Keep an answer, given in pieces, in place of the one before."""
        if sum(map(len, answer)) > _OCTETS_MAX:
            return
        self._question = question
        self._messages = [part.messages for part in rows.parts]
        self._answer = b"".join(answer)
