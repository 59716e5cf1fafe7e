"""The owner reads every leaf of the own domain's log, and what is not of their making is an alarm."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace
from nacl.public import PrivateKey

from gateway.own.identity import OwnIdentity
from gateway.own.log_watch import HomeLog, LogWatch
from gateway.watching.alarms import Alarms
from gateway.watching.domain_logs import DomainLogs
from gateway.watching.evidence_check import checked
from mx_core.carriers.native.membership import LogRecord
from mx_core.model.errors import Untrusted
from mx_core.model.mailbox_name import INBOX
from mx_core.model.secret import Secret
from mx_core.passport.epoch import new_epoch, sign_epoch
from mx_core.store.account_store import AccountStore
from mx_core.store.own.keys import OwnEpoch
from mx_core.tlog.leaf import BindingLeaf, parse_leaf
from tests.support.logged_domain import LoggedDomain, binding_of
from tests.support.people import NOW, Person, key_of, make_person
from tests.support.stores import Clock, memory_store

pytestmark = pytest.mark.anyio


class Home:
    """alice's own home server: its log, and what it says of alice in it."""

    def __init__(self, store: AccountStore) -> None:
        self.store = store
        self.domain = LoggedDomain("a.example")
        self.alice = make_person("alice@a.example")
        self.domain.join(make_person("carol@a.example"))
        self.domain.join(self.alice)
        self.told: list[bytes] = [binding_of(self.alice)]  # what it says it has logged of alice
        first = self.alice.first
        self.own = OwnIdentity(self.alice.state, first.id, Secret(first.key), store, Clock(NOW))
        finder: Any = self
        alarms = Alarms(store.relations, self.alice.address, Clock(NOW))
        self.logs = DomainLogs(
            store.carrier_state, finder, "a.example", self.read_log, alarms, Clock(NOW)
        )
        home = HomeLog(self.read_log, self.records, self.card)
        self.watch = LogWatch(
            home, self.own, store.carrier_state, finder, self.logs, alarms, Clock(NOW)
        )

    async def find(self, _: str) -> Any:
        return self.domain.found()

    async def read_log(self, _: str, path: str) -> bytes | None:
        return await self.domain.read_log(path)

    async def card(self) -> bytes:
        return self.domain.card(self.alice.address, 0)

    async def records(self) -> list[LogRecord]:
        label = self.domain.shown.label(str(self.alice.address))
        opened = self.domain.shown.openings
        return [
            LogRecord(version, 0, opened[(label, version)], binding)
            for version, binding in enumerate(self.told, 1)
        ]

    async def start(self) -> None:
        for seq, entry in enumerate(self.alice.entries):
            await self.store.passport.add(seq, entry)
        self.own.take_card(await self.card())

    async def evidence(self) -> list[bytes]:
        def job(reader: Any) -> list[bytes]:
            box = reader.mailbox(INBOX).id
            return [reader.octets(each) for each in reader.snapshot(box).messages]

        letters = await self.store.mail.read(job)
        found = [re.findall(rb'"evidence.mxe"\r\n\r\n([^-]*)', one) for one in letters]
        return [base64.b64decode(encoded) for [encoded] in found]


@pytest.fixture
def home() -> Iterator[Home]:
    with memory_store(Clock(NOW)) as store:
        yield Home(store)


def evil(alice: Person) -> Person:
    other = make_person(str(alice.address), now=NOW - 60)
    other.identity = key_of("evil")
    return other


async def test_what_is_the_owners_own_raises_no_alarm_and_is_read_once(home: Home) -> None:
    await home.start()
    await home.watch.sync()
    home.domain.join(make_person("dave@a.example"))
    home.domain.reads.clear()

    await home.watch.sync()
    await home.watch.sync()

    assert await home.evidence() == []
    assert home.own.suspicion == ""
    assert home.domain.reads == ["checkpoint", "tile/entries/000.p/7", "checkpoint"]


@pytest.mark.parametrize("opens", [True, False])
async def test_a_lie_that_everybody_is_told_is_found_by_the_owners_next_sync(
    home: Home, opens: bool
) -> None:
    await home.start()
    await home.watch.sync()
    other = evil(home.alice)
    home.domain.shown.add(("alice@a.example", binding_of(other)))
    if opens:
        home.told.append(binding_of(other))

    await home.watch.sync()
    await home.watch.sync()

    [bundle] = await home.evidence()  # told once
    told = checked(bundle, NOW)
    assert (told.domain, told.found.proved) == ("a.example", opens)
    with pytest.raises(Untrusted, match="not yours"):
        await home.own.sender(None)  # type: ignore[arg-type]

    await home.watch.judged()
    assert home.own.suspicion == ""


async def test_leaves_other_than_those_that_were_signed_for_are_refused(home: Home) -> None:
    await home.start()
    hidden = home.domain.shown.entries
    at = next(n for n, one in enumerate(hidden) if one[:1] == b"\x01")
    leaf = parse_leaf(hidden[at])
    assert isinstance(leaf, BindingLeaf)
    hidden[at] = replace(leaf, commitment=bytes(32)).octets()

    with pytest.raises(Untrusted, match="other leaves"):
        await home.watch.sync()


async def test_the_alarm_lasts_over_a_restart(home: Home) -> None:
    await home.start()
    home.domain.shown.add(("alice@a.example", b"foreign"))
    await home.watch.sync()
    assert home.own.suspicion

    again = Home(home.store)

    assert (await again.watch.suspicion()) == home.own.suspicion


async def test_somebody_else_who_signs_as_this_device_stops_all_sending(home: Home) -> None:
    """Whoever has a copy of the device's key, and the home server's help, can publish keys as it."""
    await home.start()
    device = home.alice.first
    n, private, mine = device.epochs[-1]
    kept = OwnEpoch(n, Secret(bytes(private)), mine, NOW + 10**6, NOW)
    assert await home.store.keys.new_epoch_number() == n
    await home.store.keys.keep_epoch(kept)
    await home.watch.sync()
    assert home.own.suspicion == ""
    thief = PrivateKey.generate()
    theirs = new_epoch(home.alice.pid, device.id, n, bytes(thief.public_key), NOW)
    device.epochs[-1] = (n, thief, sign_epoch(device.key, theirs))

    for _ in range(2):
        with pytest.raises(Untrusted) as told:
            await home.watch.sync()

    assert told.value.failure == "cloned-device"
    assert "somebody else signs keys as this device" in home.own.suspicion
    assert await home.watch.suspicion() == home.own.suspicion, "it outlives a restart"
    [bundle] = await home.evidence()
    assert checked(bundle, NOW).found.proved
