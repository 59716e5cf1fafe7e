"""An SPF record as its terms: the whole record is read before any of it counts.  Pure.

RFC 7208 §4.6, §5, §6 and §12 (ABNF).  An unknown mechanism, or anything that is no term, spoils
the record; an unknown modifier is left out.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from smtp_in.door.judging.spf_macro import is_macro_string

VERSION: Final = b"v=spf1"
_QUALIFIED: Final = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
_TERM: Final = re.compile(r"([+\-~?]?)([A-Za-z][A-Za-z0-9_.-]*)([:/].*)?", re.DOTALL)
_MODIFIER: Final = re.compile(r"([A-Za-z][A-Za-z0-9_.-]*)=(.*)", re.DOTALL)
_CIDR: Final = re.compile(r"(?:/(0|[1-9][0-9]?))?(?://(0|[1-9][0-9]{0,2}))?")
_END: Final = re.compile(  # domain-end: a dot and a toplabel, or a macro
    r".*(?:\.(?=[A-Za-z0-9-]*[A-Za-z-])[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.?|%\{[^}]*\})",
    re.DOTALL,
)
_RECORDS_KEPT: Final = 1_024  # as they were taken apart; each of 8 KiB at most
_V4_BITS: Final = 32
_V6_BITS: Final = 128
_TAKES_DOMAIN: Final = frozenset({"include", "exists"})  # and must have one
_MAY_TAKE: Final = frozenset({"a", "mx", "ptr"})


class BadRecord(Exception):
    """The record breaks the grammar: permerror."""


@dataclass(frozen=True, slots=True)
class Term:
    """A mechanism: *result* if it matches; *domain* is a macro string, empty for the own one."""

    result: str
    name: str
    domain: str = ""
    v4_bits: int = _V4_BITS
    v6_bits: int = _V6_BITS
    network: IPv4Network | IPv6Network | None = None


@dataclass(frozen=True, slots=True)
class SpfRecord:
    """Its mechanisms in order, and where it goes on if none matches."""

    terms: tuple[Term, ...]
    redirect: str = ""


def is_spf(text: bytes) -> bool:
    """Tell whether a TXT record is one of SPF.  RFC 7208 §4.5."""
    return text[: len(VERSION)].lower() == VERSION and text[len(VERSION) :][:1] in {b"", b" "}


@functools.lru_cache(_RECORDS_KEPT)
def parse(text: bytes) -> SpfRecord:
    """Return what *text* says; raises BadRecord."""
    try:
        words = text.decode("ascii").split(" ")[1:]
    except UnicodeDecodeError as error:
        raise BadRecord("octets beyond ASCII") from error
    terms: list[Term] = []
    modifiers: dict[str, str] = {}
    for word in words:
        if not word:
            continue
        modifier = _MODIFIER.fullmatch(word)
        if modifier is None:
            terms.append(_mechanism(word))
            continue
        name, value = modifier[1].lower(), modifier[2]
        if name in {"redirect", "exp"}:
            if name in modifiers or not _is_domain(value):
                raise BadRecord("a modifier that stands twice, or names no domain")
            modifiers[name] = value
        elif not is_macro_string(value):
            raise BadRecord("a modifier with a value that is none")
    return SpfRecord(tuple(terms), modifiers.get("redirect", ""))


def _mechanism(word: str) -> Term:
    match = _TERM.fullmatch(word)
    if match is None:
        raise BadRecord("a word that is no term")
    result, name, rest = _QUALIFIED[match[1] or "+"], match[2].lower(), match[3] or ""
    if name == "all" and not rest:
        return Term(result, name)
    if name in {"ip4", "ip6"} and rest.startswith(":"):
        return Term(result, name, network=_network(name, rest[1:]))
    if name in _TAKES_DOMAIN and rest.startswith(":") and _is_domain(rest[1:]):
        return Term(result, name, rest[1:])
    if name in _MAY_TAKE:
        return _with_cidr(result, name, rest)
    raise BadRecord("a mechanism that is not known, or lacks what it needs")


def _with_cidr(result: str, name: str, rest: str) -> Term:
    domain, cidr = "", rest
    if rest.startswith(":"):
        at = _cidr_at(rest)
        domain, cidr = rest[1:at], rest[at:]
        if not _is_domain(domain):
            raise BadRecord("a mechanism that names no domain")
    bits = _CIDR.fullmatch(cidr)
    if bits is None or (cidr and name == "ptr"):
        raise BadRecord("a prefix length that is none")
    v4, v6 = int(bits[1] or _V4_BITS), int(bits[2] or _V6_BITS)
    if v4 > _V4_BITS or v6 > _V6_BITS:
        raise BadRecord("a prefix longer than an address")
    return Term(result, name, domain, v4, v6)


def _cidr_at(rest: str) -> int:
    """Return where the prefix lengths begin: a slash inside of a macro is none of theirs."""
    match = re.search(r"(?:/[0-9]+)?(?://[0-9]+)?\Z", rest)
    assert match is not None  # noqa: S101  # the pattern matches nothing too
    return match.start()


def _network(name: str, text: str) -> IPv4Network | IPv6Network:
    address, slash, bits = text.partition("/")
    if slash and (not bits.isdecimal() or (len(bits) > 1 and bits.startswith("0"))):
        raise BadRecord("a prefix length that is none")
    try:
        network = ip_network(text, strict=False)
    except ValueError as error:
        raise BadRecord("a network that is none") from error
    if network.version != (4 if name == "ip4" else 6) or "%" in address:
        raise BadRecord("a network of the other kind")
    return network


def _is_domain(text: str) -> bool:
    return is_macro_string(text) and _END.fullmatch(text) is not None
