"""May this peer send for that domain?  ``check_host()`` of RFC 7208, with all of its limits.

Asks ``Names`` and nobody else.  Own code because no library is kept up: decision 0020.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from smtp_in.door.judging import spf_macro, spf_record
from smtp_in.door.judging.names import Names, NamesUnavailable
from smtp_in.door.judging.spf_record import BadRecord, Term

_LOOKUPS_MAX: Final = 10  # RFC 7208 §4.6.4
_VOID_MAX: Final = 2
_NAMES_MAX: Final = 10  # of one mx or ptr
_LABEL_OCTETS_MAX: Final = 63

Peer = IPv4Address | IPv6Address


class _Spoiled(Exception):
    """Permerror."""


@dataclass(slots=True)
class _Counts:
    """Questions that one check has cost so far; includes and redirects share it."""

    lookups: int = 0
    void: int = 0

    def look_up(self) -> None:
        self.lookups += 1
        if self.lookups > _LOOKUPS_MAX:
            raise _Spoiled

    def answered(self, found: list[str]) -> list[str]:
        if not found:
            self.void += 1
            if self.void > _VOID_MAX:
                raise _Spoiled
        return found


def peer_of(text: str) -> Peer:
    """Return the address that *text* spells; IPv4 in IPv6's clothes is IPv4 (RFC 7208 §5)."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


async def check_host(names: Names, peer: Peer, mail_from: str, helo: str) -> str:
    """Return the result word for *mail_from* ("": the null sender), said by *peer* as *helo*."""
    sender = mail_from if "@" in mail_from else f"postmaster@{mail_from or helo}"
    local, _, domain = sender.rpartition("@")
    check = _Check(names, peer, local or "postmaster", domain, helo)
    try:
        return await check.result(domain)
    except NamesUnavailable:
        return "temperror"
    except (_Spoiled, BadRecord):
        return "permerror"


class _Check:
    """One ``check_host()``."""

    def __init__(self, names: Names, peer: Peer, local: str, domain: str, helo: str) -> None:
        self._names = names
        self._peer = peer
        self._counts = _Counts()
        self._letters = {
            "s": f"{local}@{domain}",
            "l": local,
            "o": domain,
            "i": _dotted(peer),
            "v": "in-addr" if peer.version == 4 else "ip6",  # noqa: PLR2004  # of IP
            "h": helo,
        }

    async def result(self, domain: str) -> str:
        if not _is_name(domain):
            return "none"
        found = [text for text in await self._names.texts(domain) if spf_record.is_spf(text)]
        if not found:
            return "none"
        if len(found) > 1:
            raise _Spoiled
        record = spf_record.parse(found[0])
        for term in record.terms:
            if await self._matches(term, domain):
                return term.result
        if not record.redirect or any(term.name == "all" for term in record.terms):
            return "neutral"
        self._counts.look_up()
        result = await self.result(await self._target(record.redirect, domain))
        if result == "none":
            raise _Spoiled  # RFC 7208 §6.1
        return result

    async def _matches(self, term: Term, domain: str) -> bool:
        if term.name == "all":
            return True
        if term.network is not None:
            return self._peer.version == term.network.version and self._peer in term.network
        self._counts.look_up()
        target = await self._target(term.domain, domain) if term.domain else domain
        match term.name:
            case "include":
                result = await self.result(target)
                if result == "none":
                    raise _Spoiled  # RFC 7208 §5.2
                return result == "pass"
            case "exists":
                found = await self._names.addresses(target, v6=False) if _is_name(target) else []
                return bool(self._counts.answered(found))
            case "a":
                return await self._is_host(target, term, void_counts=True)
            case "mx":
                return await self._is_exchanger(target, term)
            case _:  # ptr
                return await self._is_named_under(target)

    async def _is_host(self, host: str, term: Term, *, void_counts: bool) -> bool:
        v6 = self._peer.version != 4  # noqa: PLR2004  # of IP
        found = await self._names.addresses(host, v6=v6) if _is_name(host) else []
        if void_counts:
            self._counts.answered(found)
        bits = term.v6_bits if v6 else term.v4_bits
        return any(self._peer in ip_network(f"{each}/{bits}", strict=False) for each in found)

    async def _is_exchanger(self, domain: str, term: Term) -> bool:
        found = await self._names.exchangers(domain) if _is_name(domain) else []
        hosts = self._counts.answered(found)
        if len(hosts) > _NAMES_MAX:
            raise _Spoiled  # RFC 7208 §4.6.4
        for host in hosts:
            if await self._is_host(host, term, void_counts=False):
                return True
        return False

    async def _is_named_under(self, domain: str) -> bool:
        under = domain.lower()
        try:
            valid = await self._validated(self._counts.answered)
        except NamesUnavailable:
            return False  # RFC 7208 §5.5
        return any(name == under or name.endswith("." + under) for name in valid)

    async def _validated(self, answered: object = None) -> list[str]:
        """Return the names of the peer that lead back to it."""
        found = await self._names.names_of(str(self._peer))
        if answered is not None:
            self._counts.answered(found)
        valid: list[str] = []
        for name in found[:_NAMES_MAX]:
            try:
                back = await self._names.addresses(name, v6=self._peer.version != 4)  # noqa: PLR2004
            except NamesUnavailable:
                continue
            if any(ip_address(each) == self._peer for each in back):
                valid.append(name)
        return valid

    async def _target(self, text: str, domain: str) -> str:
        letters = self._letters | {"d": domain}
        if "p" in spf_macro.letters_of(text):
            letters["p"] = await self._name_of_peer(domain)
        return spf_macro.expanded(text, letters)

    async def _name_of_peer(self, domain: str) -> str:
        """Return ``%{p}``: the own domain, else one beneath it, else any.  RFC 7208 §7.3."""
        try:
            valid = await self._validated()
        except NamesUnavailable:
            return "unknown"
        under = domain.lower()
        ranked = sorted(valid, key=lambda name: (name != under, not name.endswith("." + under)))
        return ranked[0] if ranked else "unknown"


def _dotted(peer: Peer) -> str:
    if isinstance(peer, IPv4Address):
        return str(peer)
    return ".".join(peer.exploded.replace(":", ""))


def _is_name(domain: str) -> bool:
    """Tell whether a question can be asked of *domain*: two labels at least.  RFC 7208 §4.3."""
    labels = domain.removesuffix(".").split(".")
    fits = len(domain) <= spf_macro.DOMAIN_OCTETS_MAX
    return fits and len(labels) > 1 and all(0 < len(each) <= _LABEL_OCTETS_MAX for each in labels)
