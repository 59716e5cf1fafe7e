r"""Maildir: one file a message, flags in its name; below it folders ``.Name.Below`` (Maildir++).

https://cr.yp.to/proto/maildir.html.  Dovecot's keywords are letters that the file
``dovecot-keywords`` explains.  The time of change of a file is when the message came.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gateway.migration.local.mail_programs import keywords
from gateway.migration.local.plain_file import (
    entries,
    folders_below,
    is_folder,
    open_plain,
    read_message,
    shown_name,
)
from gateway.migration.source import Found, Trouble, with_crlf
from imap_out.wire import utf7
from mx_core.model.flags import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, Flag, FlagSet

_FLAGS: Final = {
    "S": SEEN, "R": ANSWERED, "F": FLAGGED, "T": DELETED, "D": DRAFT, "P": Flag("$Forwarded"),
}  # fmt: skip
_INFO: Final = re.compile(r"[:;!]2,([A-Za-z]*)\Z")
_KEYWORDS_FILE: Final = "dovecot-keywords"
_KEYWORDS_FILE_MAX: Final = 64 * 1024
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


def is_maildir(path: Path) -> bool:
    """Tell whether *path* is one Maildir; ``new`` and ``tmp`` may have been lost on the way."""
    return (path / "cur").is_dir()


def folders(root: Path) -> Iterator[tuple[Path, tuple[str, ...]] | Trouble]:
    """Yield each Maildir at and below *root* with the names of its folder; the root's is INBOX.

    Both ways of nesting are known: ``.A.B`` beside ``cur``, and plain directories.
    """
    for found in folders_below(root):
        if isinstance(found, Trouble):
            yield found
            continue
        path, names = found
        if names and names[-1] in {"cur", "new", "tmp"}:
            continue
        if is_maildir(path):
            yield path, tuple(level for name in names for level in _levels(name)) or ("INBOX",)


def read(path: Path) -> Iterator[Found | Trouble]:
    """Yield every message of one Maildir."""
    letters = _letters(path)
    for part in ("cur", "new"):
        inside = entries(path / part)
        if isinstance(inside, Trouble):
            if (path / part).exists():
                yield inside
            continue
        for entry in inside:
            if entry.name.startswith(".") or is_folder(entry):
                continue
            message = read_message(Path(entry.path))
            if isinstance(message, Trouble):
                yield message
                continue
            octets, changed = message
            yield Found(with_crlf(octets), _flags(entry, letters), changed)


def _flags(entry: os.DirEntry[str], letters: dict[str, Flag]) -> FlagSet:
    info = _INFO.search(entry.name)
    known = {**_FLAGS, **letters}
    return frozenset(known[sign] for sign in (info[1] if info else "") if sign in known)


def _letters(path: Path) -> dict[str, Flag]:
    """Return what the lower-case letters of this Maildir mean: lines ``0 $Label1``."""
    file = open_plain(path / _KEYWORDS_FILE)
    if isinstance(file, Trouble):
        return {}
    found: dict[str, Flag] = {}
    with file:
        for line in file.read(_KEYWORDS_FILE_MAX).splitlines():
            number, _, word = line.partition(b" ")
            for keyword in keywords(word) if number.isdigit() and len(number) < 3 else ():  # noqa: PLR2004  # two digits
                if int(number) < len(_LETTERS):
                    found[_LETTERS[int(number)]] = keyword
    return found


def _levels(name: str) -> tuple[str, ...]:
    """Return the names in one directory name: ``.A.B`` is B below A, in modified UTF-7."""
    if not name.startswith("."):
        return (name,)
    text = utf7.decode(os.fsencode(name))
    return tuple(shown_name(level) for level in text.split(".") if level)
