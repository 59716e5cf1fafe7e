"""What discovery asks of the DNS and what it hears; the library that asks is loaded with the first question.

dnspython costs 2.7 MB.  A server whose peers are all named in its peers file never asks.  ADR 0048.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, final

from msgspec import Struct

from mx_core.program.spared import spared
from mx_core.resolver.settings import ResolverSettings

if TYPE_CHECKING:
    from mx_core.discovery.dns import Resolver


class Found(Struct, frozen=True):
    """TXT strings of a name, for *ttl* seconds; *validated* by DNSSEC."""

    texts: tuple[str, ...]
    ttl: float
    validated: bool


class Absent(Struct, frozen=True):
    """An authoritative no, for *ttl* seconds."""

    ttl: float
    validated: bool


@final
class Questions:
    """The resolver of *settings*, made with the first question.  Owner: the event loop."""

    def __init__(self, settings: ResolverSettings) -> None:
        """Nothing is asked yet, and the system's resolvers are not read."""
        self._settings = settings
        self._resolver: Resolver | None = None

    async def mailx(self, domain: str) -> Found | Absent:
        """Return the TXT strings at ``_mailx.<domain>``; raises as ``Resolver.mailx``."""
        return await (await self._loaded()).mailx(domain)

    async def addresses(self, host: str) -> tuple[str, ...]:
        """Return the addresses of *host*; raises as ``Resolver.addresses``."""
        return await (await self._loaded()).addresses(host)

    async def _loaded(self) -> Resolver:
        if self._resolver is None:
            # of two that ask at once each may make one, which is no harm: it keeps nothing
            self._resolver = await asyncio.to_thread(self._made)
        return self._resolver

    def _made(self) -> Resolver:
        with spared():
            from mx_core.discovery.dns import Resolver  # noqa: PLC0415  # of who asks: see the module

        return Resolver(self._settings)
