"""A receipt: a device's signed word that it holds one message.  docs/spec/receipts.md.

Pure.  What is read here is a claim; whose message it speaks of is for the caller to know.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from nacl.signing import SigningKey

from mx_core.envelope.ext import SignedReceipt
from mx_core.envelope.shape import keyed, octets, uint
from mx_core.model.ids import DeviceId, MsgId, Pid
from mx_core.notation import cbor
from mx_core.notation.hashing import DIGEST_OCTETS, b2
from mx_core.notation.signing import Use, sign, verify

DAY_SECONDS: Final = 86_400
_ID_OCTETS: Final = 16


class Receipt(Struct, frozen=True):
    """{0: msg_id, 1: digest of S, 2: pid, 3: device_id, 4: day}."""

    msg_id: MsgId
    digest: bytes  # ``digest_of`` the statement that was signed by who wrote the message
    pid: Pid  # whose mailbox holds it
    device_id: DeviceId
    day: int  # on which it was stored, in days since 1970

    def signed(self, key: SigningKey) -> SignedReceipt:
        """Return the receipt, signed with the *key* of its device."""
        body = cbor.encode(
            {0: self.msg_id, 1: self.digest, 2: self.pid, 3: self.device_id, 4: self.day}
        )
        return SignedReceipt(body, sign(key, Use.RECEIPT, body))


def digest_of(statement: bytes) -> bytes:
    """Return what names a sealed message: the hash of its S, which no two envelopes share."""
    return b2("MX1.msg", [statement])


def claimed(receipt: SignedReceipt) -> Receipt:
    """Return what *receipt* says, believed by nobody yet.

    Raises:
        Untrusted: ``canonical`` or ``format``.
    """
    field = keyed(cbor.decode(receipt.body), frozenset(range(5)))
    return Receipt(
        MsgId(octets(field[0], _ID_OCTETS)),
        octets(field[1], DIGEST_OCTETS),
        Pid(octets(field[2], DIGEST_OCTETS)),
        DeviceId(octets(field[3], _ID_OCTETS)),
        uint(field[4]),
    )


def check_signature(receipt: SignedReceipt, sign_pk: bytes) -> None:
    """Raise Untrusted (``bad-signature``) unless the holder of *sign_pk* has signed it."""
    verify(sign_pk, Use.RECEIPT, receipt.body, receipt.signature)
