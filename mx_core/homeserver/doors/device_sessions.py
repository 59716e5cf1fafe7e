"""Who speaks on the client listener: nonces given out once, sessions proved by a device key.

Invariants: no password exists; a nonce counts once and for a minute; a session is a MAC, so
nothing is stored for it, and it dies with the process, its hour, or its device (the caller
asks the database for each call).  Identity §7.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from mx_core.model.clock import Now
from mx_core.model.errors import BadCredentials, Busy, Untrusted
from mx_core.notation import cbor
from mx_core.notation.hashing import b2
from mx_core.notation.signing import Use, verify

NONCE_OCTETS: Final = 32
_NONCE_SECONDS: Final = 60
_SESSION_SECONDS: Final = 3_600
_MAC_OCTETS: Final = 32


@dataclass(frozen=True, slots=True)
class Proof:
    """What a device shows to open a session."""

    pid: bytes
    device_id: bytes
    nonce: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Session:
    """One device of one person, until *expires*."""

    mailbox_id: int
    device_id: bytes
    expires: int


class DeviceSessions:
    """Challenges and sessions of one process."""

    def __init__(self, domain: str, *, outstanding_max: int, now: Now) -> None:
        self._domain = domain
        self._outstanding_max = outstanding_max
        self._now = now
        self._key = secrets.token_bytes(32)
        # nonce → (expires, SHA-256 of the leaf's SPKI that the caller was shown), oldest first
        self._nonces: OrderedDict[bytes, tuple[int, bytes]] = OrderedDict()

    def challenge(self, leaf_spki_hash: bytes) -> tuple[bytes, int]:
        """Return a fresh nonce and when it expires.

        Raises:
            Busy: Too many are outstanding.
        """
        now = int(self._now())
        while self._nonces and next(iter(self._nonces.values()))[0] <= now:
            self._nonces.popitem(last=False)
        if len(self._nonces) >= self._outstanding_max:
            raise Busy("too many devices are connecting; try again in a minute")
        nonce = secrets.token_bytes(NONCE_OCTETS)
        expires = now + _NONCE_SECONDS
        self._nonces[nonce] = (expires, leaf_spki_hash)
        return nonce, expires

    def spend(self, nonce: bytes) -> bytes:
        """Use *nonce* up and return the leaf hash that it was given out with.

        Raises:
            BadCredentials: Unknown, used or too old.
        """
        expires, leaf_spki_hash = self._nonces.pop(nonce, (0, b""))
        if expires <= self._now():
            raise BadCredentials("this challenge is unknown, used or too old: ask for a new one")
        return leaf_spki_hash

    def prove(self, proof: Proof, sign_pk: bytes | None, leaf_spki_hash: bytes) -> None:
        """Check the signature of a device whose key is *sign_pk*, None if it is not active.

        Raises:
            BadCredentials: The same sentence whatever is wrong.
        """
        signed = cbor.encode(
            [self._domain, proof.pid, proof.device_id, proof.nonce, leaf_spki_hash]
        )
        try:
            # no active device: a key of zero octets, under which nothing verifies
            verify(sign_pk or b"", Use.CLIENT_AUTH, signed, proof.signature)
        except Untrusted as error:
            raise BadCredentials("no active device of this passport signed this") from error

    def open(self, mailbox_id: int, device_id: bytes) -> tuple[bytes, Session]:
        """Return the octets that the device sends with each call, and what they say."""
        session = Session(mailbox_id, device_id, int(self._now()) + _SESSION_SECONDS)
        said = cbor.encode([session.mailbox_id, session.device_id, session.expires])
        return self._mac(said) + said, session

    def read(self, octets: bytes) -> Session:
        """Return the session that *octets* spell.

        Raises:
            BadCredentials: Not of this process, altered, or over.
        """
        mac, said = octets[:_MAC_OCTETS], octets[_MAC_OCTETS:]
        if not secrets.compare_digest(mac, self._mac(said)):
            raise BadCredentials("this session is unknown here: authenticate again")
        match cbor.decode(said):
            case [int(mailbox_id), bytes(device_id), int(expires)] if expires > self._now():
                return Session(mailbox_id, device_id, expires)
            case _:
                raise BadCredentials("this session is over: authenticate again")

    def _mac(self, said: bytes) -> bytes:
        return b2("MX1.dev.session", [said], key=self._key)
