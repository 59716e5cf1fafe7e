"""The Secret Service of the desktop session, by its own program ``secret-tool`` (libsecret).

The key goes in by standard input and comes out by standard output: it is in no argument and no
environment.  Without the program, or without a session, this method is not offered.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

from mx_core.model.errors import Unavailable
from mx_core.model.secret import Secret

_TOOL: Final = "secret-tool"
_SECONDS: Final = 30.0  # the desktop may ask the person
_ANSWER_SECONDS: Final = 5.0


def is_there() -> bool:
    """Tell whether there is such a service to ask."""
    return shutil.which(_TOOL) is not None


def answers() -> bool:
    """Tell whether the service is running in this session: asked for what nobody keeps, it complains of nothing."""
    if not is_there():
        return False
    try:
        done = subprocess.run(  # noqa: S603  # a program of the system, by its name
            [shutil.which(_TOOL) or _TOOL, "lookup", "application", "mx-gateway", "data", ""],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ANSWER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return not done.stderr


def store(data: Path, key: Secret[str]) -> None:
    """Keep *key* for the gateway of *data*; raises Unavailable."""
    _run("store", "--label=mx-gateway", *_named(data), given=key.reveal())


def look_up(data: Path) -> Secret[str]:
    """Return the key; raises Unavailable: locked, or not there."""
    found = _run("lookup", *_named(data))
    if not found:
        raise Unavailable(
            "the keyring of this session is locked, or does not hold the key: open it (log in to your desktop), then start the gateway again"
        )
    return Secret(found.strip())


def clear(data: Path) -> None:
    """Forget the key; raises Unavailable."""
    _run("clear", *_named(data))


def _named(data: Path) -> tuple[str, ...]:
    return "application", "mx-gateway", "data", str(data)


def _run(*arguments: str, given: str | None = None) -> str:
    try:
        done = subprocess.run(  # noqa: S603  # a program of the system, by its name
            [shutil.which(_TOOL) or _TOOL, *arguments],
            input=given,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(
            "the keyring of this session does not answer: start the gateway inside your desktop session"
        ) from error
    if done.returncode and arguments[0] == "store":
        raise Unavailable(
            "the keyring of this session did not take the key: choose another way, mx-gateway unlock --by passphrase"
        )
    return done.stdout
