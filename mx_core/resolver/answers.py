"""Answers of the DNS, kept for as long as it says, bounded in number and size.

A name that does not exist and one without such records are alike: no records.  That there was no
answer is remembered too, for seconds, or everybody would wait for a resolver that is away.  Whoever
asks what is being asked already waits for that answer: mail of one domain comes in bursts.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

import dns.exception
import dns.name
import dns.rdatatype
from dns.rdata import Rdata
from msgspec import Struct

from mx_core.model.errors import PeerUnreachable
from mx_core.resolver.settings import ResolverSettings
from mx_core.resolver.stub import Stub

_ANSWERS_KEPT: Final = 20_000
_KEPT_SECONDS_MAX: Final = 3_600.0
_ABSENT_SECONDS: Final = 60.0
_FAILED_SECONDS: Final = 5.0
_RECORDS_MAX: Final = 64
_Key = tuple[str, int]  # lower case, the kind of record


class _Kept(Struct, frozen=True):
    """An answer; *records* is None if there was none that could be used."""

    records: tuple[Rdata, ...] | None
    until: float  # monotonic


class Answers:
    """Of one resolver, for one process.  Owner: the event loop that asks."""

    def __init__(self, settings: ResolverSettings) -> None:
        """Nothing is kept yet."""
        self._stub = Stub(settings, validated=False)
        self._kept: OrderedDict[_Key, _Kept] = OrderedDict()
        self._asking: dict[_Key, asyncio.Task[_Kept]] = {}  # under way

    async def records(self, name: str, kind: dns.rdatatype.RdataType) -> Sequence[Rdata]:
        """Return at most 64 records of *kind*; *name* is in A-labels, without a final dot.

        Raises:
            PeerUnreachable: There was no answer, now or some seconds ago.
        """
        key, now = (name.lower(), int(kind)), time.monotonic()
        kept = self._kept.get(key)
        if kept is None or kept.until <= now:
            if key not in self._asking:
                self._asking[key] = asyncio.create_task(self._ask(key, name, kind))
            # the question goes on, whoever gives up: its time is bounded, and its answer is kept
            kept = await asyncio.shield(self._asking[key])
        else:
            self._kept.move_to_end(key)
        if kept.records is None:
            raise PeerUnreachable("DNS gave no usable answer")
        return kept.records

    async def _ask(self, key: _Key, name: str, kind: dns.rdatatype.RdataType) -> _Kept:
        try:
            kept = await self._answer(name, kind)
        finally:
            del self._asking[key]
        self._kept[key] = kept
        self._kept.move_to_end(key)
        if len(self._kept) > _ANSWERS_KEPT:
            self._kept.popitem(last=False)
        return kept

    async def _answer(self, name: str, kind: dns.rdatatype.RdataType) -> _Kept:
        try:
            # label by label: in a text a backslash would mean something
            question = dns.name.Name([*name.encode("ascii").split(b"."), b""])
        except (dns.exception.DNSException, UnicodeError):
            return _Kept((), time.monotonic() + _ABSENT_SECONDS)  # no name can be spelt so
        try:
            chain = (await self._stub.ask(question, kind)).resolve_chaining()
        except PeerUnreachable:
            return _Kept(None, time.monotonic() + _FAILED_SECONDS)
        if chain.answer is None:
            return _Kept((), time.monotonic() + _ABSENT_SECONDS)
        seconds = min(max(float(chain.minimum_ttl), 1.0), _KEPT_SECONDS_MAX)
        return _Kept(tuple(chain.answer)[:_RECORDS_MAX], time.monotonic() + seconds)
