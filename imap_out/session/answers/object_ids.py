"""Names of mailboxes, messages and threads that outlive a UID.  RFC 8474.

    objectid = 1*255(ALPHA / DIGIT / "_" / "-")                            RFC 8474 §7

The first letter tells the kinds apart, and keeps an id from beginning with a digit, as §8.1
advises; the rest is hexadecimal, since some programs fold the case.
"""

from __future__ import annotations

from mx_core.model.ids import GlobalId
from mx_core.ports import MailboxInfo


def mailbox_id(info: MailboxInfo) -> bytes:
    """Spell a MAILBOXID: it stays through RENAME, and is never used again.  RFC 8474 §4."""
    return b"F" + info.global_id.hex().encode()


def email_id(message: GlobalId) -> bytes:
    """Spell an EMAILID: it follows the octets through COPY and MOVE.  RFC 8474 §5.1."""
    return b"M" + message.hex().encode()


def thread_id(thread: bytes) -> bytes | None:
    """Spell a THREADID, or None for a message without one.  RFC 8474 §5.2."""
    return b"T" + thread.hex().encode() if thread else None
