"""The ServerDocument: what a domain says of its keys, endpoints and limits, signed by itself.

Deterministic CBOR inside ``sign(domain key, "server", …)``.  Signatures are checked over the
octets received, before anything in them is used.  Pure.  docs/spec/discovery.md §3.

Failure classes: ``canonical format domain bad-signature document-key document-expired``.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Final, NamedTuple

from msgspec import Struct, field
from nacl.signing import SigningKey

from mx_core.discovery.endpoint import Endpoint, endpoint
from mx_core.model.address import canonical_domain
from mx_core.model.errors import BadAddress, Untrusted
from mx_core.notation import cbor
from mx_core.notation.signing import PUBLIC_KEY_OCTETS, SIGNATURE_OCTETS, Use, sign, verify

FORMAT: Final = 1
LIFETIME_SECONDS_MAX: Final = 30 * 86_400
OCTETS_MAX: Final = 16 * 1024
_SKEW_SECONDS: Final = 600
_KEYS_MAX: Final = 8
_ROLES: Final = frozenset({"kt", "vrf", "door", "witness"})
_ROLE_KEYS_MAX: Final = 16


class KeyState(IntEnum):
    """Where a domain key stands in its life."""

    ACTIVE = 1
    NEXT = 2
    RETIRED = 3


class DomainKey(NamedTuple):
    """One domain key with its dates in unix seconds."""

    state: KeyState
    public_key: bytes
    not_before: int
    not_after: int


class RoleKey(NamedTuple):
    """A key that signs for one role only (identity §1)."""

    role: str
    public_key: bytes
    not_before: int
    not_after: int


class Roll(NamedTuple):
    """An old domain key's word for a new one, under ``domain-roll``."""

    old_key: bytes
    new_key: bytes
    signature: bytes


class SignedDocument(NamedTuple):
    """Octets of a document with their signature, as they travel; nothing is verified yet."""

    octets: bytes
    signature: bytes


class Limits(NamedTuple):
    """What the server takes, in octets, items and postage bits."""

    blob_octets: int = 64 * 1024 * 1024
    batch_octets: int = 4 * 1024 * 1024
    batch_items: int = 64
    postage_bits: int = 0


class ServerDocument(Struct, frozen=True):
    """The content of a document; times in unix seconds."""

    domain: str
    created: int
    expires: int
    keys: tuple[DomainKey, ...]
    hello: Endpoint
    federation: Endpoint
    client: Endpoint
    versions: tuple[int, int] = (1, 1)
    suites: tuple[int, ...] = (1,)
    limits: Limits = field(default_factory=Limits)
    role_keys: tuple[RoleKey, ...] = ()
    rolls: tuple[Roll, ...] = ()

    def active_keys(self, now: float) -> tuple[bytes, ...]:
        """Return the keys that speak for the domain now."""
        return tuple(
            key.public_key
            for key in self.keys
            if key.state is KeyState.ACTIVE and key.not_before <= now <= key.not_after
        )

    def encode(self) -> bytes:
        """Return the octets that are signed."""
        return cbor.encode(
            {
                0: FORMAT,
                1: self.domain,
                2: self.created,
                3: self.expires,
                4: [[int(k.state), k.public_key, k.not_before, k.not_after] for k in self.keys],
                5: list(self.hello),
                6: list(self.federation),
                7: list(self.client),
                8: list(self.versions),
                9: list(self.suites),
                10: list(self.limits),
                11: [list(key) for key in self.role_keys],
                12: [list(roll) for roll in self.rolls],
            }
        )


def decode(octets: bytes) -> ServerDocument:
    """Return the document that *octets* encode; nothing is verified but its form.

    Raises:
        Untrusted: ``canonical``, ``format``, or ``domain`` for a name that is not canonical.
    """
    if len(octets) > OCTETS_MAX:
        raise Untrusted("format", "a server document of unusual size")
    match cbor.decode(octets):
        case {
            0: version,
            1: str(domain),
            2: int(created),
            3: int(expires),
            4: [*keys],
            5: [hello_host, hello_port],
            6: [federation_host, federation_port],
            7: [client_host, client_port],
            8: [lowest, highest],
            9: [*suites],
            10: [*limits],
            11: [*role_keys],
            12: [*rolls],
            **more,
        } if not more and _uint(version) == FORMAT:
            versions = (_uint(lowest), _uint(highest))
        case _:
            raise Untrusted("format", "a server document of another shape")
    if not _is_domain(domain):
        raise Untrusted("domain", "a server document of no domain")
    if not 1 <= versions[0] <= versions[1] or not suites or not 1 <= len(keys) <= _KEYS_MAX:
        raise Untrusted("format", "versions, suites or number of keys out of bounds")
    if len(role_keys) > _ROLE_KEYS_MAX or len(rolls) > _KEYS_MAX:
        raise Untrusted("format", "too many role keys or key changes")
    return ServerDocument(
        domain=domain,
        created=_uint(created),
        expires=_uint(expires),
        keys=tuple(_domain_key(key) for key in keys),
        hello=endpoint(hello_host, hello_port),
        federation=endpoint(federation_host, federation_port),
        client=endpoint(client_host, client_port),
        versions=versions,
        suites=_uints(suites),
        limits=_limits(limits),
        role_keys=tuple(_role_key(key) for key in role_keys),
        rolls=tuple(_roll(roll) for roll in rolls),
    )


