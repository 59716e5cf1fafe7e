"""Discovery as one account does it: the configured resolver, and keys remembered in its store."""

from __future__ import annotations

from pathlib import Path
from typing import final

from typing_extensions import override

from gateway.config import Discovery
from mx_core.discovery.finder import Finder, KeyMemory
from mx_core.discovery.web_settings import WebSettings
from mx_core.model.clock import Now
from mx_core.resolver.settings import ResolverSettings, parse_nameserver
from mx_core.store.own.setting import CarrierState

_CARRIER = "native"


@final
class _StoredMemory(KeyMemory):
    """The keys of each domain that was ever accepted, beside the account's mail."""

    def __init__(self, state: CarrierState) -> None:
        self._state = state

    @override
    async def recall(self, domain: str) -> bytes | None:
        return await self._state.get(_CARRIER, f"domain {domain}")

    @override
    async def remember(self, domain: str, octets: bytes) -> None:
        await self._state.put(_CARRIER, f"domain {domain}", octets)


def finder_of(settings: Discovery, state: CarrierState, now: Now) -> Finder:
    """Return the finder that the configuration asks for.

    Raises:
        BadConfiguration: The nameserver is no address and port.
    """
    return Finder(
        resolver=resolver_of(settings),
        peers=Path(settings.peers) if settings.peers else None,
        closed=settings.closed,
        memory=_StoredMemory(state),
        web=WebSettings(allow_private=settings.allow_private),
        now=now,
    )


def resolver_of(settings: Discovery) -> ResolverSettings:
    """Return the resolver that *settings* name; raises BadConfiguration."""
    return parse_nameserver(settings.nameserver, "discovery.nameserver")
