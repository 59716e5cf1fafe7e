"""UIDs whose flags a client has to be told.

What changed together is told together more often than not, so it is kept in one piece until
somebody tells a part of it: STORE of a whole mailbox then looks at no message.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator

from mx_core.model.ids import Uid


class Untold:
    """Owned by a view."""

    def __init__(self) -> None:
        self._piece: array[int] | None = None  # ascending; beside it there is nothing
        self._each: set[int] = set()

    def __bool__(self) -> bool:
        return bool(self._piece or self._each)

    def __iter__(self) -> Iterator[Uid]:
        """Yield them, ascending."""
        return iter(sorted(self._all()))  # type: ignore[arg-type]  # UIDs as they are

    def add(self, uids: array[int]) -> None:
        """Add ascending *uids*."""
        if not self:
            self._piece = uids
        elif uids:
            self._all().update(uids)

    def told(self, uids: Iterable[int]) -> None:
        """Forget *uids*."""
        if self._piece is not None and self._piece == uids:
            self._piece = None
        elif self:
            self._all().difference_update(uids)

    def clear(self) -> None:
        """Forget all."""
        self._piece = None
        self._each.clear()

    def _all(self) -> set[int]:
        if self._piece is not None:
            self._each.update(self._piece)
            self._piece = None
        return self._each
