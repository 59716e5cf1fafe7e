"""STORE of one message, read by what it does to flags: the same a thousand times, for a thousand messages.

A mail program says it for each message that is read, and reading it token by token costs a tenth of a
lone STORE.  What is not plain, or wrong, is left to ``parse``, which says why.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from imap_out.wire.commands import Store
from imap_out.wire.cursor import TAG_CLASS
from imap_out.wire.framing import Frame
from imap_out.wire.parse import parse
from imap_out.wire.sequence_set import SequenceSet
from imap_out.wire.syntax import BadSyntax

# nine digits are below 2^32
_PLAIN: Final = re.compile(
    rb"([%b]{1,64}) (UID )?STORE ([1-9][0-9]{0,8}) ([+-]?FLAGS[ -z|~]{1,120})" % TAG_CLASS,
    re.IGNORECASE,
)
_KNOWN_MAX: Final = 256


def read(text: bytes) -> tuple[bytes, Store] | None:
    """Return tag and command as ``parse`` does of a frame of *text* alone, or None: it is for ``parse``."""
    found = _PLAIN.fullmatch(text)
    known = None if found is None else _meant(found[4])
    if found is None or known is None:
        return None
    which, by_uid = SequenceSet.of_one(int(found[3])), found[2] is not None
    return found[1], Store(which, known.change, known.flags, known.silent, by_uid)


@lru_cache(_KNOWN_MAX)
def _meant(text: bytes) -> Store | None:
    """Return what *text* does to a message, whichever; None: it makes no sense."""
    try:
        _, command = parse(Frame((b"a STORE 1 " + text,)))
    except BadSyntax:
        return None
    return command if isinstance(command, Store) else None
