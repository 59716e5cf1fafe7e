r"""Flags that mail programs write into the header of what they keep in an mbox.  Pure.

Thunderbird puts its own lines first; they never were part of the message and are taken off.
``Status`` and ``X-Status`` of mutt and others stand among the fields and are left there: octets
that may have been signed are not ours to mend.
"""

from __future__ import annotations

import re
from typing import Final

from mx_core.model.flags import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, Flag, FlagSet

# X-Mozilla-Status: 4 hex digits, X-Mozilla-Status2: 8, X-Mozilla-Keys: keywords and padding
_MOZILLA: Final = re.compile(rb"(X-Mozilla-(Status2?|Keys|Account-Key|UIDL): ?([^\r\n]*)\r\n)")
_MOZILLA_BITS: Final = (
    (0x0001, SEEN),
    (0x0002, ANSWERED),
    (0x0004, FLAGGED),
    (0x1000, Flag("$Forwarded")),
)
_MOZILLA_EXPUNGED: Final = 0x0008
_STATUS: Final = re.compile(
    rb"^(?:X-)?Status: ?([A-Za-z]{1,16})[ \t]*\r\n", re.MULTILINE | re.IGNORECASE
)
_LETTERS: Final = {b"R": SEEN, b"A": ANSWERED, b"F": FLAGGED, b"D": DELETED, b"T": DRAFT}
_KEYWORDS: Final = re.compile(rb"^X-Keywords: ?([^\r\n]*)\r\n", re.MULTILINE | re.IGNORECASE)
# what may be a keyword                                                 RFC 9051 §9, atom
_KEYWORD: Final = re.compile(r"[^\x00-\x20\x7f-\uffff(){%*\"\\\]]{1,100}")
_HEADER_MAX: Final = 64 * 1024
_KEYWORDS_MAX: Final = 100


def flags_of(octets: bytes) -> tuple[bytes, FlagSet]:
    r"""Return the message without Thunderbird's lines, and the flags that its header tells.

    What Thunderbird has expunged and not yet compacted away is ``\Deleted``.
    """
    flags: set[Flag] = set()
    at = 0
    while match := _MOZILLA.match(octets, at):
        at = match.end()
        name, value = match[2], match[3]
        if name == b"Status":
            flags |= _mozilla_bits(value)
        elif name == b"Keys":
            flags |= keywords(value)
    octets = octets[at:] if at else octets
    end = octets.find(b"\r\n\r\n", 0, _HEADER_MAX)
    header = octets[: end + 2] if end >= 0 else octets[:_HEADER_MAX]
    for match in _STATUS.finditer(header):
        letters = (match[1][n : n + 1].upper() for n in range(len(match[1])))
        flags |= {_LETTERS[letter] for letter in letters if letter in _LETTERS}
    for match in _KEYWORDS.finditer(header):
        flags |= keywords(match[1])
    return octets, frozenset(flags)


def keywords(text: bytes) -> set[Flag]:
    """Return the keywords among the words of *text*."""
    words = text[:_HEADER_MAX].decode("utf-8", "replace").split()
    return {Flag(word) for word in words[:_KEYWORDS_MAX] if _KEYWORD.fullmatch(word)}


def _mozilla_bits(value: bytes) -> set[Flag]:
    try:
        bits = int(value.strip() or b"0", 16)
    except ValueError:
        return set()
    flags = {flag for bit, flag in _MOZILLA_BITS if bits & bit}
    return flags | {DELETED} if bits & _MOZILLA_EXPUNGED else flags
