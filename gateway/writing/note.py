"""What the gateway tells its person by a mail of its own: who waits, who is blocked, what changed.

Pure.  Made from verified facts only: addresses and causes, no text that somebody sent.
"""

from __future__ import annotations

import binascii
import hashlib
from collections.abc import Sequence
from typing import Final

from gateway.arriving.status_block import Mail, Status, render
from gateway.writing.own_mail import date, mailbox, subject_field
from mx_core.model.address import Address
from mx_core.trust.decide import Cause

_NAMED_MAX: Final = 100  # people in one note
_WHAT: Final = {
    Cause.DEVICE_ADDED: "added a device",
    Cause.DEVICE_RETIRED: "retired a device",
    Cause.DEVICE_LOST: "reported a device lost; who found it may have written since",
    Cause.DEVICE_STOLEN: "reported a device stolen; who has it may have written since",
    Cause.IDENTITY_ROTATED: "renewed their key, signed with the old one",
    Cause.RECOVERED: "recovered their account with their recovery sheet: all keys are new",
    Cause.RECOVERY_CHANGED: "has a new recovery sheet",
    Cause.PROFILE_CHANGED: "changed what others may send them",
    Cause.SUITE_FLOOR_LOWERED: "asks for weaker encryption than before",
    Cause.MOVED: "moved to this address, signed with their keys",
    Cause.ENDED: "ended their passport",
    Cause.DELAYED_KEY_USED: "acted with a recovery sheet that was replaced without the old one",
    Cause.SUITE_DROPPED: "can be written to with weaker encryption only than before",
    Cause.OTHER_PID: "is shown with a key that has nothing to do with the one you know",
    Cause.ROLLBACK: "is shown as they were some time ago",
    Cause.FORK: "is shown with a history that contradicts the one you know",
}


def waiting_note(to: Address, waiting: Sequence[Address], now: int) -> bytes:
    """Return the note that names who waits in Requests; *now* is unix seconds."""
    named = [f"  {address}" for address in waiting[:_NAMED_MAX]]
    if len(waiting) > _NAMED_MAX:
        named.append(f"  and {len(waiting) - _NAMED_MAX} more")
    who = str(waiting[0]) if len(waiting) == 1 else f"{len(waiting)} people"
    return note(
        to,
        f"{who} wrote to you for the first time",
        [
            "Their mail is in the mailbox Requests:",
            "",
            *named,
            "",
            "To accept somebody, move or copy a message of theirs to INBOX, or write to them.",
            "To block somebody, move it to Junk. Do nothing, and it stays where it is.",
            "",
            "You get this at most once a day.",
        ],
        now,
    )


def blocked_note(to: Address, blocked: Address, now: int) -> bytes:
    """Return the note that *blocked* is blocked, and how to undo it."""
    return note(
        to,
        f"{blocked} is blocked",
        [
            f"You moved mail of {blocked} to Junk, so what they write goes there from now on.",
            "",
            "If you (or your mail program) did not mean it: move one message of theirs from Junk",
            "back to INBOX, or write to them. Nothing was lost.",
        ],
        now,
    )


def invited_note(to: Address, whom: Address, name: str, now: int) -> bytes:
    """Return the note that *whom* has used the owner's invitation called *name* (or "")."""
    called = f" that you called {name!a}" if name else ""
    return note(
        to,
        f"{whom} used your invitation",
        [
            f"{whom} wrote to you with the invitation{called}, so their mail goes to INBOX.",
            "",
            "If that is not the person whom you gave it to: move their message to Junk, which",
            "blocks them, and take the invitation back:",
            f"  mx-gateway contact invitations {to}",
        ],
        now,
    )


def upgrade_note(to: Address, ordinary: Address, address: Address, now: int) -> bytes:
    """Return the note that mail from *ordinary* says that its sender is on the network."""
    return note(
        to,
        f"{ordinary} may be on the network",
        [
            f"Mail from {ordinary} says that its sender is {address} on the network.",
            "",
            "To write to them end-to-end encrypted from now on, whichever of the two you type:",
            f"  mx-gateway migration take {to} {ordinary}",
            "That looks whether it is true, and says so if it is not.",
            "",
            "If you do not want that, and want to hear no more of it:",
            f"  mx-gateway migration leave {to} {ordinary}",
        ],
        now,
    )


def gone_note(to: Address, whom: Address, now: int) -> bytes:
    """Return the note that the text of a first message of *whom* can not be had any more."""
    return note(
        to,
        f"A message of {whom} could not be fetched",
        [
            f"You accepted {whom}, and the text of their first message was to come then.",
            "Their server keeps it for 30 days and does not give it any more, or gave another.",
            "",
            f"Write to {whom}, and ask them to send it again.",
        ],
        now,
    )


def request_message(to: Address, whom: Address, length: int, now: int) -> bytes:
    """Return what stands in Requests for a message of *length* octets that is still at its server."""
    head = [
        b"Date: " + date(now),
        b"From: " + mailbox(whom),
        f"Sender: mx-gateway <MAILER-DAEMON@{to.domain}>".encode("ascii"),
    ]
    return note(
        to,
        f"{whom} asks to send you a message of {max(1, length // 1000)} kB",
        [
            f"{whom} wrote to you for the first time. It is proved that it was they; what they",
            f"wrote, {length} octets, is still at their server, for 30 days.",
            "",
            "To get it, move or copy this message to INBOX, or write to them: it then comes to",
            "INBOX as a message of its own, and you may delete this one.",
            "To block them, move this message to Junk. Do nothing, and nothing comes.",
        ],
        now,
        head,
    )


