"""A folder's rule: some keys of SEARCH as text, parsed once, judging messages.

Judging has three outcomes: yes, no, and *not known yet* where the text of the body is asked for
and was not read.  docs/spec/folders §2; RFC 9051 §6.4.4, RFC 5032 §2 (OLDER, YOUNGER).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from msgspec import Struct

from mx_core.mime.field_match import field_holds, has_field
from mx_core.model.flags import Flag, FlagSet
from mx_core.model.header_keys import UNPREPARED, TextField
from mx_core.store.folders.facts import Facts

Judge = Callable[[Facts], bool | None]
_CACHED_SETS_MAX: Final = 10_000
_KEPT: Final = {field.value: at for at, field in enumerate(TextField)}


class Criterion(Struct, frozen=True):
    """A judge, and what it looks at."""

    judge: Judge
    flags: bool = False
    other: bool = False  # header, size or date
    body: bool = False
    turns: tuple[int, ...] = ()  # seconds after its arrival at which a message's verdict may turn


@dataclass(frozen=True, slots=True)
class Rule:
    """One folder's rule; *text* is what it was parsed from."""

    text: str
    test: Criterion

    @property
    def flags_only(self) -> bool:
        """Tell whether the flags alone decide."""
        return not (self.test.other or self.test.body)

    def next_turn(self, arrived: int, now: int) -> int | None:
        """Return the next moment at which the verdict may turn by itself."""
        return min((arrived + s for s in self.test.turns if arrived + s > now), default=None)


def every(tests: Sequence[Criterion]) -> Criterion:
    """Return what is true where all of *tests* are."""
    if len(tests) == 1:
        return tests[0]
    # the cheap ones first: flags decide most messages before any header is loaded
    judges = [t.judge for t in sorted(tests, key=lambda t: (t.body, t.other))]

    def judge(facts: Facts) -> bool | None:
        known = True
        for inner in judges:
            verdict = inner(facts)
            if verdict is False:
                return False
            known = known and verdict is not None
        return True if known else None

    return _joined(judge, tests)


def either(one: Criterion, other: Criterion) -> Criterion:
    """Return what is true where one of the two is."""
    first, second = sorted((one, other), key=lambda t: (t.body, t.other))

    def judge(facts: Facts) -> bool | None:
        verdict = first.judge(facts)
        if verdict:
            return True
        last = second.judge(facts)
        return True if last else (None if verdict is None or last is None else False)

    return _joined(judge, (one, other))


def negated(inner: Criterion) -> Criterion:
    """Return what is true where *inner* is not."""

    def judge(facts: Facts) -> bool | None:
        verdict = inner.judge(facts)
        return None if verdict is None else not verdict

    return _joined(judge, (inner,))


def has_flag(flag: Flag) -> Criterion:
    """Return the test for a flag; keywords compare without case (RFC 9051 §2.3.2)."""
    folded = flag.lower()
    known: dict[FlagSet, bool] = {}  # a few sets stand for all messages

    def judge(facts: Facts) -> bool:
        verdict = known.get(facts.flags)
        if verdict is None:
            if len(known) >= _CACHED_SETS_MAX:
                known.clear()
            verdict = any(each.lower() == folded for each in facts.flags)
            known[facts.flags] = verdict
        return verdict

    return Criterion(judge, flags=True)


def in_field(name: bytes, wanted: str) -> Criterion:
    """Return the test for a field (lower case) that holds the folded *wanted*; "" asks only for it."""
    at, octets = _KEPT.get(name), wanted.encode("utf-8", "replace")

    def judge(facts: Facts) -> bool:
        header = facts.header
        if not wanted:
            return has_field(header.form, name)
        if at is not None and header.keys is not None:
            held = header.keys.texts[at]  # made on arrival: nothing is decoded twice
            if held != UNPREPARED:
                return octets in held
        return field_holds(header.octets, header.form, name, wanted)

    return Criterion(judge, other=True)


def in_body(wanted: str) -> Criterion:
    """Return the test for the decoded text of the body."""
    return Criterion(
        lambda facts: None if facts.texts is None else wanted in facts.texts[1], body=True
    )


def in_text(wanted: str) -> Criterion:
    """Return the test for header or body."""

    def judge(facts: Facts) -> bool | None:
        return None if facts.texts is None else any(wanted in each for each in facts.texts)

    return Criterion(judge, body=True)


def arrived(compares: Callable[[date], bool]) -> Criterion:
    """Return the test for the day of INTERNALDATE, in UTC."""
    return Criterion(
        lambda facts: compares(datetime.fromtimestamp(facts.arrived, UTC).date()), other=True
    )


def sent(compares: Callable[[date], bool]) -> Criterion:
    """Return the test for the day of the Date field; without one it is no."""
    return Criterion(lambda facts: facts.sent is not None and compares(facts.sent), other=True)


def larger(octets: int) -> Criterion:
    """Return the test for more than *octets*."""
    return Criterion(lambda facts: facts.size > octets, other=True)


def smaller(octets: int) -> Criterion:
    """Return the test for less than *octets*."""
    return Criterion(lambda facts: facts.size < octets, other=True)


def older(seconds: int) -> Criterion:
    """Return the test for an arrival at least *seconds* ago.  RFC 5032 §2."""
    return Criterion(
        lambda facts: facts.arrived <= facts.now - seconds, other=True, turns=(seconds,)
    )


def younger(seconds: int) -> Criterion:
    """Return the test for an arrival at most *seconds* ago.  RFC 5032 §2."""
    return Criterion(
        lambda facts: facts.arrived >= facts.now - seconds, other=True, turns=(seconds + 1,)
    )


def _joined(judge: Judge, tests: Sequence[Criterion]) -> Criterion:
    return Criterion(
        judge,
        flags=any(t.flags for t in tests),
        other=any(t.other for t in tests),
        body=any(t.body for t in tests),
        turns=tuple(sorted({seconds for t in tests for seconds in t.turns})),
    )
