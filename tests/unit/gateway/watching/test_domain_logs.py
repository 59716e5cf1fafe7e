"""A domain whose log was seen once is expected to show it for ever, and only growing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.watching.alarms import Alarms
from gateway.watching.domain_logs import DomainLogs
from mx_core.model.address import Address
from mx_core.model.errors import PeerUnreachable, StoreDamaged, Untrusted
from mx_core.store.account_store import AccountStore
from mx_core.tlog.log_proof import Logged, Seen
from mx_core.trust.log_memory import TOLD_MAX, LogMemory, Told
from tests.support.small_log import SmallLog

pytestmark = pytest.mark.anyio

KEYS = {"kt": SmallLog().keys.kt, "vrf": SmallLog().keys.vrf}


@dataclass
class Shown:
    """As much of a discovered domain as is asked for."""

    keys: dict[str, bytes]
    name: str = "a.example"

    def role_key(self, role: str, now: float) -> bytes | None:
        return self.keys.get(role)


class Nobody:
    """Finds no domain: nobody watches."""

    async def find(self, domain: str) -> Any:
        raise PeerUnreachable(domain)


def logs_of(store: AccountStore) -> DomainLogs:
    finder: Any = Nobody()
    alarms = Alarms(store.relations, Address.parse("bob@b.example"), lambda: 1_700_000_000)
    return DomainLogs(
        store.carrier_state, finder, "b.example", _no_file, alarms, lambda: 1_700_000_000
    )


async def _no_file(*_: str) -> bytes | None:
    return None


def shown(keys: dict[str, bytes]) -> Any:
    return Shown(keys)


def logged(log: SmallLog) -> Logged:
    return log.proof("alice@a.example").verify(
        log.keys, Address.parse("alice@a.example"), b"1", None
    )


async def test_a_domain_without_a_log_has_none(store: AccountStore) -> None:
    assert await logs_of(store).watched(shown({})) is None


async def test_a_domain_that_ever_had_a_log_is_refused_without_it(store: AccountStore) -> None:
    assert await logs_of(store).watched(shown(KEYS)) is not None

    for keys in ({}, {**KEYS, "kt": b"x" * 32}, {**KEYS, "vrf": b"x" * 32}):
        with pytest.raises(Untrusted, match="no longer shows the log"):
            await logs_of(store).watched(shown(keys))


async def test_the_newest_tree_is_remembered_and_an_older_one_changes_nothing(
    store: AccountStore,
) -> None:
    logs, log = logs_of(store), SmallLog()
    await logs.watched(shown(KEYS))
    log.add(("alice@a.example", b"1"))
    older = logged(log)
    log.add(("bob@a.example", b"2"))

    await logs.accepted("a.example", logged(log), log.checkpoint())
    await logs.accepted("a.example", older, b"older")

    again = await logs_of(store).watched(shown(KEYS))
    assert again is not None
    assert again.seen == log.seen
    memory = await logs.memory("a.example")
    assert memory is not None
    assert memory.note == log.checkpoint()


def test_a_memory_is_read_as_it_was_written_and_is_bounded() -> None:
    memory = LogMemory(b"k" * 32, b"v" * 32, Seen(3, b"r" * 32), b"note")
    for n in range(TOLD_MAX + 2):
        memory = memory.heard(Told(n + 1, b"t" * 32, "bob@b.example"))
    assert memory.heard(memory.told[0]) is memory
    memory = replace(memory, doubt="because")

    assert len(memory.told) == TOLD_MAX
    assert LogMemory.decode(memory.encode()) == memory
    with pytest.raises(StoreDamaged):
        LogMemory.decode(memory.encode()[:-1])
