r"""Which session may call a message \\Recent: the first that is told of it.  RFC 3501 §2.3.2.

One object for all sessions of a process; the store keeps a watermark for the time between them.
"""

from __future__ import annotations

from mx_core.model.address import Address
from mx_core.model.ids import MailboxId, Uid


class RecentClaims:
    """The highest UID of each mailbox that some session has claimed."""

    def __init__(self) -> None:
        self._claimed: dict[tuple[Address, MailboxId], Uid] = {}

    def claim(self, account: Address, mailbox: MailboxId, uids: list[Uid]) -> set[Uid]:
        """Return those of the ascending *uids* that nobody has claimed, and claim them."""
        if not uids:
            return set()
        before = self._claimed.get((account, mailbox), Uid(0))
        self._claimed[account, mailbox] = max(before, uids[-1])
        return {uid for uid in uids if uid > before}

    def unclaimed(self, account: Address, mailbox: MailboxId, recent: int, uid_next: Uid) -> int:
        """Return how many of the *recent* messages that the store counts nobody has claimed."""
        highest = self._claimed.get((account, mailbox), Uid(0))
        return min(recent, max(uid_next - 1 - highest, 0))

    def forget(self, account: Address, mailbox: MailboxId) -> None:
        """Forget a mailbox that is gone."""
        self._claimed.pop((account, mailbox), None)
