"""A search key made ready to judge messages.  RFC 3501 §6.4.4.

Judging has three outcomes: yes, no, and *not known from these facts*.  So the cheap facts
(numbers, flags) decide most messages, and octets are read only for the rest.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from datetime import date
from typing import assert_never

from msgspec import Struct

from imap_out.session.search.objects import ObjectFacts, judge_objects
from imap_out.session.state.selected import SelectedView
from imap_out.wire.dates import day_of
from imap_out.wire.search_keys import (
    Aged,
    Arrived,
    Changed,
    Either,
    Every,
    HasFlag,
    InBody,
    InHeader,
    InText,
    Larger,
    Negated,
    Numbers,
    OfEmail,
    OfThread,
    Saved,
    SearchKey,
    Sent,
    Smaller,
    Uids,
)
from imap_out.wire.sequence_set import SequenceSet
from imap_out.wire.syntax import BadSyntax
from mx_core.mime.casemap import fold
from mx_core.mime.field_match import field_holds, has_field
from mx_core.model.message import MessageForm


class Facts(Struct):
    """What is known of one message so far."""

    at: int  # index in the view
    size: int | None = None
    arrived: int | None = None
    form: MessageForm | None = None
    header: bytes | None = None  # octets up to header_end
    sent: date | None = None  # known with the header
    body: str | None = None  # folded text
    headers: str | None = None  # of it and its parts, folded; known with the body
    objects: ObjectFacts | None = None


Judge = Callable[[Facts], bool | None]


def text_of(octets: bytes) -> str:
    """Return a search string folded; the charsets taken are US-ASCII and UTF-8.

    Raises:
        BadSyntax: It is neither.
    """
    try:
        return fold(octets.decode())
    except UnicodeDecodeError as error:
        raise BadSyntax("text in UTF-8") from error


def prepare(key: SearchKey, view: SelectedView, now: int) -> Judge:
    """Return the judge for *key* over the messages of *view*; *now* is unix seconds."""
    match key:
        case Every(keys):
            return _every([prepare(inner, view, now) for inner in keys])
        case Either(one, other):
            return _either(prepare(one, view, now), prepare(other, view, now))
        case Negated(inner):
            return _negated(prepare(inner, view, now))
        case HasFlag(flag):
            return lambda facts: view.has(facts.at, flag)
        case Numbers(which):
            inside = _within(which, len(view.rows))
            return lambda facts: inside(facts.at + 1)
        case Uids(which):
            inside = _within(which, view.uids[-1] if len(view.rows) else 0)
            return lambda facts: inside(view.uids[facts.at])
        case Changed(modseq):
            return lambda facts: view.rows.modseqs[facts.at] >= modseq
        case Larger(least):
            return lambda facts: None if facts.size is None else facts.size > least
        case Smaller(most):
            return lambda facts: None if facts.size is None else facts.size < most
        case Arrived(when, day):
            return lambda facts: (
                None if facts.arrived is None else when.holds(day_of(facts.arrived), day)
            )
        case Aged(older, seconds):
            return lambda facts: (
                None
                if facts.arrived is None
                else facts.arrived <= now - seconds
                if older
                else facts.arrived >= now - seconds
            )
        case Saved() | OfEmail() | OfThread():
            return lambda facts: (
                None if facts.objects is None else judge_objects(key, facts.objects)
            )
        case Sent(when, day):
            return lambda facts: (
                None
                if facts.header is None
                else facts.sent is not None and when.holds(facts.sent, day)
            )
        case InHeader(name, octets):
            return _in_header(name, text_of(octets))
        case InBody(octets):
            wanted = text_of(octets)
            return lambda facts: None if facts.body is None else wanted in facts.body
        case InText(octets):
            return _in_text(text_of(octets))
        case _:
            assert_never(key)


def _every(judges: list[Judge]) -> Judge:
    def judge(facts: Facts) -> bool | None:
        known = True
        for inner in judges:
            verdict = inner(facts)
            if verdict is False:
                return False
            known = known and verdict is not None
        return True if known else None

    return judge


def _either(one: Judge, other: Judge) -> Judge:
    def judge(facts: Facts) -> bool | None:
        first = one(facts)
        if first:
            return True
        second = other(facts)
        if second:
            return True
        return None if first is None or second is None else False

    return judge


def _negated(inner: Judge) -> Judge:
    def judge(facts: Facts) -> bool | None:
        verdict = inner(facts)
        return None if verdict is None else not verdict

    return judge


def _within(which: SequenceSet, largest: int) -> Callable[[int], bool]:
    spans = which.spans(largest)
    lows = [low for low, _ in spans]

    def inside(number: int) -> bool:
        place = bisect_right(lows, number) - 1
        return place >= 0 and number <= spans[place][1]

    return inside


def _in_header(name: bytes, wanted: str) -> Judge:
    def judge(facts: Facts) -> bool | None:
        if facts.form is None:
            return None
        if not wanted or not has_field(facts.form, name):
            return has_field(facts.form, name)
        if facts.header is None:
            return None
        return field_holds(facts.header, facts.form, name, wanted)

    return judge


def _in_text(wanted: str) -> Judge:
    def judge(facts: Facts) -> bool | None:
        if facts.headers is None or facts.body is None:
            return None
        return wanted in facts.headers or wanted in facts.body

    return judge
