"""What an error of the operating system means to whoever must act.  No driver, no database."""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path
from typing import Final

from mx_core.model.errors import DiskFull, StoreDamaged

UNCONFIRMED: Final = "the disk failed to confirm a write; restart after checking the disk"
_NO_ROOM: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_PROBE_OCTETS: Final = 1024 * 1024


def translate_os(error: OSError) -> Exception:
    """Return DiskFull for what more room would cure, StoreDamaged for a disk that fails, else *error*."""
    if error.errno in _NO_ROOM:
        return DiskFull("there is no room on the disk to store this")
    if error.errno == errno.EIO:
        return StoreDamaged(UNCONFIRMED)
    return error


def has_room(log: Path) -> bool:
    """Tell whether the file *log* could grow: asked after an error that does not say what it was."""
    try:
        grown = log.stat().st_size if log.exists() else 0
        probe = log.with_name(f"{log.name}-{secrets.token_hex(4)}.probe")
        descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, grown, _PROBE_OCTETS)
        finally:
            os.close(descriptor)
            probe.unlink()
    except OSError as error:
        return error.errno not in _NO_ROOM
    return True
