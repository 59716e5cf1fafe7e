"""Tag lists: ``name=value`` between semicolons, as DKIM, ARC and DMARC write them.  Pure.

RFC 6376 §3.2.  A list with a doubled tag says nothing.
"""

from __future__ import annotations

import re
from typing import Final

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_SPACE: Final = re.compile(r"[ \t\r\n]+")
_OCTETS_MAX: Final = 16 * 1024


def parse_tags(octets: bytes) -> dict[str, str]:
    """Return the tags of *octets*; nothing at all if it is no tag list."""
    if len(octets) > _OCTETS_MAX:
        return {}
    found: dict[str, str] = {}
    for part in octets.decode("utf-8", "replace").split(";"):
        name, equals, value = part.partition("=")
        name = name.strip(" \t\r\n")
        if not equals and not name:
            continue
        if not equals or not _NAME.fullmatch(name) or name in found:
            return {}
        found[name] = _SPACE.sub("", value)
    return found
