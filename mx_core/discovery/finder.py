"""``find(domain)``: keys and endpoints of a domain, from the cache or by the acceptance rules.

One search per domain at a time, sixteen in all, each with a deadline.  Answers live as long as
DNS says; a refused or failed search is remembered too, so nobody can make us search in a loop.
A domain whose search fails is served from the last good answer for 24 hours more.
Refuses to know what the answer is for.  docs/spec/discovery.md §1.

Failure classes besides those of the rooms it asks: ``domain-absent domain-key domain-key-held``.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from pathlib import Path
from typing import Final, Protocol
from weakref import WeakValueDictionary

from msgspec import Struct
from typing_extensions import override

from mx_core.discovery.continuity import How, Remembered, judge_keys
from mx_core.discovery.document import ServerDocument, SignedDocument, verify_document
from mx_core.discovery.endpoint import Endpoint
from mx_core.discovery.peers_file import PeersFile
from mx_core.discovery.questions import Absent, Questions
from mx_core.discovery.server_info import fetch_document
from mx_core.discovery.txt import TxtRecord, parse_records
from mx_core.discovery.web_settings import WebSettings
from mx_core.discovery.well_known import WellKnown
from mx_core.model.address import canonical_domain
from mx_core.model.clock import Now
from mx_core.model.errors import MailError, NotOnNetwork, PeerUnreachable, Untrusted
from mx_core.resolver.settings import ResolverSettings

_STATIC_SECONDS: Final = 300.0
_STALE_SECONDS: Final = 86_400.0
_UNREACHABLE_SECONDS: Final = 5.0
_STALE_AGAIN_SECONDS: Final = 30.0  # while nobody answers, callers do not wait each time
_UNTRUSTED_SECONDS: Final = 60.0
_SEARCH_SECONDS: Final = 20.0
_SEARCHES_MAX: Final = 16


class Domain(Struct, frozen=True):
    """A domain that has been found; *expires* in unix seconds."""

    name: str
    keys: tuple[bytes, ...]  # active and accepted, at least one
    hello: Endpoint
    federation: Endpoint
    client: Endpoint
    document: ServerDocument
    signed: SignedDocument  # the document as the domain signed it
    how: How
    expires: float

    def role_key(self, role: str, now: float) -> bytes | None:
        """Return the key that holds *role* now."""
        return next(
            (
                key.public_key
                for key in self.document.role_keys
                if key.role == role and key.not_before <= now <= key.not_after
            ),
            None,
        )


class KeyMemory(Protocol):
    """Where ``Remembered`` is kept for ever; the octets are opaque to whoever keeps them."""

    async def recall(self, domain: str) -> bytes | None:
        """Return what was remembered last, or None for a domain never accepted."""

    async def remember(self, domain: str, octets: bytes) -> None:
        """Return once *octets* are durable."""


class ProcessMemory(KeyMemory):
    """A memory as long as the process: for tests and tools."""

    def __init__(self) -> None:
        """Nothing is remembered."""
        self._octets: dict[str, bytes] = {}

    @override
    async def recall(self, domain: str) -> bytes | None:
        return self._octets.get(domain)

    @override
    async def remember(self, domain: str, octets: bytes) -> None:
        self._octets[domain] = octets


class _Found(Struct, frozen=True):
    domain: Domain
    search_at: float  # from when on the next caller searches again


class _Failed(Struct, frozen=True):
    error: MailError
    expires: float


class Finder:
    """Discovery of one process.  Owner: the event loop that it is used in."""

    def __init__(
        self,
        *,
        resolver: ResolverSettings | None = None,
        peers: Path | None = None,
        closed: bool = False,
        memory: KeyMemory | None = None,
        web: WebSettings | None = None,
        cached_domains_max: int = 10_000,
        now: Now = time.time,
    ) -> None:
        """*peers* is a file of static peers, with *closed* the only ones there are.

        Without *memory* keys are remembered until exit.
        """
        self._closed = closed
        self._questions = Questions(resolver or ResolverSettings())
        self._peers = PeersFile(peers) if peers is not None else None
        self._memory: KeyMemory = memory or ProcessMemory()
        self._web = WellKnown(web or WebSettings(), self._questions.addresses)
        self._cached_max = cached_domains_max
        self._now = now
        self._found: OrderedDict[str, _Found] = OrderedDict()
        self._failed: OrderedDict[str, _Failed] = OrderedDict()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._searches = asyncio.Semaphore(_SEARCHES_MAX)

    async def find(self, domain: str) -> Domain:
        """Return *domain* as it is known now, searching only when the cache has no answer.

        Raises:
            BadAddress: Not a domain name.
            NotOnNetwork: DNS says authoritatively that it is not on the network.
            PeerUnreachable: Something did not answer; try later.
            Untrusted: A proof failed; the class names which.
        """
        name = canonical_domain(domain)
        turn = self._turns.setdefault(name, asyncio.Lock())
        async with turn:  # callers that come meanwhile find the cache filled
            known = self._fresh(name)
            if known is not None:
                return known
            return await self._search(name)

    def known(self, domain: str) -> Domain | None:
        """Return the last good answer, however old, without searching."""
        found = self._found.get(domain)
        return None if found is None else found.domain

    def doubt(self, domain: str) -> None:
        """Search again at the next ``find``: a peer's certificate did not match its keys.

        What was known is still served if that search finds nobody.
        """
        self._failed.pop(domain, None)
        found = self._found.get(domain)
        if found is not None:
            self._found[domain] = _Found(found.domain, self._now())

    def _fresh(self, name: str) -> Domain | None:
        failed = self._failed.get(name)
        if failed is not None and self._now() < failed.expires:
            raise failed.error.with_traceback(None)
        found = self._found.get(name)
        if found is not None and self._now() < found.search_at:
            self._found.move_to_end(name)
            return found.domain
        return None

    async def _search(self, name: str) -> Domain:
        self._failed.pop(name, None)
        try:
            async with self._searches, asyncio.timeout(_SEARCH_SECONDS):
                domain = await self._discover(name)
        except TimeoutError as error:
            return self._stale(name, PeerUnreachable(f"{name} was not found in time"), error)
        except PeerUnreachable as error:
            return self._stale(name, error, error)
        except Untrusted as error:
            self._found.pop(name, None)
            self._fail(name, error, _UNTRUSTED_SECONDS)
            raise
        self._found[name] = _Found(domain, domain.expires)
        self._found.move_to_end(name)
        if len(self._found) > self._cached_max:
            self._found.popitem(last=False)
        return domain

    def _stale(self, name: str, error: PeerUnreachable, cause: BaseException) -> Domain:
        old = self._found.get(name)
        if old is not None and self._now() < old.domain.expires + _STALE_SECONDS:
            # No news is no change of key; a search that *shows* another key is Untrusted above.
            self._found[name] = _Found(old.domain, self._now() + _STALE_AGAIN_SECONDS)
            return old.domain
        self._fail(name, error, _UNREACHABLE_SECONDS)
        raise error from cause

    def _fail(self, name: str, error: MailError, seconds: float) -> None:
        self._failed[name] = _Failed(error, self._now() + seconds)
        self._failed.move_to_end(name)
        if len(self._failed) > self._cached_max:
            self._failed.popitem(last=False)

    async def _discover(self, name: str) -> Domain:
        static = self._peers.get(name) if self._peers is not None else None
        if static is not None:
            record = TxtRecord((static.key,), static.hello)
            signed = await fetch_document(name, record.hello, record.keys, self._now())
            return await self._accept(name, record, signed, How.STATIC, _STATIC_SECONDS)

        if self._closed:
            raise NotOnNetwork(f"{name} is not on this network, which is closed")
        answer = await self._questions.mailx(name)
        if isinstance(answer, Absent):
            return await self._absent(name, answer.ttl)
        try:
            said = parse_records(answer.texts)
        except Untrusted as error:
            # An operator's slip of the pen, soon corrected: mail waits rather than being refused.
            raise PeerUnreachable(f"the DNS record of {name} cannot be used: {error}") from error
        if said is None:
            return await self._absent(name, answer.ttl)
        if answer.validated:
            signed = await fetch_document(name, said.hello, said.keys, self._now())
            return await self._accept(name, said, signed, How.DNSSEC, answer.ttl)
        signed = await self._second_opinion(name, said)
        return await self._accept(name, said, signed, How.HTTPS, answer.ttl)

    async def _second_opinion(self, name: str, record: TxtRecord) -> SignedDocument:
        try:
            return await self._web.fetch(name)
        except PeerUnreachable:
            remembered = await self._recall(name)
            if remembered is None or not set(record.keys) <= set(remembered.keys):
                raise
            # Continuity beats the web: every key shown is one that was accepted before.
            return await fetch_document(name, record.hello, record.keys, self._now())

    async def _accept(
        self, name: str, record: TxtRecord, signed: SignedDocument, how: How, ttl: float
    ) -> Domain:
        now = self._now()
        document = verify_document(signed, domain=name, keys=record.keys, now=now)
        active = document.active_keys(now)
        shown = tuple(key for key in record.keys if key in active)
        remembered = await self._recall(name)
        judgement = judge_keys(name, shown, how, document.rolls, remembered=remembered, now=now)
        if judgement.remembered != remembered:
            # Crash before this: the domain is new again at the next search, with the same keys.
            await self._memory.remember(name, judgement.remembered.encode())
        if judgement.failure:
            raise Untrusted(judgement.failure, f"the key of {name} has changed without proof")
        if judgement.keys != record.keys:
            # A key that must wait signs nothing meanwhile, the document included.
            verify_document(signed, domain=name, keys=judgement.keys, now=now)
        return Domain(
            name=name,
            keys=judgement.keys,
            hello=document.hello,
            federation=document.federation,
            client=document.client,
            document=document,
            signed=signed,
            how=how,
            expires=min(now + ttl, float(document.expires)),
        )

    async def _absent(self, name: str, ttl: float) -> Domain:
        if await self._recall(name) is not None:
            raise Untrusted("domain-absent", f"{name} was on the network and no longer says so")
        error = NotOnNetwork(f"{name} is not on the network")
        self._fail(name, error, ttl)
        raise error

    async def _recall(self, name: str) -> Remembered | None:
        octets = await self._memory.recall(name)
        return None if octets is None else Remembered.decode(octets)
