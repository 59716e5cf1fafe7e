"""``local@domain``, once as written and once in the canonical form that keys are bound to.

Refuses what cannot be delivered to; never guesses.  RFC 5321 §4.1.2 (dot-string only),
RFC 6531 §3.3 (UTF-8 in the local part), identity §1 (canonical form).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import idna
from msgspec import Struct
from typing_extensions import override

from mx_core.model.errors import BadAddress

_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\ud7ff\ue000-\U0010ffff-]+"
_DOT_STRING = re.compile(rf"{_ATEXT}(?:\.{_ATEXT})*")
_A_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_LOCAL_OCTETS_MAX = 64
_DOMAIN_OCTETS_MAX = 253
_KEPT = 1_000  # addresses that were read before; one message names each several times


class Address(Struct, frozen=True):
    """An address as its owner writes it: *local* in NFC, *domain* in lower-case A-labels."""

    local: str
    domain: str

    @classmethod
    def parse(cls, text: str) -> Address:
        """Return the address that *text* spells.

        Raises:
            BadAddress: It spells none; answered 501 5.1.3 (or 553) at submission.
        """
        return cls(*_parts(text))

    def canonical(self) -> Address:
        """Fold to the form that is signed, looked up and compared: A–Z to a–z, no +tag.

        Raises:
            BadAddress: Nothing stands before the ``+``.
        """
        name = _name(self.local)
        if not name:
            raise BadAddress(f"the local part of {self} names nobody")
        return self if name == self.local else Address(name, self.domain)

    @override
    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"


@lru_cache(maxsize=_KEPT)
def _parts(text: str) -> tuple[str, str]:
    """Return both sides of the @, as ``Address`` has them."""
    local, at, domain = text.rpartition("@")
    if not at:
        raise BadAddress(f"{text!r} has no @")
    local = unicodedata.normalize("NFC", local)
    if not _DOT_STRING.fullmatch(local):
        raise BadAddress(f"the part before the @ in {text!r} is not a plain local part")
    if len(local.encode()) > _LOCAL_OCTETS_MAX:
        raise BadAddress(f"the part before the @ is longer than {_LOCAL_OCTETS_MAX} octets")
    return local, canonical_domain(domain)


@lru_cache(maxsize=_KEPT)
def _name(local: str) -> str:
    """Return whom *local* names, "" if nobody."""
    name = _fold_ascii(local.partition("+")[0])
    return name if _DOT_STRING.fullmatch(name) else ""


def canonical_domain(text: str) -> str:
    """Return *text* as lower-case A-labels.

    Raises:
        BadAddress: A label is empty, too long or not allowed (IDNA 2008, RFC 5891).
    """
    try:
        ascii_form = (
            text.lower() if text.isascii() else idna.encode(text, uts46=True).decode("ascii")
        )
    except idna.IDNAError as error:
        raise BadAddress(f"{text!r} is not a domain name") from error
    labels = ascii_form.split(".")
    if len(ascii_form) > _DOMAIN_OCTETS_MAX or not all(_A_LABEL.fullmatch(part) for part in labels):
        raise BadAddress(f"{text!r} is not a domain name")
    return ascii_form


def is_canonical(text: str) -> bool:
    """Tell whether *text* is exactly the canonical form of some native address (identity §1)."""
    try:
        return str(Address.parse(text).canonical()) == text
    except BadAddress:
        return False


def _fold_ascii(text: str) -> str:
    if text.isascii():
        return text.lower()
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)
