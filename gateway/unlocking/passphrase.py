"""A master key sealed under a passphrase: Argon2id, then a secretbox.  spec/unlock §2.

The parameters stand in the file, so that they can grow; a file may not ask for more than a gigabyte.
"""

from __future__ import annotations

import secrets
from typing import Final

from nacl import pwhash
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from mx_core.model.errors import BadConfiguration, BadCredentials, Refused, Untrusted
from mx_core.model.secret import Secret
from mx_core.notation import cbor

PASSES: Final = 3
MEMORY_OCTETS: Final = 256 * 1024 * 1024
CHARACTERS_MIN: Final = 8
_FORMAT: Final = 1
_PASSES_MAX: Final = 64
_MEMORY_MAX: Final = 1 << 30
_SALT_OCTETS: Final = 16
_DAMAGED: Final = (
    "the sealed master key is damaged: put the file back from a copy, or bring the accounts back"
    " on an empty gateway with mx-gateway restore"
)


def seal(
    master: Secret[bytes],
    passphrase: Secret[str],
    *,
    passes: int = PASSES,
    memory: int = MEMORY_OCTETS,
) -> bytes:
    """Return what is kept on the disk in place of *master*; takes about a second.

    Raises:
        Refused: The passphrase is short.
    """
    if len(passphrase.reveal()) < CHARACTERS_MIN:
        raise Refused(f"a passphrase has at least {CHARACTERS_MIN} characters")
    salt = secrets.token_bytes(_SALT_OCTETS)
    box = SecretBox(_derived(passphrase, salt, passes, memory))
    return cbor.encode(
        {0: _FORMAT, 1: passes, 2: memory, 3: salt, 4: bytes(box.encrypt(master.reveal()))}
    )


def unseal(octets: bytes, passphrase: Secret[str]) -> Secret[bytes]:
    """Return the master key.

    Raises:
        BadCredentials: The passphrase is wrong.  BadConfiguration: The file is damaged.
    """
    try:
        match cbor.decode(octets):
            case {0: 1, 1: int(passes), 2: int(memory), 3: bytes(salt), 4: bytes(box)} if (
                0 < passes <= _PASSES_MAX and memory <= _MEMORY_MAX and len(salt) == _SALT_OCTETS
            ):
                key = _derived(passphrase, salt, passes, memory)
            case _:
                raise BadConfiguration(_DAMAGED)
    except Untrusted as error:
        raise BadConfiguration(_DAMAGED) from error
    try:
        return Secret(bytes(SecretBox(key).decrypt(box)))
    except (CryptoError, ValueError) as error:
        raise BadCredentials("this is not the passphrase") from error


def _derived(passphrase: Secret[str], salt: bytes, passes: int, memory: int) -> bytes:
    try:
        return bytes(
            pwhash.argon2id.kdf(
                SecretBox.KEY_SIZE, passphrase.reveal().encode(), salt, passes, memory
            )
        )
    except (CryptoError, ValueError) as error:
        raise BadConfiguration(_DAMAGED) from error
