"""Names of mailboxes: data, never paths (law 7).  Hierarchy is ``/``.  RFC 9051 §5.1."""

from __future__ import annotations

import unicodedata
from typing import Final, NewType

from mx_core.model.errors import BadMailboxName

MailboxName = NewType("MailboxName", str)

INBOX: Final = MailboxName("INBOX")
REQUESTS: Final = MailboxName("Requests")  # mail of people who are not known; spec/requests
OUTBOX: Final = MailboxName("Outbox")  # mail that waits to leave; spec/outbox
SEND_ORDINARY: Final = MailboxName("Outbox/Send as ordinary email")
QUEUED: Final = frozenset({OUTBOX, SEND_ORDINARY})  # nothing else can be put there
GATEWAY: Final = MailboxName("Gateway")  # what the gateway has to say that is not urgent
ORIGINALS: Final = MailboxName("Encrypted originals")  # what was decrypted, as it came
DELIMITER: Final = "/"
_OCTETS_MAX: Final = 1000
_DEPTH_MAX: Final = 32


def mailbox_name(text: str) -> MailboxName:
    """Return the name that *text* spells: NFC, and INBOX in any case as ``INBOX``.

    Raises:
        BadMailboxName: Empty, an empty level, a control character, or too long or deep;
            answered ``NO [CANNOT]``.
    """
    name = unicodedata.normalize("NFC", text)
    levels = name.split(DELIMITER)
    if levels[0].upper() == INBOX:
        levels[0] = INBOX
    if any(level == "" for level in levels):
        raise BadMailboxName("a mailbox name may not begin, end or double its /")
    if any(unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} for c in name):
        raise BadMailboxName("a mailbox name may not hold control characters")
    if len(name.encode()) > _OCTETS_MAX or len(levels) > _DEPTH_MAX:
        raise BadMailboxName(
            f"a mailbox name is at most {_OCTETS_MAX} octets and {_DEPTH_MAX} levels"
        )
    return MailboxName(DELIMITER.join(levels))


def parents(name: MailboxName) -> list[MailboxName]:
    """Return the names above *name*, outermost first."""
    levels = name.split(DELIMITER)
    return [MailboxName(DELIMITER.join(levels[:n])) for n in range(1, len(levels))]
