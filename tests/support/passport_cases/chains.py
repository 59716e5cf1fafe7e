"""Chains that verify, and chains that do not: at least one for each failure class and rule."""

from collections.abc import Iterator
from dataclasses import dataclass

from mx_core.passport.entry import Entry
from mx_core.passport.op import (
    Add,
    Extension,
    Kind,
    Profile,
    Reason,
    SetProfile,
)
from tests.support.passport_cases import chain_sheet
from tests.support.passport_cases.chain_rules import RULE_GROUPS
from tests.support.passport_cases.chain_shapes import SHAPE_GROUPS
from tests.support.passport_cases.forging import (
    genesis_op,
    genesis_with,
    signed_genesis,
    spare_device,
)
from tests.support.people import DAY, NOW, make_person


@dataclass(frozen=True)
class ChainCase:
    """A chain and the class that refuses it, or "" if it verifies."""

    name: str
    entries: tuple[bytes, ...]
    failure: str = ""
    now: int = NOW


def cases() -> list[ChainCase]:
    return [*_good(), *_bad()]


# ── chains that verify ───────────────────────────────────────────────────────────────
def _good() -> Iterator[ChainCase]:
    yield ChainCase("genesis", tuple(make_person().entries))
    yield ChainCase(
        "genesis-with-a-second-device", (genesis_with(Add(spare_device().device), spare_device()),)
    )
    for reason, since in ((Reason.RETIRED, None), (Reason.LOST, NOW - 5), (Reason.STOLEN, NOW)):
        person = make_person()
        limited = person.add(Kind.LIMITED)
        person.remove(limited, reason, since)
        yield ChainCase(f"limited-device-removed-{reason.name.lower()}", tuple(person.entries))
    person = make_person()
    person.remove(person.add(), Reason.STOLEN, NOW - 60)
    yield ChainCase("full-device-removed-and-identity-rotated", tuple(person.entries))
    person = make_person()
    second = person.add()
    person.remove(second, by=second)
    yield ChainCase("a-device-removes-itself", tuple(person.entries))
    person = make_person()
    person.rotate()
    person.rotate()
    yield ChainCase("rotated-twice", tuple(person.entries))
    person = make_person()
    person.entries.append(person.write(Extension(128, {0: b"?"}), Extension(1 << 40, {})))
    person.add()
    yield ChainCase("ops-from-128-on-have-no-effect", tuple(person.entries))
    person = make_person()
    for _ in range(7):
        person.add(Kind.LIMITED)
    yield ChainCase("eight-active-devices", tuple(person.entries))
    person = make_person()
    yield ChainCase("ten-minutes-ahead", tuple(person.entries), now=NOW - 600)
    person = make_person()
    person.now += 30 * DAY
    person.add()
    person.rotate()
    yield ChainCase("two-entries-in-one-second", tuple(person.entries), now=person.now)
    person = make_person()
    profiled = Entry(0, NOW, person.first.id, (genesis_op(person), SetProfile(Profile()))).encode()
    yield ChainCase("genesis-with-a-profile", (signed_genesis(person, profiled),))
    for name, entries, now in chain_sheet.good():
        yield ChainCase(name, tuple(entries), now=now)


# ── chains that do not ───────────────────────────────────────────────────────────────
def _bad() -> Iterator[ChainCase]:
    for failure, group in {**SHAPE_GROUPS, **RULE_GROUPS}.items():
        for name, entries in group():
            yield ChainCase(name, tuple(entries), failure)
    for failure, (name, entries, now) in chain_sheet.bad():
        yield ChainCase(name, tuple(entries), failure, now)
    yield ChainCase("more-than-ten-minutes-ahead", tuple(make_person().entries), "time", NOW - 601)
