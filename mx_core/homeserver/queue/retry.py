"""When to try again, when to stop, and what the sender is then told.  Pure.

RFC 5321 §4.5.4.1: retry for 4–5 days; RFC 3463 status codes.  The clock may jump by a year:
so nothing is given up for age alone, and no row waits longer than the longest delay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, assert_never

from msgspec import Struct

from mx_core.admission.postage import BITS_MAX
from mx_core.proto import federation_pb2

_ATTEMPTS_MIN: Final = 5  # before giving up for age: with the usual delays half an hour of trying


@dataclass(frozen=True, slots=True)
class Schedule:
    """Delays in seconds; each is double the one before, up to the longest."""

    first_delay: float
    longest_delay: float
    give_up: float

    def delay(self, attempts: int) -> float:
        """Return the wait after the *attempts*-th failed attempt (1, 2, …)."""
        doubled = self.first_delay * 2.0 ** min(max(attempts, 1) - 1, 32)
        return min(doubled, self.longest_delay)

    def is_over(self, *, attempts: int, submitted: float, now: float) -> bool:
        """Tell whether an item is given up."""
        return now - submitted >= self.give_up and attempts >= _ATTEMPTS_MIN


class Relayed(Struct, frozen=True):
    """The recipient's home server holds it durably; *body_stays*: all but the body."""

    body_stays: bool = False


class TryAgain(Struct, frozen=True):
    """Not now; at the earliest after *seconds* (0: by the schedule)."""

    seconds: int
    reason: str


class Failed(Struct, frozen=True):
    """Never; *status* is an RFC 3463 code, *reason* one sentence for the sender."""

    status: str
    reason: str


class AsksPostage(Struct, frozen=True):
    """Not without so many *bits* of work by whoever submitted it: it goes back to them."""

    bits: int


Outcome = Relayed | TryAgain | Failed | AsksPostage

NOBODY: Final = "5.1.1"
NO_SUCH_DOMAIN: Final = "5.1.2"
TOO_LARGE: Final = "5.3.4"
TOO_LATE: Final = "5.4.7"
NOT_ADMITTED: Final = "5.7.1"
NOT_UNDERSTOOD: Final = "5.6.0"


def outcome(reply: federation_pb2.ItemReply, domain: str) -> Outcome:
    """Return what the answer of *domain* about one item means."""
    match reply.status:
        case federation_pb2.ACCEPTED | federation_pb2.DUPLICATE:
            return Relayed(reply.body_stays)
        case federation_pb2.DEFERRED:
            return TryAgain(reply.retry_after, f"{domain} asks to try again later")
        case federation_pb2.RATE_LIMITED:
            return TryAgain(reply.retry_after, f"{domain} takes no more mail from here for now")
        case federation_pb2.NOT_AVAILABLE:
            return Failed(NOBODY, f"{domain} has no mailbox of this name that takes mail.")
        case federation_pb2.TOO_LARGE:
            return Failed(TOO_LARGE, f"The message is larger than {domain} takes.")
        case federation_pb2.EXPIRED:
            return Failed(TOO_LATE, f"The message reached {domain} too late to be accepted.")
        case federation_pb2.POSTAGE:
            if 0 < reply.postage_bits <= BITS_MAX:
                return AsksPostage(reply.postage_bits)
            return Failed(NOT_ADMITTED, f"{domain} asks for more postage than anybody pays.")
        case federation_pb2.UNREADABLE:
            return Failed(NOT_UNDERSTOOD, f"{domain} does not understand this kind of message.")
        case _:
            # STATUS_UNSPECIFIED or a status of a newer version: nothing is known, so nothing is lost
            return TryAgain(0, f"{domain} gave an answer that this server does not know")


def settled(
    what: Outcome, schedule: Schedule, *, domain: str, attempts: int, submitted: float, now: float
) -> Outcome:
    """Return *what*, or Failed where trying again has lasted long enough."""
    match what:
        case TryAgain():
            if schedule.is_over(attempts=attempts, submitted=submitted, now=now):
                days = max(1, round(schedule.give_up / 86_400))
                return Failed(
                    TOO_LATE,
                    f"{domain} could not take the message for {days} days ({what.reason}).",
                )
            return what
        case Relayed() | Failed() | AsksPostage():
            return what
        case _:
            assert_never(what)
