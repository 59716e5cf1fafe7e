"""Macros of an SPF record.  RFC 7208 §7.  Pure: what a letter stands for is given."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

DOMAIN_OCTETS_MAX: Final = 253
_LETTERS: Final = "slodiphv"  # c, r and t stand in explanations only, which are not asked for
_EXPAND: Final = re.compile(
    rf"%(?:\{{([{_LETTERS}{_LETTERS.upper()}])([0-9]{{0,3}})([rR]?)([.\-+,/_=]*)\}}|([%_\-]))"
)
_LITERAL: Final = re.compile(r"[!-$&-~]*")  # visible ASCII but %
_ESCAPES: Final = {"%": "%", "_": " ", "-": "%20"}


def is_macro_string(text: str) -> bool:
    """Tell whether *text* is a macro-string, and takes no more than nothing of a value."""
    if any(match[1] and match[2] and int(match[2]) == 0 for match in _EXPAND.finditer(text)):
        return False
    return _LITERAL.fullmatch(_EXPAND.sub("", text)) is not None


def letters_of(text: str) -> set[str]:
    """Return the letters that *text* needs, in lower case."""
    return {match[1].lower() for match in _EXPAND.finditer(text) if match[1]}


def expanded(text: str, letters: Mapping[str, str]) -> str:
    """Return the domain that *text* spells; too long a one loses labels from the left."""

    def spelt(match: re.Match[str]) -> str:
        if not match[1]:
            return _ESCAPES[match[5]]
        value = letters[match[1].lower()]
        parts = re.split(f"[{re.escape(match[4] or '.')}]", value)
        if match[3]:
            parts.reverse()
        if match[2]:
            parts = parts[-int(match[2]) :]
        joined = ".".join(parts)
        return quote(joined, safe="") if match[1].isupper() else joined

    domain = _EXPAND.sub(spelt, text).removesuffix(".")
    while len(domain) > DOMAIN_OCTETS_MAX and "." in domain:
        domain = domain.partition(".")[2]
    return domain
