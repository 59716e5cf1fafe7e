"""A program of this computer that decrypts: what goes in and out is bounded and on no disk.

Its standard input, and every secret that it is given, is a file of the kernel without a name.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from msgspec import Struct

from mx_core.model.errors import Refused

_PIECE: Final = 1 << 16
_STATUS_OCTETS_MAX: Final = 1 << 20


class Ran(Struct, frozen=True):
    """How a program ended; *output* is None if it was more than is taken."""

    ended: int
    output: bytes | None
    status: bytes = b""


@contextmanager
def held(octets: bytes) -> Iterator[int]:
    """Give a descriptor from which *octets* can be read, from their first on."""
    descriptor = os.memfd_create("mx", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(octets)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


def run(
    command: Sequence[str],
    octets: bytes,
    *,
    octets_max: int,
    seconds: float,
    passed: Sequence[int] = (),
    status: int | None = None,
) -> Ran:
    """Run *command* with *octets* as its input; *passed* and *status* are descriptors it may use.

    Raises:
        Refused: The program is not installed.
    """
    descriptors = (*passed, *(() if status is None else (status,)))
    with held(octets) as given:
        try:
            process = subprocess.Popen(  # noqa: S603  # arguments are ours, and no shell
                list(command),
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=descriptors,
            )
        except FileNotFoundError as error:
            raise Refused(
                f"the program {command[0]} is not here: install it (Debian: apt-get install"
                f" {'gnupg' if command[0].startswith('gpg') else command[0]})"
            ) from error
    with process:
        too_long = threading.Timer(seconds, process.kill)
        too_long.start()
        try:
            output = _read(process, octets_max)
            ended = process.wait()
        finally:
            too_long.cancel()
            process.kill()
    said = b"" if status is None else os.pread(status, _STATUS_OCTETS_MAX, 0)
    return Ran(ended, output, said)


def _read(process: subprocess.Popen[bytes], octets_max: int) -> bytes | None:
    """Return all that *process* writes; None, and it is ended, if that is too much."""
    assert process.stdout is not None  # noqa: S101  # it is a pipe
    pieces, size = [], 0
    while piece := process.stdout.read(_PIECE):
        size += len(piece)
        if size > octets_max:
            process.kill()
            return None
        pieces.append(piece)
    return b"".join(pieces)
