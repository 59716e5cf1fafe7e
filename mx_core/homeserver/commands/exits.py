"""Our errors as exit codes of ``mx-home``.  sysexits(3): 64 65 69 73 74 75 77 78."""

from __future__ import annotations

import os
from typing import Final

from mx_core.homeserver.domain.domain_key import AlreadyThere, KeyNotPrivate
from mx_core.model.errors import Corrupt, MailError
from mx_core.program import exits


class DiskFailed(Corrupt):
    """The disk did not confirm a write while serving; the program exits 74."""


# before the rows of both programs: what stands only here
_FIRST: Final[tuple[exits.Row, ...]] = (
    (KeyNotPrivate, os.EX_NOPERM),
    (AlreadyThere, os.EX_CANTCREAT),
    (DiskFailed, os.EX_IOERR),
)


def exit_code(error: MailError) -> int:
    """Return what the program exits with when *error* ends it."""
    return exits.exit_status(error, _FIRST)
