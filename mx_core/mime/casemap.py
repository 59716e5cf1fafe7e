"""One form for all spellings that differ in case: i;unicode-casemap.  RFC 5051.

Used for base subjects and for searching; the stored octets keep their case.
"""

from __future__ import annotations

import unicodedata


def fold(text: str) -> str:
    """Return *text* in title case, decomposed for compatibility (RFC 5051 §2)."""
    if text.isascii():
        return text.upper()
    return unicodedata.normalize("NFKD", "".join(map(_titled, text)))


def _titled(character: str) -> str:
    # simple mappings only: a character that would become several keeps its own form
    title = character.title()
    return title if len(title) == 1 else character
