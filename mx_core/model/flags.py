"""Flags and keywords of a message.  RFC 9051 §2.3.2."""

from __future__ import annotations

from typing import Final, NewType

Flag = NewType("Flag", str)  # as shown to clients: "\\Seen", "$Forwarded", "Old"
FlagSet = frozenset[Flag]

SEEN: Final = Flag("\\Seen")
ANSWERED: Final = Flag("\\Answered")
FLAGGED: Final = Flag("\\Flagged")
DELETED: Final = Flag("\\Deleted")
DRAFT: Final = Flag("\\Draft")
RECENT: Final = Flag("\\Recent")  # never stored: it belongs to a session, RFC 3501 §2.3.2
SYSTEM_FLAGS: Final = (ANSWERED, FLAGGED, DELETED, SEEN, DRAFT)

NOT_ENCRYPTED: Final = Flag("$NotEncrypted")  # the weak case is the marked one (spec/status)
KEY_CHANGED: Final = Flag("$KeyChanged")
UNVERIFIED: Final = Flag("$Unverified")  # encrypted, and who wrote it was never compared

_CANONICAL = {flag.lower(): flag for flag in SYSTEM_FLAGS}


def canonical_flag(text: str) -> Flag:
    """Fold a system flag to its usual spelling; a keyword keeps the spelling of its first use.

    Keywords compare without case (RFC 9051 §2.3.2); the store keeps the first spelling.
    """
    return _CANONICAL.get(text.lower(), Flag(text))
