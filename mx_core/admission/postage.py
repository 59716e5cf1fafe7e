"""Postage: work that a stranger's gateway shows for one envelope, cheap to check.  Identity §9.

A hashcash over BLAKE2b.  Not Argon2id: there the receiver would work as much as the sender.  It
only slows; the budgets of a home server do the rest.  spec/admission §3.  Pure.
"""

from __future__ import annotations

import hashlib
from typing import Final

from mx_core.notation.hashing import DIGEST_OCTETS

POSTAGE_OCTETS: Final = 8
BITS_USUAL: Final = 20  # identity §2: without a profile
BITS_MAX: Final = 24  # about 16 s of work; what is asked above it is not paid
_PERSON: Final = b"MX1.postage"


def is_paid(postage: bytes, bits: int, *, route: bytes, env_id: bytes, deliver_by: int) -> bool:
    """Tell whether *postage* is *bits* of work for exactly this item."""
    if len(postage) != POSTAGE_OCTETS:
        return False
    begun = _begun(route, env_id, deliver_by)
    begun.update(postage)
    return int.from_bytes(begun.digest(), "big") < 1 << (8 * DIGEST_OCTETS - bits)


def search(
    bits: int, *, route: bytes, env_id: bytes, deliver_by: int, start: int, tries: int
) -> bytes | None:
    """Return postage of *bits* among *tries* numbers from *start* on, or None."""
    begun = _begun(route, env_id, deliver_by)
    most = (1 << (8 * DIGEST_OCTETS - bits)).to_bytes(DIGEST_OCTETS + 1, "big")[1:]
    nothing = bits == 0
    for number in range(start, start + tries):
        postage = number.to_bytes(POSTAGE_OCTETS, "big")
        one = begun.copy()
        one.update(postage)
        if one.digest() < most or nothing:
            return postage
    return None


def _begun(route: bytes, env_id: bytes, deliver_by: int) -> hashlib.blake2b:
    """Return ``B2("MX1.postage", [route, env_id, u64 deliver_by, …])`` up to the last part."""
    digest = hashlib.blake2b(digest_size=DIGEST_OCTETS, person=_PERSON)
    for part in (route, env_id, deliver_by.to_bytes(8, "big")):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    digest.update(POSTAGE_OCTETS.to_bytes(8, "big"))
    return digest
