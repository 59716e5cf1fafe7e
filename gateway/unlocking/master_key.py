"""The one secret that opens the accounts at rest, and where it comes from.  spec/unlock §1.

Order: systemd credential ``mx-gateway.key``, the keyring of the session, a file sealed under a
passphrase, the file ``master.key`` (0600), made on first use with a warning.  Never from the
environment, never from the command line.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Final

import structlog

from gateway.unlocking import keyring, passphrase
from mx_core.db.durable import sync_directory, write_file
from mx_core.model.errors import BadConfiguration, Locked, NotPermitted
from mx_core.model.secret import Secret
from mx_core.notation.hashing import b2

_CREDENTIAL: Final = "mx-gateway.key"
_CLEAR: Final = "master.key"
_SEALED: Final = "master.key.sealed"
_IN_KEYRING: Final = "master.key.keyring"  # empty: says where it is
_OCTETS: Final = 32

log = structlog.get_logger()


class Method(StrEnum):
    """Where the master key is."""

    CREDENTIAL = "credential"
    KEYRING = "keyring"
    PASSPHRASE = "passphrase"  # noqa: S105  # a name, not a secret
    FILE = "file"


def method_of(data: Path) -> Method:
    """Return how the gateway of *data* is unlocked; a file it is not, once it was another."""
    if _credential() is not None:
        return Method.CREDENTIAL
    if (data / _IN_KEYRING).exists():
        return Method.KEYRING
    return Method.PASSPHRASE if (data / _SEALED).exists() else Method.FILE


def methods_here() -> list[Method]:
    """Return what a person can choose from on this machine."""
    return [m for m in Method if m is not Method.CREDENTIAL and _is_possible(m)]


def load(data: Path, given: Secret[str] | None = None) -> Secret[bytes]:
    """Return the master key, made anew if this gateway has none; *given*: a passphrase.

    Raises:
        Locked: A passphrase is needed, or the keyring is closed.
        BadCredentials: *given* is wrong.
        BadConfiguration: The key is there and cannot be used; exit 78.
    """
    match method_of(data):
        case Method.CREDENTIAL:
            return _read(_credential() or data / _CLEAR)
        case Method.KEYRING:
            return _parsed(keyring.look_up(data).reveal(), "the key in the keyring")
        case Method.PASSPHRASE:
            if given is None:
                raise Locked("this gateway is locked; unlock it with: mx-gateway unlock")
            master = passphrase.unseal((data / _SEALED).read_bytes(), given)
            _forget_clear(data)
            return master
        case Method.FILE:
            return _of_file(data / _CLEAR)


def load_asking(data: Path, ask: Callable[[], Secret[str]]) -> Secret[bytes]:
    """As ``load``, asking for the passphrase where one is needed."""
    return load(data, ask() if method_of(data) is Method.PASSPHRASE else None)


def change(data: Path, master: Secret[bytes], to: Method, given: Secret[str] | None = None) -> None:
    """Keep *master* by another method from now on; *given*: the passphrase, if it is that.

    Raises:
        NotPermitted: A systemd credential decides, or the method is not possible here.
        Refused: The passphrase is short.  Unavailable: The keyring did not take it.
    """
    if method_of(data) is Method.CREDENTIAL or not _is_possible(to):
        raise NotPermitted(f"on this machine the key can not be kept by {to.value}")
    # Crash at any step: the new form is durable before the old one goes, and of two the later in
    # the order is removed at the next unlocking.
    if to is Method.KEYRING:
        keyring.store(data, Secret(master.reveal().hex()))
        write_file(data / _IN_KEYRING, b"", mode=0o600)
        (data / _SEALED).unlink(missing_ok=True)
    elif to is Method.PASSPHRASE:
        if given is None:
            raise NotPermitted("a passphrase is needed")
        write_file(data / _SEALED, passphrase.seal(master, given), mode=0o600)
        _leave_keyring(data)
    else:
        write_file(data / _CLEAR, master.reveal().hex().encode() + b"\n", mode=0o600)
        (data / _SEALED).unlink(missing_ok=True)
        _leave_keyring(data)
        sync_directory(data)
        return
    _forget_clear(data)


def account_key(master: Secret[bytes], account_id: str) -> Secret[bytes]:
    """Return the database key of the account in directory *account_id*."""
    return Secret(b2("MX1.account", [account_id.encode()], key=master.reveal()))


def spool_key(master: Secret[bytes]) -> Secret[bytes]:
    """Return the X25519 key that opens what ``sendmail`` has sealed.  spec/spool."""
    return Secret(b2("MX1.spool", [], key=master.reveal()))


def _credential() -> Path | None:
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    path = Path(credentials) / _CREDENTIAL if credentials else None
    return path if path is not None and path.exists() else None


def _is_possible(method: Method) -> bool:
    return method is not Method.KEYRING or keyring.is_there()


def _of_file(path: Path) -> Secret[bytes]:
    if not path.exists():
        # Crash before the rename: no key and no account yet, the next start makes another.
        write_file(path, secrets.token_bytes(_OCTETS).hex().encode() + b"\n", mode=0o600)
        log.warning("master_key_made", hint="whoever can read this file can read your mail")
    if path.stat().st_mode & 0o077:
        raise BadConfiguration(f"{path} is open to other users; close it with: chmod 600 {path}")
    return _read(path)


def _forget_clear(data: Path) -> None:
    """Remove a key in clear that another form replaces; on a flash disk its octets may live on."""
    (data / _CLEAR).unlink(missing_ok=True)
    sync_directory(data)


def _leave_keyring(data: Path) -> None:
    if (data / _IN_KEYRING).exists():
        (data / _IN_KEYRING).unlink()
        sync_directory(data)
        keyring.clear(data)


def _read(path: Path) -> Secret[bytes]:
    try:
        return _parsed(path.read_text(encoding="ascii"), str(path))
    except (OSError, ValueError) as error:
        raise BadConfiguration(f"{path} is no key: {error}") from error


def _parsed(text: str, where: str) -> Secret[bytes]:
    try:
        key = bytes.fromhex(text.strip())
    except ValueError as error:
        raise BadConfiguration(f"{where} is no key: {error}") from error
    if len(key) != _OCTETS:
        raise BadConfiguration(f"{where} is no key: it must be {_OCTETS} octets in hex")
    return Secret(key)
