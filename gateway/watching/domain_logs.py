"""The logs of the domains that one account deals with: expected for ever, and never seen to shrink.

What a proof is checked with comes from here, and what it showed goes back.  What others have seen
of a log (the proofs that come with mail, gossip, the own home server as a witness) is held
against it before anything more is sealed to its domain.  Durable before use.  Spec/transparency §8.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog
from msgspec.structs import replace

from gateway.watching.alarms import Alarms
from gateway.watching.incidents import CONTRADICTED, LOG_GONE, LogRefused
from gateway.watching.log_reading import LogReader, ReadLog
from gateway.watching.people_watch import PeopleWatch
from mx_core.directory.evidence import Evidence, Kind
from mx_core.directory.proving import WatchedLog
from mx_core.discovery.document import SignedDocument
from mx_core.discovery.finder import Domain, Finder
from mx_core.envelope.ext import Gossip
from mx_core.model.clock import Now
from mx_core.model.errors import MailError, Untrusted
from mx_core.notation import cbor
from mx_core.store.own.setting import CarrierState
from mx_core.tlog import merkle, witness
from mx_core.tlog.checkpoint import open_checkpoint
from mx_core.tlog.log_proof import Logged, Seen, origin_of
from mx_core.tlog.note import Kind as NoteKind
from mx_core.tlog.note import NoteKey
from mx_core.trust.log_memory import LogMemory, Told

log = structlog.get_logger()

_CARRIER: Final = "native"
_WITNESS_SECONDS: Final = 3_600.0  # between two questions to the own home server about one log
_SETTLE_SECONDS: Final = 600.0


class DomainLogs:
    """See the module.  One change of a memory at a time."""

    def __init__(
        self,
        state: CarrierState,
        finder: Finder,
        own_domain: str,
        read: ReadLog,
        alarms: Alarms,
        now: Now,
    ) -> None:
        """Nothing is read before it is asked for."""
        self._state = state
        self._finder = finder
        self._own_domain = own_domain
        self._read = read
        self._alarms = alarms
        self._now = now
        self.people = PeopleWatch(
            state, alarms, self._witness_document, self._witnessed_before, now
        )
        self._turn = asyncio.Lock()  # covers reading a memory and writing it back
        self._memories: dict[str, LogMemory | None] = {}  # what the store holds; written here alone
        self._asked: dict[str, float] = {}  # domain → when the witness was asked
        self._unsettled: set[str] = set()
        self._wake = asyncio.Event()

    # ── before a proof is checked, and after ─────────────────────────────────────────
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
            raise LogRefused(
                domain.name, LOG_GONE, f"{domain.name} no longer shows the log that it ran before"
            )
        if known.doubt:
            raise LogRefused(domain.name, CONTRADICTED, known.doubt)
        witnesses = await self._witnesses(domain.name)
        return WatchedLog(known.keys(domain.name, witnesses), known.seen)

    async def ready(self, domain: Domain) -> WatchedLog | None:
        """As ``watched``, after what others have seen was held against the log.

        Raises:
            Unavailable: The log could not be asked now.
        """
        if await self.watched(domain) is None:
            return None
        await self.settle(domain)
        return await self.watched(domain)

    async def accepted(self, domain: str, logged: Logged | None, note: bytes) -> None:
        """Remember the tree that a proof showed, consistent with what was seen."""
        if logged is not None:
            async with self._turn:
                await self._grow(domain, logged.seen, note)

    async def refused(
        self, domain: Domain, seen: Seen | None, note: bytes, shown: tuple[bytes, ...]
    ) -> None:
        """Look whether *note*, of a proof that was refused, contradicts what was seen before it.

        *shown* is the consistency proof that came with it.  If it does, the evidence is told and
        kept, and nothing of the domain is believed until the person has judged.
        """
        known = await self.memory(domain.name)
        if known is None or known.seen is None or known.seen != seen or not known.note:
            return
        try:
            opened = open_checkpoint(note, origin_of(domain.name), known.kt).checkpoint
        except Untrusted:
            return
        older, newer = sorted(
            (known.seen, Seen(opened.size, opened.root)), key=lambda tree: tree.size
        )
        try:
            merkle.verify_consistency(older.size, older.root, newer.size, newer.root, shown)
        except Untrusted:
            items: list[cbor.Value] = [known.note, note, list[cbor.Value](shown)]
            await self._doubted(domain, items)

    # ── what others have seen ────────────────────────────────────────────────────────
    async def hear(self, origin: str, told: Told, speaker: str) -> None:
        """Remember what somebody of *speaker* has seen of the log *origin*; it is judged later.

        Of other domains than theirs and the own one nobody is believed to know.
        """
        domain = origin.removesuffix(origin_of(""))
        if domain not in {speaker, self._own_domain}:
            return
        async with self._turn:
            known = await self.memory(domain)
            if known is None or origin != origin_of(domain) or told.seen == known.seen:
                return
            heard = known.heard(told)
            if heard is not known:
                # Crash before this: heard again with the mail, which is not acknowledged yet.
                await self._keep(domain, heard)
        self._unsettled.add(domain)
        self._wake.set()

    async def settle(self, domain: Domain) -> None:
        """Hold against the log what others have seen of it.

        Raises:
            Unavailable: It could not be asked now.
            Untrusted: ``proof``: it showed them something else.
        """
        known = await self.memory(domain.name)
        if known is None or known.doubt:
            return
        reader = LogReader(domain.name, known.keys(domain.name), self._read)
        told = list(known.told)
        if self._now() - self._asked.get(domain.name, 0.0) > _WITNESS_SECONDS:
            witnessed = await reader.witnessed()
            if witnessed is not None:
                tree, note = witnessed
                told.append(Told(tree.size, tree.root, self._own_domain, note))
            self._asked[domain.name] = self._now()
        told = [one for one in told if one.seen != known.seen]
        if told:
            await self._settle(domain, reader, known, told)

    async def gossip(self, *domains: str) -> tuple[Gossip, ...]:
        """Return the newest trees that were accepted of *domains*, for who is written to."""
        found: list[Gossip] = []
        for domain in dict.fromkeys(domains):
            known = await self.memory(domain)
            if known is not None and known.seen is not None and not known.doubt:
                found.append(Gossip(origin_of(domain), known.seen.size, known.seen.root))
        return tuple(found)

    async def judged(self, domain: Domain) -> None:
        """Believe *domain* as it is shown now: the person has judged.  What was seen is forgotten."""
        now = self._now()
        kt, vrf = domain.role_key("kt", now), domain.role_key("vrf", now)
        async with self._turn:
            fresh = None if kt is None or vrf is None else LogMemory(kt, vrf)
            await self._state.put(
                _CARRIER, _name(domain.name), b"" if fresh is None else fresh.encode()
            )
            self._memories[domain.name] = fresh

    async def run(self) -> None:
        """Settle what was heard, for ever."""
        while True:
            self._wake.clear()
            for name in sorted(self._unsettled):
                try:
                    await self.settle(await self._finder.find(name))
                    self._unsettled.discard(name)
                except Untrusted as error:
                    log.warning("log_contradicted", domain=name, failure=error.failure)
                    self._unsettled.discard(name)
                except MailError as error:
                    log.info("log_not_settled", domain=name, why=type(error).__name__)
            try:
                async with asyncio.timeout(_SETTLE_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def memory(self, domain: str) -> LogMemory | None:
        """Return what is remembered of the log of *domain*."""
        if domain not in self._memories:
            octets = await self._state.get(_CARRIER, _name(domain))
            self._memories[domain] = LogMemory.decode(octets) if octets else None
        return self._memories[domain]

    # ── inside ───────────────────────────────────────────────────────────────────────
    async def _settle(
        self, domain: Domain, reader: LogReader, known: LogMemory, told: list[Told]
    ) -> None:
        """Prove that every tree of *told* and the remembered one begin the newest of them."""
        newest, note = known.seen, known.note
        if newest is None or newest.size < max(one.size for one in told):
            shown, note = await reader.checkpoint()
            newest = Seen(shown.size, shown.root)
        mine = [] if known.seen is None else [Told(*_pair(known.seen), "", known.note)]
        for one in mine + told:
            if not await _begins(reader, one.seen, newest):
                other: cbor.Value = one.note or [one.size, one.root, one.by]
                items: list[cbor.Value] = [note, other] + ([[]] if one.note else [])
                await self._doubted(domain, items)
        async with self._turn:
            await self._grow(domain.name, newest, note, settled=told)

    async def _grow(
        self, domain: str, seen: Seen, note: bytes, settled: list[Told] | None = None
    ) -> None:
        known = await self.memory(domain)
        if known is None:
            return
        done = {one.seen for one in settled or ()}
        grown = known.grown(seen, note)
        grown = replace(grown, told=tuple(one for one in grown.told if one.seen not in done))
        if grown != known:
            # Crash before this: the older tree is remembered, and proved from again.
            await self._keep(domain, grown)

    async def _doubted(self, domain: Domain, items: list[cbor.Value]) -> None:
        """Tell the person, keep the evidence, and refuse the domain from now on."""
        sentence = (
            f"the log of {domain.name} shows different things to different people, or has gone"
            " back; a letter about it is in your INBOX"
        )
        signed = domain.signed
        evidence = Evidence(
            Kind.SPLIT_VIEW, domain.name, tuple(items), signed.octets, signed.signature
        )
        async with self._turn:
            known = await self.memory(domain.name)
            if known is not None and not known.doubt:
                # Crash between the two: the same contradiction is found and told once more.
                await self._alarms.contradicted(evidence)
                await self._keep(domain.name, replace(known, doubt=sentence, told=()))
        raise LogRefused(domain.name, CONTRADICTED, sentence)

    async def _keep(self, domain: str, memory: LogMemory) -> None:
        await self._state.put(_CARRIER, _name(domain), memory.encode())
        self._memories[domain] = memory

    async def _witness_document(self) -> SignedDocument | None:
        """Return what names the key of whoever watches logs for this account."""
        try:
            return (await self._finder.find(self._own_domain)).signed
        except MailError:
            return None

    async def _witnessed_before(
        self, domain: Domain, shown: Seen
    ) -> tuple[bytes, list[bytes]] | None:
        """Return what the own home server cosigned of a tree that *shown* goes on from, if it did."""
        known = await self.memory(domain.name)
        if known is None or domain.name == self._own_domain:
            return None
        reader = LogReader(domain.name, known.keys(domain.name), self._read)
        try:
            witnessed = await reader.witnessed()
            if witnessed is None or witnessed[0].size > shown.size:
                return None
            tree, note = witnessed
            return note, await reader.joined(Seen(tree.size, tree.root), shown)
        except MailError:
            return None  # the evidence goes without it

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
        return () if key is None else (NoteKey(name, key, NoteKind.COSIGNATURE),)


async def _begins(reader: LogReader, older: Seen, newer: Seen) -> bool:
    """Tell whether the tree *newer* goes on from *older*; raises Unavailable."""
    if older.size > newer.size:
        return False
    try:
        proof = await reader.joined(older, newer)
        merkle.verify_consistency(older.size, older.root, newer.size, newer.root, proof)
    except Untrusted:
        return False
    return True


def _pair(seen: Seen) -> tuple[int, bytes]:
    return seen.size, seen.root


def _name(domain: str) -> str:
    return f"log {domain}"
