"""What a mail program asks to be told: RET and ENVID of MAIL, NOTIFY and ORCPT of RCPT.  RFC 3461.

Pure.  xtext is decoded here and nowhere else; nothing changes the case of an address.
"""

from __future__ import annotations

import re
from typing import Final

from mx_core.model.notify import DEFAULT, Notify, NotifyRequest

# xtext = *( xchar / hexchar ) ;  hexchar = "+" 2(%x30-39 / %x41-46)       RFC 3461 §4
_XTEXT: Final = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")
_HEX: Final = re.compile(r"\+([0-9A-F]{2})")
_ENVID_MAX: Final = 100  # characters of the parameter, RFC 3461 §4.4
_ORCPT_MAX: Final = 500  # RFC 3461 §4.2
_ADDRESS_TYPE: Final = re.compile(r"[A-Za-z0-9-]{1,63}")
_WORDS: Final = {word.value.upper(): word for word in Notify}
_RETURNS: Final = {"FULL": True, "HDRS": False}


def parse_return(value: str) -> bool | None:
    """Return whether RET asks for the whole message back, or None for another word."""
    return _RETURNS.get(value.upper())


def parse_envid(value: str) -> str | None:
    """Return what ENVID spells, or None."""
    return _decoded(value) if 0 < len(value) <= _ENVID_MAX else None


def parse_request(notify: str | None, orcpt: str | None) -> NotifyRequest | None:
    """Return what NOTIFY and ORCPT ask for, None if one of them is no such thing."""
    when = DEFAULT if notify is None else _parse_notify(notify)
    original = "" if orcpt is None else _parse_orcpt(orcpt)
    return None if when is None or original is None else NotifyRequest(when, original)


def _parse_notify(value: str) -> frozenset[Notify] | None:
    # notify-esmtp-value = "NEVER" / 1#notify-list-element                 RFC 3461 §4.1
    if value.upper() == "NEVER":
        return frozenset()
    words = [_WORDS.get(word) for word in value.upper().split(",")]
    found = frozenset(word for word in words if word is not None)
    return found if len(found) == len(words) else None


def _parse_orcpt(value: str) -> str | None:
    # original-recipient-address = addr-type ";" xtext                     RFC 3461 §4.2
    kind, separator, address = value.partition(";")
    if len(value) > _ORCPT_MAX or not separator or not _ADDRESS_TYPE.fullmatch(kind):
        return None
    decoded = _decoded(address)
    return f"{kind};{decoded}" if decoded else None


def _decoded(text: str) -> str | None:
    """Return what xtext stands for; only printable ASCII may come out, so no line can be added."""
    if not _XTEXT.fullmatch(text):
        return None
    decoded = _HEX.sub(lambda match: chr(int(match[1], 16)), text)
    return decoded if decoded.isascii() and decoded.isprintable() else None
