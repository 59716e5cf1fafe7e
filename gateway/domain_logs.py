"""The logs of the domains that one account deals with: expected for ever, and never seen to shrink.

What a proof is checked with comes from here, and what it showed goes back.  Durable before use: a
domain whose log was seen once is refused without one, whatever its documents say later.
Spec/transparency §8.
"""

from __future__ import annotations

import asyncio
from typing import Final

from mx_core.directory.proving import WatchedLog
from mx_core.discovery.finder import Domain, Finder
from mx_core.model.clock import Now
from mx_core.model.errors import MailError, Untrusted
from mx_core.store.setting import CarrierState
from mx_core.tlog import witness
from mx_core.tlog.log_proof import Logged
from mx_core.tlog.note import Kind, NoteKey
from mx_core.trust.log_memory import LogMemory

_CARRIER: Final = "native"


class DomainLogs:
    """See the module.  One change of a memory at a time."""

    def __init__(self, state: CarrierState, finder: Finder, own_domain: str, now: Now) -> None:
        """Nothing is read before it is asked for."""
        self._state = state
        self._finder = finder
        self._own_domain = own_domain
        self._now = now
        self._turn = asyncio.Lock()  # covers reading a memory and writing it back

    async def watched(self, domain: Domain) -> WatchedLog | None:
        """Return what the cards of *domain* are checked with; None: it never ran a log.

        Raises:
            Untrusted: ``proof``: it ran a log and shows none now, or one with other keys; or it
                is in doubt.
        """
        now = self._now()
        kt, vrf = domain.role_key("kt", now), domain.role_key("vrf", now)
        async with self._turn:
            known = await self.memory(domain.name)
            if known is None:
                if kt is None:
                    return None
                if vrf is None:
                    raise Untrusted("proof", f"{domain.name} runs a log without a key for names")
                known = LogMemory(kt, vrf)
                # Crash before this: nothing was believed yet that the log should have proved.
                await self._keep(domain.name, known)
        if (kt, vrf) != (known.kt, known.vrf):
            raise Untrusted("proof", f"{domain.name} no longer shows the log that it ran before")
        if known.doubt:
            raise Untrusted("proof", known.doubt)
        witnesses = await self._witnesses(domain.name)
        return WatchedLog(known.keys(domain.name, witnesses), known.seen)

    async def accepted(self, domain: str, logged: Logged | None, note: bytes) -> None:
        """Remember the tree that a proof showed, consistent with what was seen."""
        if logged is None:
            return
        async with self._turn:
            known = await self.memory(domain)
            if known is not None:
                grown = known.grown(logged.seen, note)
                if grown is not known:
                    # Crash before this: the older tree is remembered, and proved from again.
                    await self._keep(domain, grown)

    async def memory(self, domain: str) -> LogMemory | None:
        """Return what is remembered of the log of *domain*."""
        octets = await self._state.get(_CARRIER, _name(domain))
        return None if octets is None else LogMemory.decode(octets)

    async def _keep(self, domain: str, memory: LogMemory) -> None:
        await self._state.put(_CARRIER, _name(domain), memory.encode())

    async def _witnesses(self, domain: str) -> tuple[NoteKey, ...]:
        """Return who is believed to watch: the own home server, but not over itself."""
        if domain == self._own_domain:
            return ()
        try:
            own = await self._finder.find(self._own_domain)
        except MailError:
            return ()
        key = own.role_key("witness", self._now())
        name = witness.name_of(self._own_domain)
        return () if key is None else (NoteKey(name, key, Kind.COSIGNATURE),)


def _name(domain: str) -> str:
    return f"log {domain}"
