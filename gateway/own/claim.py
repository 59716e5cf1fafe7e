"""A claim to an ordinary address: signed by a device, written into a mail from that address.  Pure.

The text is hex in lines, which no mail program breaks, folds or quotes differently.
docs/spec/ownership.md §2.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from nacl.signing import SigningKey

from mx_core.model.address import Address
from mx_core.model.errors import BadAddress, Untrusted
from mx_core.model.ids import DeviceId, Pid
from mx_core.notation import cbor
from mx_core.notation.signing import Use, sign, verify
from mx_core.passport.chain import verify_chain

VERSION: Final = 1
_LINE: Final = 64
BEGINS, _ENDS = "mx-claim begins", "mx-claim ends"
_BEFORE_MAX: Final = 40  # characters: a greeting; what quotes somebody says more of them
_BLOCK: Final = re.compile(rf"{BEGINS}\s([0-9a-f\s]{{200,4000}}){_ENDS}")


class Claim(Struct, frozen=True):
    """That whoever has the passport *pid* of *address* also has *ordinary*."""

    ordinary: Address
    address: Address
    pid: Pid
    device: DeviceId
    made: int  # unix seconds

    def value(self) -> list[cbor.Value]:
        """Return the CBOR form."""
        return [
            VERSION, str(self.ordinary), str(self.address), bytes(self.pid), bytes(self.device),
            self.made,
        ]  # fmt: skip


def claim_text(claim: Claim, key: SigningKey) -> str:
    """Return what is to be sent from the ordinary address, signed by the device's *key*."""
    octets = cbor.encode(claim.value())
    digits = cbor.encode([octets, sign(key, Use.CLAIM, octets)]).hex()
    lines = [digits[at : at + _LINE] for at in range(0, len(digits), _LINE)]
    return "\n".join([BEGINS, *lines, _ENDS])


def claim_in(text: str, entries: Sequence[bytes], now: float) -> Claim:
    """Return the one claim in a *text*, if a device of the passport of *entries* signed it.

    Raises:
        Untrusted: There is none or more than one, or it does not prove itself.
    """
    claim, octets, signature = claimed(text)
    state = verify_chain(entries, now=now)
    if state.pid != claim.pid or claim.address not in {state.address, *state.former}:
        raise Untrusted("claim", "the claim is of another passport")
    record = state.record(claim.device)
    if record is None or record.removal is not None:
        raise Untrusted("claim", "no device of the passport made the claim")
    verify(record.device.sign_pk, Use.CLAIM, octets, signature)
    return claim


def claimed(text: str) -> tuple[Claim, bytes, bytes]:
    """Return the one claim in a *text*, its octets and its signature, which nobody has checked.

    Raises:
        Untrusted: There is none or more than one, or what stands before it may quote somebody.
    """
    found = list(_BLOCK.finditer(text.lower()))
    if len(found) != 1:
        raise Untrusted("claim", f"the message holds {len(found)} claims in place of one")
    if len(text[: found[0].start()].strip()) > _BEFORE_MAX:
        raise Untrusted("claim", "so much stands before the claim that it may be a quotation")
    try:
        match cbor.decode(bytes.fromhex("".join(found[0][1].split()))):
            case [bytes(octets), bytes(signature)]:
                return _read(cbor.decode(octets)), octets, signature
            case _:
                raise Untrusted("claim", "what stands there is no claim")
    except (ValueError, BadAddress) as error:
        raise Untrusted("claim", "what stands there is no claim") from error


def _read(value: cbor.Value) -> Claim:
    match value:
        case [1, str(ordinary), str(address), bytes(pid), bytes(device), int(made)]:
            return Claim(
                Address.parse(ordinary), Address.parse(address), Pid(pid), DeviceId(device), made
            )
        case _:
            raise Untrusted("claim", "what stands there is no claim that is known")
