"""Where a refusal points to: the page about whom it concerns, on this computer.  Pure.

A mail program shows one line; what can be changed, and how, stands on the page.  spec/page, "Whom a
refusal was about".
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from gateway.policy.override import without_tag
from mx_core.model.address import Address

PATH: Final = "/to/"
_TEXT_MAX: Final = 490  # octets of a reply's text: codes, spaces and CRLF stand beside it


def pointed(text: str, origin: str, who: Address) -> str:
    """Return *text* with the address of the page about *who*; whole, or not at all.

    *origin*: ``http://localhost:1180``, or "" where there is no page.
    """
    if not origin:
        return text
    longer = f"{text}; {origin}{PATH}{quote(str(without_tag(who)), safe='@+')}"
    return longer if len(longer.encode()) <= _TEXT_MAX else text
