"""From errors to answers, in one table.  RFC 5530 §3 (codes), RFC 9051 §7.1.

Invariant: the table names every family of `model.errors`; what is outside the tree is a bug of
ours and is answered SERVERBUG with a reference, never with its text.
"""

from __future__ import annotations

from typing import Final

from mx_core.model.errors import (
    BadAddress,
    BadConfiguration,
    BadCredentials,
    BadMailboxName,
    BadMessage,
    Busy,
    Corrupt,
    DiskFull,
    HasChildren,
    MailboxExists,
    MailError,
    MessageGone,
    MessageTooLarge,
    NoSuchMailbox,
    NotPermitted,
    OverQuota,
    PeerUnreachable,
    Refused,
    SchemaTooNew,
    StoreDamaged,
    Unavailable,
    UnknownRecipient,
    Untrusted,
)

CODES: Final[dict[type[MailError], bytes]] = {
    BadCredentials: b"AUTHENTICATIONFAILED",
    MessageGone: b"EXPUNGEISSUED",
    NoSuchMailbox: b"NONEXISTENT",
    MailboxExists: b"ALREADYEXISTS",
    BadMailboxName: b"CANNOT",
    HasChildren: b"HASCHILDREN",
    NotPermitted: b"CANNOT",
    OverQuota: b"OVERQUOTA",
    MessageTooLarge: b"TOOBIG",  # RFC 4469 §4.2
    BadAddress: b"CANNOT",
    UnknownRecipient: b"CANNOT",
    BadMessage: b"CANNOT",
    BadConfiguration: b"CANNOT",
    Refused: b"CANNOT",
    PeerUnreachable: b"UNAVAILABLE",
    Busy: b"UNAVAILABLE",
    DiskFull: b"OVERQUOTA",
    Unavailable: b"UNAVAILABLE",
    Untrusted: b"ALERT",
    SchemaTooNew: b"CORRUPTION",
    StoreDamaged: b"CORRUPTION",
    Corrupt: b"CORRUPTION",
}
_TEXT_MAX: Final = 300


class Refusal(Exception):
    """A NO that only the session can know of, with its code."""

    def __init__(self, code: bytes, text: str) -> None:
        super().__init__(text)
        self.code = code


class ClientBug(Exception):
    """A command that is well formed and has no sense now; answered BAD."""


def code_for(error: MailError) -> bytes:
    """Return the response code for *error*, that of its nearest named ancestor."""
    return next(CODES[kind] for kind in type(error).__mro__ if kind in CODES)


def text(sentence: str) -> bytes:
    """Return *sentence* as resp-text: one line of printable ASCII.

    text = 1*TEXT-CHAR, so a name that a client sent can not end the line early.
    """
    line = "".join(sign if " " <= sign <= "~" else "?" for sign in sentence[:_TEXT_MAX])
    return line.encode() or b"refused"


def no(tag: bytes, code: bytes, sentence: str) -> bytes:
    """Spell a NO."""
    return b"%b NO [%b] %b\r\n" % (tag, code, text(sentence))


def bad(tag: bytes, sentence: str, code: bytes = b"") -> bytes:
    """Spell a BAD."""
    return b"%b BAD %b%b\r\n" % (tag, b"[%b] " % code if code else b"", text(sentence))
