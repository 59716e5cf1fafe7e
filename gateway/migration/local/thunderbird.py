"""A Thunderbird profile: the mail that it keeps itself, below ``Mail``.

``Mail/Local Folders`` and one directory for each POP account; a folder is an mbox without a
suffix, or a Maildir of that name, and those below it stand in ``Name.sbd``.  ``ImapMail`` is a
partial copy of what the servers hold and is never read: import from the server instead.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gateway.migration.local.maildir import is_maildir
from gateway.migration.local.mbox import is_mbox
from gateway.migration.local.plain_file import DEPTH_MAX, entries, is_folder, shown, shown_name
from gateway.migration.source import Trouble

LOCAL_FOLDERS: Final = "Local Folders"
_BELOW: Final = ".sbd"
_NO_MAIL: Final = (".msf", ".dat", ".html", ".json", ".sqlite", ".mozmsgs", ".lock")
_SPECIAL: Final = {"Sent": "\\Sent", "Drafts": "\\Drafts", "Trash": "\\Trash", "Junk": "\\Junk"}
_INBOX: Final = "Inbox"

Folder = tuple[Path, tuple[str, ...], str]  # where, names, special use


def is_profile(path: Path) -> bool:
    """Tell whether *path* is a profile, and not some directory with mail in it."""
    return (path / "Mail").is_dir() and (path / "prefs.js").is_file()


def folders(profile: Path) -> Iterator[Folder | Trouble]:
    """Yield every folder of every account that keeps its mail here.

    Those of Local Folders have their own names; those of an account stand below its server's.
    """
    inside = entries(profile / "Mail")
    if isinstance(inside, Trouble):
        yield inside
        return
    for entry in inside:
        if is_folder(entry):
            local = entry.name == LOCAL_FOLDERS
            above = () if local else (shown_name(entry.name),)
            yield from _folders_in(Path(entry.path), above, known=local)


def _folders_in(folder: Path, names: tuple[str, ...], *, known: bool) -> Iterator[Folder | Trouble]:
    inside = entries(folder)
    if isinstance(inside, Trouble):
        yield inside
        return
    if len(names) >= DEPTH_MAX:
        yield Trouble(shown(folder), "is nested too deeply")
        return
    for entry in inside:
        path = Path(entry.path)
        if is_folder(entry) and entry.name.endswith(_BELOW):
            yield from _folders_in(
                path, (*names, shown_name(entry.name.removesuffix(_BELOW))), known=False
            )
        elif _holds_mail(entry):
            special = _SPECIAL.get(entry.name, "") if known else ""
            name = "INBOX" if known and entry.name == _INBOX else shown_name(entry.name)
            yield path, (*names, name), special


def _holds_mail(entry: os.DirEntry[str]) -> bool:
    path = Path(entry.path)
    if is_folder(entry):
        return is_maildir(path)
    return not entry.name.endswith(_NO_MAIL) and is_mbox(path)
