"""Who may see the page: one-time tickets from the command line, and sessions made of them.

Pure but for randomness.  A ticket is good once and for ten minutes; a session lasts twelve hours
after its last use.  Both live in memory only, as digests: a restart ends every visit.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Final, final

from mx_core.model.clock import Now

TICKET_SECONDS: Final = 600.0
SESSION_SECONDS: Final = 12 * 3600.0
_TICKETS_MAX: Final = 16
_SESSIONS_MAX: Final = 32
_TOKEN_OCTETS: Final = 24


@final
class Visits:
    """The tickets and sessions of one gateway."""

    def __init__(self, now: Now) -> None:
        """*now*: monotonic seconds; only differences count."""
        self._now = now
        self._tickets: dict[bytes, float] = {}
        self._sessions: dict[bytes, float] = {}

    def ticket(self) -> str:
        """Return a token that opens one session within ten minutes."""
        return self._added(self._tickets, TICKET_SECONDS, _TICKETS_MAX)

    def enter(self, ticket: str) -> str | None:
        """Use *ticket* up; return the token of a new session, or None if it opens nothing."""
        end = self._tickets.pop(_digest(ticket), None)
        if end is None or end < self._now():
            return None
        return self._added(self._sessions, SESSION_SECONDS, _SESSIONS_MAX)

    def holds(self, session: str) -> bool:
        """Tell whether *session* is one, and keep it for another twelve hours."""
        key = _digest(session)
        end = self._sessions.pop(key, None)
        if end is None or end < self._now():
            return False
        self._sessions[key] = self._now() + SESSION_SECONDS  # the last: used most recently
        return True

    def leave(self, session: str) -> None:
        """End *session*."""
        self._sessions.pop(_digest(session), None)

    def _added(self, kept: dict[bytes, float], seconds: float, most: int) -> str:
        token = secrets.token_urlsafe(_TOKEN_OCTETS)
        while len(kept) >= most:
            del kept[next(iter(kept))]
        kept[_digest(token)] = self._now() + seconds
        return token


def _digest(token: str) -> bytes:
    return hashlib.blake2b(token.encode("utf-8", "surrogateescape"), digest_size=32).digest()
