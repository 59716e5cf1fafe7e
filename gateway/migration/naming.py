"""From what a source calls its folders to names of mailboxes.  Pure; spec/imports §3."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Final

from mx_core.model.errors import BadMailboxName
from mx_core.model.mailbox_name import DELIMITER, INBOX, MailboxName, mailbox_name

_LEVELS_MAX: Final = 24
_LEVEL_OCTETS_MAX: Final = 900
_TOTAL_OCTETS_MAX: Final = 1_000
_NOT_SHOWN: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})  # as a mailbox name may not have
_NAMELESS: Final = "_"


def mailbox_for(levels: Sequence[str], into: str = "") -> MailboxName:
    """Return the mailbox for a folder called *levels*, below *into* if that is not empty.

    What no mailbox name may hold is replaced or left out, what is too long is cut: a folder is
    never left behind for its name.  Raises BadMailboxName only for what *into* is.
    """
    above = [mailbox_name(into)] if into else []
    named = [_level(level) for level in levels] or [_NAMELESS]
    if len(named) > _LEVELS_MAX:
        named = [*named[: _LEVELS_MAX - 1], "_".join(named[_LEVELS_MAX - 1 :])]
    if not above and len(named) == 1 and named[0].upper() == INBOX:
        return INBOX
    named = [_cut(level, _LEVEL_OCTETS_MAX) for level in named]
    while len(DELIMITER.join([*above, *named]).encode()) > _TOTAL_OCTETS_MAX and len(named) > 1:
        del named[0]
    try:
        return mailbox_name(DELIMITER.join([*above, *named]))
    except BadMailboxName:
        if not above:
            raise
        raise BadMailboxName(f"no mailbox can be below {into}") from None


def _level(name: str) -> str:
    shown = "".join(sign for sign in unicodedata.normalize("NFC", name) if _is_shown(sign)).replace(
        DELIMITER, "_"
    )
    return shown if shown.strip() else _NAMELESS


def _is_shown(sign: str) -> bool:
    return unicodedata.category(sign) not in _NOT_SHOWN


def _cut(text: str, octets: int) -> str:
    return text.encode()[:octets].decode(errors="ignore")
