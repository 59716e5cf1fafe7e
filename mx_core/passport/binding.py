"""What a domain says of a passport: Binding and Attestation.  Identity §3, spec/card §2.

The person signed the address in the passport and the domain signs it here, so neither can bind
a passport to a name alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import Struct
from nacl.signing import SigningKey

from mx_core.model.address import Address
from mx_core.model.errors import Untrusted
from mx_core.model.ids import Pid
from mx_core.notation import cbor
from mx_core.notation.hashing import DIGEST_OCTETS
from mx_core.notation.signing import PUBLIC_KEY_OCTETS, SIGNATURE_OCTETS, Use, sign, verify
from mx_core.passport.chain import SKEW_SECONDS
from mx_core.passport.shape import Fields, array, misshapen, octets
from mx_core.passport.state import State

LIFE_SECONDS_MAX: Final = 30 * 86_400

_FORMAT: Final = 1


class Binding(Struct, frozen=True):
    """{0: 1, 1: address, 2: pid, 3: seq, 4: head}: one per passport entry."""

    address: Address
    pid: Pid
    seq: int
    head: bytes

    @classmethod
    def of(cls, state: State, address: Address | None = None) -> Binding:
        """Return what binds *state* to *address*, its own unless the asked one is given."""
        return cls(address or state.address, state.pid, state.seq, state.head)

    def encode(self) -> bytes:
        """Return the octets that an Attestation holds."""
        return cbor.encode(
            {0: _FORMAT, 1: str(self.address), 2: bytes(self.pid), 3: self.seq, 4: self.head}
        )

    @classmethod
    def decode(cls, binding_octets: bytes) -> Binding:
        """Return the binding that the octets spell; raises Untrusted(`canonical`, `format`)."""
        fields = Fields(cbor.decode(binding_octets), "Binding", range(5))
        fields.uint(0, _FORMAT, _FORMAT)
        return cls(
            fields.address(1),
            Pid(fields.octets(2, DIGEST_OCTETS)),
            fields.uint(3),
            fields.octets(4, DIGEST_OCTETS),
        )


class Attestation(Struct, frozen=True):
    """[bstr {0: Binding bstr, 1: issued, 2: expires, 3: domain_pk}, sig]; times in unix seconds."""

    binding: Binding
    issued: int
    expires: int
    domain_pk: bytes
    signed_octets: bytes
    signature: bytes

    @classmethod
    def read(cls, value: cbor.Value) -> Attestation:
        """Return the attestation that a decoded *value* spells, not yet believed.

        Raises:
            Untrusted: ``canonical`` or ``format`` (a life over thirty days included).
        """
        pair = array(value, "Attestation", 2)
        signed_octets = octets(pair[0], "Attestation.0")
        fields = Fields(cbor.decode(signed_octets), "Attestation", range(4))
        issued, expires = fields.uint(1), fields.uint(2)
        if not issued <= expires <= issued + LIFE_SECONDS_MAX:
            raise misshapen("an attestation lives thirty days at most")
        return cls(
            Binding.decode(fields.octets(0)),
            issued,
            expires,
            fields.octets(3, PUBLIC_KEY_OCTETS),
            signed_octets,
            octets(pair[1], "Attestation.1", SIGNATURE_OCTETS),
        )


def attest(
    domain_key: SigningKey,
    binding: Binding,
    now: float,
    life_seconds: int = LIFE_SECONDS_MAX,
) -> bytes:
    """Return the Attestation that the domain makes of *binding* at *now*."""
    issued = int(now)
    signed_octets = cbor.encode(
        {
            0: binding.encode(),
            1: issued,
            2: issued + life_seconds,
            3: bytes(domain_key.verify_key),
        }
    )
    return cbor.encode([signed_octets, sign(domain_key, Use.ATTEST, signed_octets)])


def verify_attestation(
    attestation: bytes,
    *,
    expected: Binding,
    domain_keys: Iterable[bytes],
    now: float,
    judged_at: float | None = None,
) -> Attestation:
    """Return the attestation if an active key of the domain made it of *expected*.

    Its age is judged at *judged_at* (by a reader: when the message was made), else at *now*.

    Raises:
        Untrusted: ``canonical``, ``format``, ``attest-key``, ``attest-expired`` (or from the
            future, by more than ten minutes) or ``binding``; the first that fails, in this order.
    """
    found = Attestation.read(cbor.decode(attestation))
    if found.domain_pk not in set(domain_keys):
        raise Untrusted("attest-key", "attested by a key that is not the domain's")
    try:
        verify(found.domain_pk, Use.ATTEST, found.signed_octets, found.signature)
    except Untrusted as error:
        raise Untrusted("attest-key", "the domain did not sign this attestation") from error
    if found.expires < (now if judged_at is None else judged_at):
        raise Untrusted("attest-expired", "the domain's attestation has run out")
    if found.issued > now + SKEW_SECONDS:
        raise Untrusted("attest-expired", "the domain's attestation is from the future")
    if found.binding != expected:
        raise Untrusted("binding", "the domain attests another address, passport or entry")
    return found
