"""What an error of the operating system means to whoever must act.  No driver, no database."""

from __future__ import annotations

import errno

from mx_core.model.errors import DiskFull


def translate_os(error: OSError) -> Exception:
    """Return DiskFull for what more room would cure, else *error*."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return DiskFull("there is no room on the disk to store this")
    return error
