"""The one secret that opens the accounts at rest, and where it comes from.

Order: systemd credential ``mx-gateway.key``, then the file ``master.key`` (0600), made on first
use with a warning.  Never from the environment, never from the command line.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import structlog

from mx_core.db.durable import write_file
from mx_core.model.errors import BadConfiguration
from mx_core.model.secret import Secret
from mx_core.notation.hashing import b2

_CREDENTIAL = "mx-gateway.key"
_OCTETS = 32

log = structlog.get_logger()


def load(data: Path) -> Secret[bytes]:
    """Return the master key, made anew if this gateway has none.

    Raises:
        BadConfiguration: The key is there and cannot be used; exit 78.
    """
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    if credentials and (path := Path(credentials) / _CREDENTIAL).exists():
        return _read(path)
    path = data / "master.key"
    if not path.exists():
        # Crash before the rename: no key and no account yet, the next start makes another.
        write_file(path, secrets.token_bytes(_OCTETS).hex().encode() + b"\n", mode=0o600)
        log.warning("master_key_made", hint="whoever can read this file can read your mail")
    if path.stat().st_mode & 0o077:
        raise BadConfiguration(f"{path} is open to other users; close it with: chmod 600 {path}")
    return _read(path)


def account_key(master: Secret[bytes], account_id: str) -> Secret[bytes]:
    """Return the database key of the account in directory *account_id*."""
    return Secret(b2("MX1.account", [account_id.encode()], key=master.reveal()))


def spool_key(master: Secret[bytes]) -> Secret[bytes]:
    """Return the X25519 key that opens what ``sendmail`` has sealed.  spec/spool."""
    return Secret(b2("MX1.spool", [], key=master.reveal()))


def _read(path: Path) -> Secret[bytes]:
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise BadConfiguration(f"{path} is no key: {error}") from error
    if len(key) != _OCTETS:
        raise BadConfiguration(f"{path} is no key: it must be {_OCTETS} octets in hex")
    return Secret(key)
