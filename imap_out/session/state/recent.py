r"""Which session may call a message \\Recent: the first that is told of it.  RFC 3501 §2.3.2.

One object of claims for all sessions of a process; the store keeps a watermark for the time
between them.  UIDs are kept as ranges: a mailbox of a million new messages costs as much as one.
"""

from __future__ import annotations

from bisect import bisect_right

from mx_core.model.address import Address
from mx_core.model.ids import MailboxId, Uid
from mx_core.model.snapshot import Snapshot


class RecentUids:
    """What one session calls recent.  Owned by its view."""

    def __init__(self) -> None:
        self._lows: list[int] = []  # of ranges, ascending
        self._highs: list[int] = []  # their ends, included

    def __contains__(self, uid: int) -> bool:
        at = bisect_right(self._lows, uid) - 1
        return at >= 0 and uid <= self._highs[at]

    def touches(self, low: int, high: int) -> bool:
        """Tell whether a UID from *low* to *high* is recent."""
        at = bisect_right(self._lows, high) - 1
        return at >= 0 and low <= self._highs[at]

    def covers(self, low: int, high: int) -> bool:
        """Tell whether every UID from *low* to *high* is recent."""
        at = bisect_right(self._lows, low) - 1
        return at >= 0 and high <= self._highs[at]

    def add(self, low: int, high: int) -> None:
        """Add a range above all others; nothing if it is empty."""
        if low > high:
            return
        if self._highs and self._highs[-1] == low - 1:
            self._highs[-1] = high
        else:
            self._lows.append(low)
            self._highs.append(high)

    def count(self, rows: Snapshot) -> int:
        """Return how many messages of *rows* are recent."""
        found = 0
        for low, high in zip(self._lows, self._highs, strict=True):
            found += rows.place(high + 1) - rows.place(low)
        return found


class RecentClaims:
    """The highest UID of each mailbox that some session has claimed."""

    def __init__(self) -> None:
        self._claimed: dict[tuple[Address, MailboxId], int] = {}

    def claim(self, account: Address, mailbox: MailboxId, low: int, high: int) -> int:
        """Claim the UIDs from *low* to *high*; return the first that nobody had claimed."""
        before = self._claimed.get((account, mailbox), 0)
        self._claimed[account, mailbox] = max(before, high)
        return max(low, before + 1)

    def unclaimed(self, account: Address, mailbox: MailboxId, recent: int, uid_next: Uid) -> int:
        """Return how many of the *recent* messages that the store counts nobody has claimed."""
        highest = self._claimed.get((account, mailbox), 0)
        return min(recent, max(uid_next - 1 - highest, 0))

    def forget(self, account: Address, mailbox: MailboxId) -> None:
        """Forget a mailbox that is gone."""
        self._claimed.pop((account, mailbox), None)
