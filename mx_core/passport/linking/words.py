"""What the two devices say inside their boxes, and what each believes of the other.  Spec/link §3.

    Welcome = {0: 1, 1: [* SignedEntry]}                      present → new
    Offer   = {0: 1, 1: Device, 2: SignedEpoch}               new → present
    Draft   = {0: 1, 1: entry bstr} or {0: 1, 2: why tstr}    present → new
    Consent = {0: 1, 1: sig bstr 64}                          new → present

Pure: keys and clock are passed in.  Failure classes: ``canonical``, ``format``, those of chains, and
``link``: the other device says something that does not fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from nacl.signing import SigningKey

from mx_core.model.errors import Refused, Untrusted
from mx_core.notation import cbor
from mx_core.notation.signing import SIGNATURE_OCTETS, Use, verify
from mx_core.passport.chain import extend, verify_chain
from mx_core.passport.entry import Entry, RoleSignature, SignedEntry
from mx_core.passport.epoch import Epoch, SignedEpoch
from mx_core.passport.make import BY, IDENTITY, NEW_DEVICE, Writer, assemble, draft, sign_role
from mx_core.passport.op import Add, Device
from mx_core.passport.shape import Fields, misshapen
from mx_core.passport.state import State

_FORMAT: Final = 1
_WHY_OCTETS_MAX: Final = 512


# ── the device that is there ─────────────────────────────────────────────────────────
def welcome(entries: Sequence[bytes]) -> bytes:
    """Return whom the new device would belong to."""
    return cbor.encode({0: _FORMAT, 1: [cbor.decode(entry) for entry in entries]})


def read_offer(plain: bytes, state: State) -> tuple[Device, bytes]:
    """Return the device that would join *state*, and its first SignedEpoch.

    Raises:
        Untrusted: ``link``: the epoch is not its own.
    """
    fields = _fields(plain, "Offer", (0, 1, 2))
    device = Device.read(fields.value(1))
    signed = SignedEpoch.read(fields.value(2))
    epoch = Epoch.decode(signed.epoch_octets)
    if (epoch.pid, epoch.device_id) != (state.pid, device.id):
        raise Untrusted("link", "the new device shows a key of another device")
    verify(device.sign_pk, Use.EPOCH, signed.epoch_octets, signed.signature)
    return device, cbor.encode(fields.value(2))


def drafted(state: State, writer: Writer, device: Device, now: float) -> tuple[bytes, bytes]:
    """Return the entry that would add *device*, and the word that brings it to be signed."""
    entry = draft(state, writer.device_id, [Add(device)], now)
    return entry, cbor.encode({0: _FORMAT, 1: entry})


def refused(why: str) -> bytes:
    """Return the word that ends it: *why* is shown at the new device, so it says the next step."""
    if len(why.encode()) > _WHY_OCTETS_MAX:
        raise ValueError("a reason has at most 512 octets")
    return cbor.encode({0: _FORMAT, 2: why})


def completed(
    state: State, entry: bytes, writer: Writer, device: Device, consent: bytes, now: float
) -> bytes:
    """Return the SignedEntry that adds *device*, with what it signed; raises as ``extend``."""
    signature = _fields(consent, "Consent", (0, 1)).octets(1, SIGNATURE_OCTETS)
    signed = assemble(
        entry,
        [
            sign_role(entry, IDENTITY, writer.identity_key),
            sign_role(entry, BY, writer.device_key),
            RoleSignature(NEW_DEVICE, device.sign_pk, signature),
        ],
    )
    extend(state, signed, now)
    return signed


# ── the device that would join ───────────────────────────────────────────────────────
def read_welcome(plain: bytes, now: float) -> State:
    """Return the passport that the other device says is the person's; raises as ``verify_chain``."""
    value = _fields(plain, "Welcome", (0, 1)).array(1)
    return verify_chain([SignedEntry.read(one) for one in value], now=now)


def offer(device: Device, signed_epoch: bytes) -> bytes:
    """Return who would join."""
    return cbor.encode({0: _FORMAT, 1: device.value(), 2: cbor.decode(signed_epoch)})


class Draft(Struct, frozen=True):
    """An entry that adds this device, and nothing but this device, to the passport shown."""

    entry: bytes

    @classmethod
    def read(cls, plain: bytes, state: State, device: Device) -> Draft:
        """Return the draft in *plain*.

        Raises:
            Refused: The other device does not take this one; the sentence is its own.
            Untrusted: ``link``: it would do something else.
        """
        fields = _fields(plain, "Draft", (0,), (1, 2))
        if fields.has(1) == fields.has(2):
            raise misshapen("a draft has an entry or a reason")
        if fields.has(2):
            why = fields.value(2)
            if not isinstance(why, str) or len(why.encode()) > _WHY_OCTETS_MAX:
                raise misshapen("a reason is a short text")
            raise Refused(why)
        octets = fields.octets(1)
        entry = Entry.decode(octets)
        if (entry.pid, entry.seq, entry.prev) != (state.pid, state.seq + 1, state.head):
            raise Untrusted("link", "the entry does not follow the passport that was shown")
        if entry.ops != (Add(device),):
            raise Untrusted("link", "the entry does something else than to add this device")
        return cls(octets)

    def consent(self, device_key: SigningKey) -> bytes:
        """Return the word that this device joins by."""
        signature = sign_role(self.entry, NEW_DEVICE, device_key).signature
        return cbor.encode({0: _FORMAT, 1: signature})


def _fields(
    plain: bytes, what: str, required: Sequence[int], optional: Sequence[int] = ()
) -> Fields:
    fields = Fields(cbor.decode(plain), what, required, optional)
    fields.uint(0, _FORMAT, _FORMAT)
    return fields
