"""An APPEND of one message, read by where and with which flags it is kept: the same for a thousand messages.

As ``known_store``.  The date and the message differ each time, and are read each time.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from imap_out.wire.commands import Append, NewMessage
from imap_out.wire.cursor import TAG_CLASS
from imap_out.wire.dates import parse_date_time
from imap_out.wire.framing import Frame
from imap_out.wire.parse import parse
from imap_out.wire.syntax import BadSyntax
from mx_core.model.flags import Flag

_PLAIN: Final = re.compile(
    rb'([%b]{1,64}) (APPEND [ -z|]{1,160}?)(?: "([ 0-9][0-9]-[A-Za-z]{3}-[0-9]{4} [0-9:]{8} [+-][0-9]{4})")?'
    rb" \{[0-9]{1,9}\+?\}" % TAG_CLASS,
    re.IGNORECASE,
)
_KNOWN_MAX: Final = 64
_PIECES: Final = 3  # of a frame with one literal: its line, the literal, and nothing


def read(frame: Frame, *, utf8: bool) -> tuple[bytes, Append] | None:
    """Return tag and command as ``parse`` does, or None: it is for ``parse``."""
    segments = frame.segments
    if len(segments) != _PIECES or segments[2]:
        return None
    found = _PLAIN.fullmatch(segments[0])
    known = None if found is None else _meant(found[2], utf8)
    if found is None or known is None:
        return None
    mailbox, flags = known
    try:
        date = None if found[3] is None else parse_date_time(found[3])
    except BadSyntax:
        return None
    return found[1], Append(mailbox, (NewMessage(segments[1], flags, date),))


@lru_cache(_KNOWN_MAX)
def _meant(text: bytes, utf8: bool) -> tuple[str, frozenset[Flag]] | None:  # a key
    """Return mailbox and flags of an APPEND that begins so; None: it makes no sense, or says more."""
    try:
        _, command = parse(Frame((b"a %b {0+}" % text, b"", b"")), utf8=utf8)
    except BadSyntax:
        return None
    if not isinstance(command, Append) or command.messages[0].date is not None:
        return None
    return command.mailbox, command.messages[0].flags
