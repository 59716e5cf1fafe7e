"""What the front doors tell of one mail program's connection, as it happens.

For a person who has just typed settings into a mail program and wants to see it come.  Steps and
the program's own name only: nothing of mail, of mailboxes or of passwords.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final, Protocol, final

from typing_extensions import override

from mx_core.ports import Account


class Step(Enum):
    """How far a mail program has come, in the order of its first minute."""

    REACHED = "reached"  # TCP
    SECURED = "secured"  # TLS
    LOGGED_IN = "logged_in"
    LISTED = "listed"  # its folders
    FETCHED = "fetched"  # something of a message
    SUBMITTED = "submitted"  # a message, durably


class Trail(Protocol):
    """One connection.  Every call is cheap, waits for nothing and raises nothing."""

    def reached(self, step: Step) -> None:
        """Note a step, each time that it is taken."""

    def is_called(self, name: str) -> None:
        """Note the name that the program gives itself (RFC 2971); any text, of any length."""

    def belongs_to(self, account: Account) -> None:
        """Note a login: this and every step before it are *account*'s."""

    def is_refused(self) -> None:
        """Note a login with a wrong name or password."""


@final
class _Unwatched(Trail):
    @override
    def reached(self, step: Step) -> None:
        pass

    @override
    def is_called(self, name: str) -> None:
        pass

    @override
    def belongs_to(self, account: Account) -> None:
        pass

    @override
    def is_refused(self) -> None:
        pass


UNWATCHED: Final[Trail] = _Unwatched()
Observer = Callable[[], Trail]  # one call for each connection


def nobody() -> Trail:
    """Return the trail of a connection at which nobody looks."""
    return UNWATCHED
