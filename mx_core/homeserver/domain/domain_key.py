"""The domain's Ed25519 key: one line in a file that nobody else can read.

Everything the domain says is signed by it, so it is made once, synced, and never replaced here.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import stat
from pathlib import Path
from typing import Final

from nacl.signing import SigningKey

from mx_core.db.durable import write_new
from mx_core.homeserver.config import KEY_FILE_NAME
from mx_core.model.errors import BadConfiguration, Refused
from mx_core.model.secret import Secret

_PREFIX: Final = "ed25519-seed:"
_BACK: Final = "copy it back from a backup (a new domain begins with mx-home init)"
_SEED_OCTETS: Final = 32


class KeyNotPrivate(BadConfiguration):
    """Others could read the key file; the program exits 77."""


class AlreadyThere(Refused):
    """What init would make exists; the program exits 73."""


def make(path: Path) -> Secret[SigningKey]:
    """Write a fresh key to *path*, which must not exist.

    Raises:
        AlreadyThere: It does; the old key is left alone.
        DiskFull: No room.
    """
    seed = secrets.token_bytes(_SEED_OCTETS)
    line = f"{_PREFIX}{base64.b64encode(seed).decode()}\n"
    try:
        # Crash on the way: a partial file; the next init refuses it and names it.
        write_new(path, (line.encode(),))
    except FileExistsError as error:
        raise AlreadyThere(f"{path} exists already: this domain has its key") from error
    return Secret(SigningKey(seed))


def place(folder: Path, name: str = KEY_FILE_NAME) -> Path:
    """Return where a key is: a credential of the service manager (systemd.exec(5)), or *folder*."""
    given = os.environ.get("CREDENTIALS_DIRECTORY", "")
    credential = Path(given) / name
    return credential if given and credential.is_file() else folder / name


def load(path: Path) -> Secret[SigningKey]:
    """Return the key in *path*.

    Raises:
        KeyNotPrivate: Group or others may read it, or it is somebody else's and we are not root.
        BadConfiguration: It is missing or holds no key.
    """
    try:
        found = path.stat()
        line = path.read_text(encoding="ascii").strip()
    except FileNotFoundError as error:
        raise BadConfiguration(f"{path} is missing: {_BACK}") from error
    except PermissionError as error:
        raise KeyNotPrivate(
            f"{path} cannot be read by this user: type it as root, or as the user that owns it"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfiguration(f"{path} cannot be read as a key: {_BACK}") from error
    if stat.S_IMODE(found.st_mode) & 0o077 or os.getuid() not in {found.st_uid, 0}:
        raise KeyNotPrivate(f"{path} must be readable by its owner alone (chmod 600)")
    try:
        seed = base64.b64decode(line.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadConfiguration(f"{path} holds no key of ours: {_BACK}") from error
    if not line.startswith(_PREFIX) or len(seed) != _SEED_OCTETS:
        raise BadConfiguration(f"{path} holds no key of ours: {_BACK}")
    return Secret(SigningKey(seed))
