"""How a program ends when an error of our tree ends it.  sysexits(3).

A supervisor does not start it again after 65 (data of a newer version, or damaged) and 78 (a
configuration): a restart can not mend these.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from mx_core.model.errors import (
    BadConfiguration,
    BadCredentials,
    Busy,
    Corrupt,
    DiskFull,
    MailError,
    OverQuota,
    Refused,
    Unavailable,
    Untrusted,
)

Row = tuple[type[MailError], int]

# the first family that an error belongs to decides
_TABLE: Final[tuple[Row, ...]] = (
    (BadConfiguration, os.EX_CONFIG),
    (BadCredentials, os.EX_NOPERM),
    (OverQuota, os.EX_CANTCREAT),
    (DiskFull, os.EX_IOERR),
    (Busy, os.EX_TEMPFAIL),
    (Unavailable, os.EX_UNAVAILABLE),
    (Untrusted, os.EX_PROTOCOL),
    (Corrupt, os.EX_DATAERR),
    (Refused, os.EX_DATAERR),
)


def exit_status(error: MailError, first: Sequence[Row] = ()) -> int:
    """Return the status; *first* holds a program's own rows, which come before ours."""
    return next(
        (code for family, code in (*first, *_TABLE) if isinstance(error, family)), os.EX_SOFTWARE
    )


def first_of_ours(group: BaseExceptionGroup[BaseException]) -> MailError | None:
    """Return the first error of our tree in *group*, by which its program ends."""
    for error in group.exceptions:
        if isinstance(error, MailError):
            return error
        if isinstance(error, BaseExceptionGroup) and (found := first_of_ours(error)):
            return found
    return None
