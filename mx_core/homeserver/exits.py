"""Our errors as exit codes of ``mx-home``.  sysexits(3): 64 65 69 73 74 75 77 78."""

from __future__ import annotations

import os
from typing import Final

from mx_core.homeserver.domain_key import AlreadyThere, KeyNotPrivate
from mx_core.model.errors import (
    BadConfiguration,
    Busy,
    Corrupt,
    DiskFull,
    MailError,
    Refused,
    Unavailable,
    Untrusted,
)


class DiskFailed(Corrupt):
    """The disk did not confirm a write while serving; the program exits 74."""


# the first family that an error belongs to decides
_TABLE: Final[tuple[tuple[type[MailError], int], ...]] = (
    (KeyNotPrivate, os.EX_NOPERM),
    (AlreadyThere, os.EX_CANTCREAT),
    (BadConfiguration, os.EX_CONFIG),
    (Refused, os.EX_USAGE),
    (DiskFull, os.EX_IOERR),
    (DiskFailed, os.EX_IOERR),
    (Busy, os.EX_TEMPFAIL),
    (Unavailable, os.EX_UNAVAILABLE),
    (Corrupt, os.EX_DATAERR),
    (Untrusted, os.EX_DATAERR),
)


def exit_code(error: MailError) -> int:
    """Return what the program exits with when *error* ends it."""
    return next(code for family, code in _TABLE if isinstance(error, family))
