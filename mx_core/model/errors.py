"""The one tree of errors, in four families named by *who must act*.

Every error carries one sentence for a person (``str(error)``).  Front doors hold one
table each from family to reply; anything outside the tree is a bug of ours.

    MailError
     ├─ Refused       the caller must change the request      never retried
     ├─ Unavailable   nobody's fault, try later               retried, bounded
     ├─ Untrusted     a person must decide                    never retried, never downgraded
     └─ Corrupt       the operator must act                   the account stops
"""

from __future__ import annotations


class MailError(Exception):
    """Root of the tree; never raised itself."""


class Refused(MailError):
    """The caller must change the request."""


class Unavailable(MailError):
    """Nobody's fault; the same request may succeed later."""


class Untrusted(MailError):
    """Something did not prove what it claims; *failure* is the class its spec page names."""

    def __init__(self, failure: str, sentence: str = "") -> None:
        super().__init__(sentence or f"refused: {failure}")
        self.failure = failure


class Corrupt(MailError):
    """Stored data contradicts itself or comes from a newer version."""


# ── Refused ──────────────────────────────────────────────────────────────────────────
class BadCredentials(Refused):
    """Unknown client password, or none of this account."""


class NoSuchMailbox(Refused):
    """The mailbox does not exist (or no longer)."""


class MessageGone(Refused):
    """The message was expunged and its octets are no longer kept (RFC 5530, EXPUNGEISSUED)."""


class MailboxExists(Refused):
    """A mailbox of that name exists already."""


class BadMailboxName(Refused):
    """The name cannot name a mailbox."""


class BadRule(Refused):
    """The text is no rule for a folder."""


class NotPermitted(Refused):
    """The request is understood and never allowed."""


class HasChildren(NotPermitted):
    """A mailbox with mailboxes below it can not be deleted (RFC 9051 §7.1, HASCHILDREN)."""


class OverQuota(Refused):
    """A configured limit of space or number is reached."""


class MessageTooLarge(Refused):
    """The message is larger than the announced limit."""


class BadAddress(Refused):
    """The text is no address we can deliver to."""


class UnknownRecipient(Refused):
    """The recipient's home server says NOT_AVAILABLE, or the domain is not on the network."""


class NotOnNetwork(UnknownRecipient):
    """DNS says authoritatively that the whole domain is not on the network."""


class EncryptionRequired(Refused):
    """It would have to leave unencrypted, and nobody has allowed that (RFC 5248, X.7.10)."""


class RelayRefused(Refused):
    """The server for ordinary mail will never take it; *status* is its RFC 3463 code."""

    def __init__(self, sentence: str, status: str = "5.0.0") -> None:
        super().__init__(sentence)
        self.status = status


class BadPolicy(Refused):
    """The text is no rule about whom to write to how."""


class BadInvitation(Refused):
    """The text is no invitation, or one that has ended."""


class BadMessage(Refused):
    """The octets of a message break a rule of submission (bare CR, LF or NUL)."""


class BadConfiguration(Refused):
    """A configuration file or argument cannot be used; the program exits 78."""


# ── Unavailable ──────────────────────────────────────────────────────────────────────
class Locked(Unavailable):
    """The master key is not here; a person unlocks the gateway."""


class PeerUnreachable(Unavailable):
    """A server did not answer in time."""


class Busy(Unavailable):
    """A bounded resource is taken for now."""


class DiskFull(Unavailable):
    """No room to make the write durable."""


class NoUsableEpoch(Unavailable):
    """No device of the recipient has published a key that may be sealed to now."""


# ── Corrupt ──────────────────────────────────────────────────────────────────────────
class SchemaTooNew(Corrupt):
    """The database was written by a newer version."""


class StoreDamaged(Corrupt):
    """Octets that the database names are missing or do not open."""
