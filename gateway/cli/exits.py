"""From an error to an exit status of sysexits(3), and one sentence on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from mx_core.model.errors import (
    BadConfiguration,
    BadCredentials,
    Corrupt,
    DiskFull,
    MailError,
    OverQuota,
    Refused,
    SchemaTooNew,
    Unavailable,
    Untrusted,
)

EX_DATAERR = 65
EX_UNAVAILABLE = 69
EX_SOFTWARE = 70
EX_CANTCREAT = 73
EX_IOERR = 74
EX_TEMPFAIL = 75
EX_PROTOCOL = 76
EX_NOPERM = 77
EX_CONFIG = 78

# the first class that fits, most special first
_TABLE: tuple[tuple[type[MailError], int], ...] = (
    (BadConfiguration, EX_CONFIG),
    (SchemaTooNew, EX_CONFIG),
    (BadCredentials, EX_NOPERM),
    (OverQuota, EX_CANTCREAT),
    (DiskFull, EX_IOERR),
    (Corrupt, EX_IOERR),
    (Untrusted, EX_PROTOCOL),
    (Unavailable, EX_TEMPFAIL),
    (Refused, EX_DATAERR),
)


def exit_status(error: MailError) -> int:
    """Return the status that tells a script who must act."""
    return next((status for kind, status in _TABLE if isinstance(error, kind)), EX_SOFTWARE)


@contextmanager
def told_in_one_sentence(program: str) -> Iterator[None]:
    """End the program with one sentence instead of a trace, for every error of our tree.

    Errors of a task group are told by the first of them that is ours.
    """
    try:
        yield
    except MailError as error:
        _tell(program, error)
    except BaseExceptionGroup as group:
        ours = _first_of_ours(group)
        if ours is None:
            raise
        _tell(program, ours)


def _tell(program: str, error: MailError) -> None:
    print(f"{program}: {error}", file=sys.stderr)  # noqa: T201  # the one place that speaks
    sys.exit(exit_status(error))


def _first_of_ours(group: BaseExceptionGroup[BaseException]) -> MailError | None:
    for error in group.exceptions:
        if isinstance(error, MailError):
            return error
        if isinstance(error, BaseExceptionGroup) and (found := _first_of_ours(error)):
            return found
    return None