def sign_document(document: ServerDocument, domain_key: SigningKey) -> SignedDocument:
    """Return the document as it is published."""
    octets = document.encode()
    return SignedDocument(octets, sign(domain_key, Use.SERVER, octets))


def verify_document(
    signed: SignedDocument, *, domain: str, keys: Sequence[bytes], now: float
) -> ServerDocument:
    """Return the document if one of *keys* signed it, it is of *domain*, and it is in date.

    Raises:
        Untrusted: One of the failure classes above; the first check that fails names it.
    """
    if len(signed.octets) > OCTETS_MAX:
        raise Untrusted("format", "a server document of unusual size")
    signer = _signer(signed, keys)
    document = decode(signed.octets)
    if document.domain != domain:
        raise Untrusted("domain", f"the server document of {domain} is of another domain")
    if signer not in document.active_keys(now):
        raise Untrusted("document-key", f"the document of {domain} does not list its own signer")
    lifetime = document.expires - document.created
    if not 0 < lifetime <= LIFETIME_SECONDS_MAX or document.created > now + _SKEW_SECONDS:
        raise Untrusted("format", f"the server document of {domain} has impossible dates")
    if document.expires < now:
        raise Untrusted("document-expired", f"the server document of {domain} has expired")
    return document


def sign_roll(domain: str, old: SigningKey, new_key: bytes) -> Roll:
    """Return the old key's word that *new_key* is its successor."""
    old_key = bytes(old.verify_key)
    signature = sign(old, Use.DOMAIN_ROLL, _roll_octets(domain, old_key, new_key))
    return Roll(old_key, new_key, signature)


def verify_roll(domain: str, roll: Roll) -> None:
    """Check the old key's signature.

    Raises:
        Untrusted: ``bad-signature``.
    """
    signed = _roll_octets(domain, roll.old_key, roll.new_key)
    verify(roll.old_key, Use.DOMAIN_ROLL, signed, roll.signature)


def _roll_octets(domain: str, old_key: bytes, new_key: bytes) -> bytes:
    return cbor.encode([domain, old_key, new_key])


def _signer(signed: SignedDocument, keys: Sequence[bytes]) -> bytes:
    for key in keys:
        try:
            verify(key, Use.SERVER, signed.octets, signed.signature)
        except Untrusted:
            continue
        return key
    raise Untrusted("bad-signature", "no key of the domain signed its server document")


def _domain_key(value: cbor.Value) -> DomainKey:
    match value:
        case [state, bytes(key), not_before, not_after] if (
            KeyState.ACTIVE <= _uint(state) <= KeyState.RETIRED and len(key) == PUBLIC_KEY_OCTETS
        ):
            return DomainKey(KeyState(_uint(state)), key, _uint(not_before), _uint(not_after))
        case _:
            raise Untrusted("format", "a domain key of another shape")


def _role_key(value: cbor.Value) -> RoleKey:
    match value:
        case [str(role), bytes(key), not_before, not_after] if (
            role in _ROLES and len(key) == PUBLIC_KEY_OCTETS
        ):
            return RoleKey(role, key, _uint(not_before), _uint(not_after))
        case _:
            raise Untrusted("format", "a role key of another shape")


def _roll(value: cbor.Value) -> Roll:
    match value:
        case [bytes(old), bytes(new), bytes(signature)] if (
            len(old) == len(new) == PUBLIC_KEY_OCTETS and len(signature) == SIGNATURE_OCTETS
        ):
            return Roll(old, new, signature)
        case _:
            raise Untrusted("format", "a key change of another shape")


def _limits(value: list[cbor.Value]) -> Limits:
    numbers = _uints(value)
    if len(numbers) != len(Limits._fields):
        raise Untrusted("format", "limits of another shape")
    return Limits(*numbers)


def _uints(values: list[cbor.Value]) -> tuple[int, ...]:
    return tuple(_uint(value) for value in values)


def _uint(value: cbor.Value) -> int:
    # bool is an int in Python, not in CBOR
    if isinstance(value, bool) or not isinstance(value, int):
        raise Untrusted("format", "a number was expected")
    return value


def _is_domain(text: str) -> bool:
    try:
        return canonical_domain(text) == text
    except BadAddress:
        return False
