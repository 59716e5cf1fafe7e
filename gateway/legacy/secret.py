"""What logs in to an ordinary account: a password, or what a command prints."""

from __future__ import annotations

import asyncio
import shlex
from typing import Final

from mx_core.model.errors import Refused, Unavailable
from mx_core.model.secret import Secret

_SECONDS: Final = 30.0
_OCTETS_MAX: Final = 16 * 1024


async def secret_of(password: str, command: str) -> Secret[str]:
    """Return the password; with a *command*, the first line that it prints.

    Raises:
        Refused: There is neither, or the command can not be run.
        Unavailable: It failed, or did not end in time.
    """
    if not command:
        if not password:
            raise Refused("there is neither a password nor a command that prints one")
        return Secret(password)
    try:
        words = shlex.split(command)
        program = await asyncio.create_subprocess_exec(
            *words, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
        )
    except (ValueError, OSError) as error:
        raise Refused("the command that prints the password can not be run") from error
    try:
        async with asyncio.timeout(_SECONDS):
            assert program.stdout is not None  # noqa: S101  # it was asked for above
            printed = await program.stdout.read(_OCTETS_MAX)
            status = await program.wait()
    except TimeoutError as error:
        program.kill()
        await program.wait()
        raise Unavailable("the command that prints the password does not end") from error
    line = printed.split(b"\n", 1)[0].decode(errors="replace").strip("\r")
    if status or not line:
        raise Unavailable(f"the command that prints the password ended with status {status}")
    return Secret(line)
