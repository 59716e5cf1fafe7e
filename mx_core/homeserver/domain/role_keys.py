"""The keys of a domain's roles: its log, its labels, its door, its word as a witness.  Identity §1.

One seed in a file beside the domain key gives them all.  Who has the file can write another log
in the domain's name, and who loses it can not go on with this one: the first key signs the
checkpoints, and the second names every leaf for as long as the log stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nacl.signing import SigningKey

from mx_core.homeserver.config import ROLE_KEY_FILE_NAME
from mx_core.homeserver.domain import domain_key
from mx_core.model.errors import BadConfiguration
from mx_core.model.secret import Secret
from mx_core.notation.hashing import b2

ROLES: Final = ("kt", "vrf", "witness", "door")


@dataclass(frozen=True, slots=True)
class RoleKeys:
    """Ed25519 keys; ``vrf`` is a seed, as RFC 9381 takes it."""

    kt: Secret[SigningKey]
    vrf: Secret[bytes]
    witness: Secret[SigningKey]
    door: Secret[SigningKey]

    @property
    def public(self) -> tuple[tuple[str, bytes], ...]:
        """Return role and public key, in the order of the server document."""
        signing = (self.witness, self.door)
        seeds = (bytes(self.kt.reveal()), self.vrf.reveal(), *(bytes(k.reveal()) for k in signing))
        return tuple(
            (role, bytes(SigningKey(seed).verify_key))
            for role, seed in zip(ROLES, seeds, strict=True)
        )


def load_or_make(folder: Path, *, log_begun: bool) -> RoleKeys:
    """Return the keys of the server in *folder*; make the seed if nothing was logged with one.

    Raises:
        BadConfiguration: The seed is gone, and the log that it named is not.
        KeyNotPrivate: Others can read it.
    """
    path = domain_key.place(folder, ROLE_KEY_FILE_NAME)
    if not path.exists():
        if log_begun:
            raise BadConfiguration(
                f"{path} is missing, and the log of this domain cannot go on without it:"
                " put it back from a backup"
            )
        # Crash after this: a seed that nothing was signed with yet, used from the next start on.
        return of_seed(domain_key.make(path))
    return of_seed(domain_key.load(path))


def of_seed(seed: Secret[SigningKey]) -> RoleKeys:
    """Return the keys that *seed* gives."""
    kt, vrf, witness, door = (
        b2("MX1.role-key", [role.encode()], key=bytes(seed.reveal())) for role in ROLES
    )
    return RoleKeys(
        Secret(SigningKey(kt)),
        Secret(vrf),
        Secret(SigningKey(witness)),
        Secret(SigningKey(door)),
    )