def keys_note(to: Address, whom: Address, causes: Sequence[Cause], now: int) -> bytes:
    """Return the note on what happened to the passport of *whom*."""
    return note(
        to,
        f"The keys of {whom} have changed",
        [
            *(f"{whom} {_WHAT[cause]}." for cause in causes),
            "",
            "If you want to be sure that it was they, ask them by telephone, and compare keys:",
            f"  mx-gateway contact words {to} {whom}",
        ],
        now,
    )


def no_backup_note(to: Address, days: int, trouble: str, now: int) -> bytes:
    """Return the warning that nothing was backed up for *days*; *trouble*: why the last failed."""
    return note(
        to,
        f"Warning: no backup for {days} days",
        [
            f"The mail of {to} is on this computer and nowhere else. If it is lost, so is the mail.",
            *([f"The last try failed: {trouble}", ""] if trouble else [""]),
            "To make a backup now, or one each day, for example to another disk:",
            "  mx-gateway backup FILE",
            "  mx-gateway backup --daily FOLDER",
            "",
            "It can be opened with your recovery sheet only.",
        ],
        now,
    )


def restored_note(to: Address, created: int, now: int) -> bytes:
    """Return the note that this device is new, made from a backup of the unix second *created*."""
    made = date(created).decode("ascii")
    return note(
        to,
        f"{to} was restored on this computer",
        [
            f"The mail is as it was in the backup of {made}.",
            "",
            "What the old computer received after it is lost with it: if you miss something, ask whoever",
            "wrote it to send it again. What the old computer had not fetched yet comes by itself.",
            "",
            "What waited to be sent is in Outbox and held: it may have left before. Everybody who",
            "compared keys with you is asked to compare them again.",
            "",
            "The recovery sheet is a new one. Backups from before open with the old one only,",
            "so make a new backup now:",
            "  mx-gateway backup FILE",
        ],
        now,
    )


def unopened_note(to: Address, domains: Sequence[str], now: int) -> bytes:
    """Return the note that mail of *domains* opens with no key, and that nobody knows its senders."""
    counted = [f"  {domain} ({domains.count(domain)})" for domain in sorted(set(domains))]
    return note(
        to,
        "Mail that can not be opened",
        [
            "Mail came that was sealed for a key which you no longer have, for example one of a",
            "computer that is gone. Its senders were to seal it again, but their servers no longer",
            "know who they are. It came from:",
            "",
            *counted,
            "",
            "If you expect mail from there, ask for it to be sent again.",
        ],
        now,
    )


def unreadable_note(to: Address, whom: Address, why: str, sent: int, now: int) -> bytes:
    """Return the report that *whom* cannot open what was *sent* (unix seconds) to them."""
    return note(
        to,
        f"{whom} can not read your message",
        [
            f"Your message of {date(sent).decode('ascii')} to {whom} has arrived, but",
            f"{why}.",
            "",
            "If it still matters, send it again: it is in Sent.",
        ],
        now,
    )


def pull_note(to: Address, location: str, why: str, now: int) -> bytes:
    """Return the note that mail of the account at *location* does not come; *why* is a sentence."""
    return note(
        to,
        f"Mail of {location} is not coming",
        [
            f"Your gateway can not pull mail from {location}:",
            "",
            f"  {why}",
            "",
            "It goes on trying. Nothing is lost: what has come there since stays there, and comes",
            "when this is mended. Other accounts are not touched by it.",
            "",
            "If a password or a permission has changed, say the new one:",
            f"  mx-gateway legacy add {to} {location}",
            "To see how it is:",
            f"  mx-gateway legacy list {to}",
            "If you do not want that mail any more:",
            f"  mx-gateway legacy remove {to} {location}",
        ],
        now,
    )


def note(
    to: Address, subject: str, lines: Sequence[str], now: int, head: Sequence[bytes] = ()
) -> bytes:
    """Return a message for the person *to*; *lines* are plain text.

    *head*: the fields that name whom it is from; without them, the gateway.
    """
    text = "".join(f"{line}\r\n" for line in lines).encode()
    unique = hashlib.blake2b(b"%d " % now + text, digest_size=12).hexdigest()
    own = [b"Date: " + date(now), f"From: mx-gateway <MAILER-DAEMON@{to.domain}>".encode("ascii")]
    fields = [
        *(head or own),
        b"To: " + mailbox(to),
        subject_field(subject),
        f"Message-ID: <note.{unique}@{to.domain}>".encode("ascii"),
        b"Auto-Submitted: auto-generated",  # RFC 3834 §5
        b"MIME-Version: 1.0",
        b"Content-Type: text/plain; charset=utf-8",
        b"Content-Transfer-Encoding: quoted-printable",
    ]
    message = b"\r\n".join(fields) + b"\r\n\r\n" + binascii.b2a_qp(text)
    return render(Status(mail=Mail.REPORT, received=now), None) + message
