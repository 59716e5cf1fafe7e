"""Where a message goes in an export, and as which octets.  Pure; docs/spec/export.md §2, §3.

The one place where a file is called after a mailbox: each level is escaped, so that nothing in a
name can lead anywhere, and no two names meet.
"""

from __future__ import annotations

import hashlib
import re
import time
from enum import Enum
from typing import Final

from mx_core.model.flags import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, Flag, FlagSet
from mx_core.model.mailbox_name import DELIMITER, MailboxName

_PLAIN: Final = frozenset(" -_@+,()&'!=")
_MAILDIR_PARTS: Final = frozenset({"cur", "new", "tmp"})
_LEVEL_OCTETS_MAX: Final = 150
_LEVEL_KEPT: Final = 100
_LETTERS: Final = (
    (DRAFT, "D"), (FLAGGED, "F"), (Flag("$Forwarded"), "P"), (ANSWERED, "R"), (SEEN, "S"),
    (DELETED, "T"),
)  # fmt: skip
_FROM: Final = re.compile(rb"^(>*From )", re.MULTILINE)
_QUOTED: Final = re.compile(rb"^>(>*From )", re.MULTILINE)


class Format(Enum):
    """How the mail is laid out."""

    MAILDIR = "maildir"
    MBOX = "mbox"
    EML = "eml"


_MOZILLA_BITS: Final = (  # what is deleted it would not show at all
    (0x0001, SEEN),
    (0x0002, ANSWERED),
    (0x0004, FLAGGED),
    (0x1000, Flag("$Forwarded")),
)


def directory(name: MailboxName) -> str:
    """Return the relative path that stands for *name*; no two names have the same."""
    return "/".join(_escaped(level) for level in name.split(DELIMITER))


def file_name(form: Format, received: int, digest: bytes, number: int, flags: FlagSet) -> str:
    """Return what the *number*-th message of these octets is called in its directory."""
    short = digest.hex()[:32]
    if form is Format.MAILDIR:
        letters = "".join(letter for flag, letter in _LETTERS if flag in flags)
        return f"cur/{received}.{short}_{number}.mx:2,{letters}"
    moment = time.strftime("%Y%m%d-%H%M%S", time.gmtime(received))
    return f"{moment}-{short}-{number}.eml"


def as_text(octets: bytes) -> tuple[bytes, bool]:
    """Return *octets* with LF for CRLF, and True; unaltered, and False, if that can not be undone."""
    if octets.count(b"\n") != octets.count(b"\r\n") or b"\r\r\n" in octets:
        return octets, False
    return octets.replace(b"\r\n", b"\n"), True


def from_text(text: bytes, *, lines_end_in_lf: bool) -> bytes:
    """Undo ``as_text``."""
    return text.replace(b"\n", b"\r\n") if lines_end_in_lf else text


def quoted(text: bytes) -> bytes:
    """Return *text* as it may stand in an mbox (mboxrd)."""
    return _FROM.sub(rb">\1", text)


def unquoted(text: bytes) -> bytes:
    """Undo ``quoted``."""
    return _QUOTED.sub(rb"\1", text)


def mbox_start(received: int, flags: FlagSet) -> bytes:
    """Return the From line, and the lines by which Thunderbird, mutt and others tell flags."""
    start = f"From MAILER-DAEMON {time.asctime(time.gmtime(received))}\n"
    words = " ".join(sorted(flag for flag in flags if not flag.startswith("\\")))
    # Thunderbird's come first, else it does not look at them
    bits = sum(bit for bit, flag in _MOZILLA_BITS if flag in flags)
    start += f"X-Mozilla-Status: {bits:04x}\nX-Mozilla-Status2: 00000000\n"
    if words:
        start += f"X-Mozilla-Keys: {words}\n"
    start += f"Status: {'RO' if SEEN in flags else 'O'}\n"
    more = "".join(
        letter for flag, letter in ((ANSWERED, "A"), (FLAGGED, "F"), (DELETED, "D"), (DRAFT, "T"))
        if flag in flags
    )  # fmt: skip
    if more:
        start += f"X-Status: {more}\n"
    if words:
        start += f"X-Keywords: {words}\n"
    return start.encode()


def _escaped(level: str) -> str:
    shown = "".join(
        sign if sign.isalnum() or sign in _PLAIN or (sign == "." and at) else _percent(sign)
        for at, sign in enumerate(level)
    )
    if shown in _MAILDIR_PARTS:
        shown = _percent(shown[0]) + shown[1:]
    if len(shown.encode()) > _LEVEL_OCTETS_MAX:
        start = shown.encode()[:_LEVEL_KEPT].decode(errors="ignore")
        return f"{start}~{hashlib.blake2b(level.encode(), digest_size=16).hexdigest()}"
    return shown


def _percent(sign: str) -> str:
    return "".join(f"%{octet:02X}" for octet in sign.encode())
