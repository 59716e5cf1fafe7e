"""A device's word that it cannot open an envelope: whoever sent it may seal it anew.  spec/unreadable.

    Unreadable       = {0: 1, 1: env_id bstr 32, 2: pid bstr 32, 3: device_id bstr 16}
    SignedUnreadable = [Unreadable bstr, device sig "unreadable"]

Good for one envelope and nothing else, so that saying it again, by whomever, changes nothing.
Pure: keys are passed in.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from nacl.signing import SigningKey

from mx_core.model.errors import Untrusted
from mx_core.model.ids import DeviceId, EnvId, Pid
from mx_core.notation import cbor
from mx_core.notation.hashing import DIGEST_OCTETS
from mx_core.notation.signing import SIGNATURE_OCTETS, Use, sign, verify
from mx_core.passport.op import DEVICE_ID_OCTETS
from mx_core.passport.shape import Fields, array, octets
from mx_core.passport.state import State

SIGNED_OCTETS_MAX: Final = 256  # what is carried and kept; a good one has 160
_FORMAT: Final = 1


class Unreadable(Struct, frozen=True):
    """Which envelope, and who says so."""

    env_id: EnvId
    pid: Pid
    device_id: DeviceId

    def signed(self, device_key: SigningKey) -> bytes:
        """Return the SignedUnreadable."""
        statement = cbor.encode(
            {0: _FORMAT, 1: bytes(self.env_id), 2: bytes(self.pid), 3: bytes(self.device_id)}
        )
        return cbor.encode([statement, sign(device_key, Use.UNREADABLE, statement)])


class SignedUnreadable(Struct, frozen=True):
    """[Unreadable bstr, sig], as read and not yet believed."""

    told: Unreadable
    statement: bytes
    signature: bytes

    @classmethod
    def decode(cls, signed: bytes, env_id: EnvId | None = None) -> SignedUnreadable:
        """Return what the octets spell, about *env_id* if it is given.

        Raises:
            Untrusted: ``canonical``, ``format``, ``envelope`` (it is about another one).
        """
        pair = array(cbor.decode(signed), "SignedUnreadable", 2)
        statement = octets(pair[0], "SignedUnreadable.statement")
        signature = octets(pair[1], "SignedUnreadable.sig", SIGNATURE_OCTETS)
        fields = Fields(cbor.decode(statement), "Unreadable", (0, 1, 2, 3))
        fields.uint(0, _FORMAT, _FORMAT)
        told = Unreadable(
            EnvId(fields.octets(1, DIGEST_OCTETS)),
            Pid(fields.octets(2, DIGEST_OCTETS)),
            DeviceId(fields.octets(3, DEVICE_ID_OCTETS)),
        )
        if env_id is not None and told.env_id != env_id:
            raise Untrusted("envelope", "a word about another envelope")
        return cls(told, statement, signature)

    def verify(self, state: State) -> None:
        """Check that an active device of *state* says so.

        Raises:
            Untrusted: ``pid``, ``signer`` (no active device of that id), ``bad-signature``.
        """
        if self.told.pid != state.pid:
            raise Untrusted("pid", "a word of another passport")
        device = state.active_device(self.told.device_id)
        if device is None:
            raise Untrusted("signer", "a word of a device that is not active")
        verify(device.sign_pk, Use.UNREADABLE, self.statement, self.signature)
