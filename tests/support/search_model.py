"""SEARCH as plainly as it can be told: one message after the other, from its octets, no index.

What the server answers is compared with this; it shares only what folds, decodes and reads a
field.  RFC 3501 §6.4.4, RFC 5032 §2.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import assert_never

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
    When,
)
from imap_out.wire.sequence_set import SequenceSet
from mx_core.mime.casemap import fold
from mx_core.mime.field_match import day_sent, field_holds, has_field
from mx_core.mime.prepare import prepare
from mx_core.mime.search_text import body_text, header_text
from mx_core.model.flags import FlagSet


@dataclass(frozen=True)
class Message:
    uid: int
    octets: bytes
    flags: FlagSet = frozenset()
    arrived: int = 0
    recent: bool = False


def found(key: SearchKey, messages: list[Message], now: int) -> list[int]:
    """Return the sequence numbers that match."""
    return [
        number for number in range(1, len(messages) + 1) if _matches(key, number, messages, now)
    ]


def _matches(key: SearchKey, number: int, messages: list[Message], now: int) -> bool:
    message = messages[number - 1]
    form = prepare(message.octets)
    match key:
        case Every(keys):
            return all(_matches(inner, number, messages, now) for inner in keys)
        case Either(one, other):
            return any(_matches(inner, number, messages, now) for inner in (one, other))
        case Negated(inner):
            return not _matches(inner, number, messages, now)
        case HasFlag(flag):
            if flag == "\\Recent":
                return message.recent
            return flag.lower() in {known.lower() for known in message.flags}
        case InHeader(name, value):
            return has_field(form, name) and (
                not value or field_holds(message.octets, form, name, fold(value.decode()))
            )
        case InBody(value):
            return fold(value.decode()) in body_text(message.octets, form)
        case InText(value):
            wanted = fold(value.decode())
            return wanted in header_text(message.octets, form) or wanted in body_text(
                message.octets, form
            )
        case Arrived(when, day):
            return _holds(when, datetime.fromtimestamp(message.arrived, UTC).date(), day)
        case Sent(when, day):
            sent = day_sent(message.octets, form)
            return sent is not None and _holds(when, sent, day)
        case Aged(older, seconds):
            age = now - message.arrived
            return age >= seconds if older else age <= seconds
        case Larger(count):
            return len(message.octets) > count
        case Smaller(count):
            return len(message.octets) < count
        case Numbers(which):
            return _inside(which, number, len(messages))
        case Uids(which):
            return _inside(which, message.uid, messages[-1].uid)
        case Changed() | Saved() | OfEmail() | OfThread():
            raise AssertionError("not of this model")
        case _:
            assert_never(key)


def _holds(when: When, found_day: date, day: date) -> bool:
    return {
        When.BEFORE: found_day < day,
        When.ON: found_day == day,
        When.SINCE: found_day >= day,
    }[when]


def _inside(which: SequenceSet, number: int, largest: int) -> bool:
    return any(
        min(low or largest, high or largest) <= number <= max(low or largest, high or largest)
        for low, high in which.ranges
    )
