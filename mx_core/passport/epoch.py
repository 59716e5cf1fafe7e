"""Epoch statements: which keys a device opens with this week, and which one a sender takes.

Identity §3 and §5, spec/card §3.  A statement is signed by its device and stands outside the
passport, so no public diary of a device grows.  Pure: the clock and every key are passed in.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from msgspec import Struct
from nacl.signing import SigningKey

from mx_core.model.errors import Untrusted
from mx_core.model.ids import DeviceId, Pid
from mx_core.notation import cbor
from mx_core.notation.hashing import DIGEST_OCTETS
from mx_core.notation.signing import SIGNATURE_OCTETS, Use, sign, verify
from mx_core.notation.xwing import PUBLIC_OCTETS as XWING_OCTETS
from mx_core.notation.xwing import UnusableKeyError, check_public, is_of_small_order
from mx_core.passport.op import DEVICE_ID_OCTETS
from mx_core.passport.shape import UINT_MAX, Fields, array, misshapen, octets
from mx_core.passport.state import State

DAY_SECONDS: Final = 86_400
LIFE_SECONDS: Final = 14 * DAY_SECONDS
RENEW_AFTER_SECONDS: Final = 7 * DAY_SECONDS
CARD_FRESH_SECONDS: Final = DAY_SECONDS
ASLEEP_SECONDS: Final = 60 * DAY_SECONDS
KEEP_SECONDS: Final = 6 * DAY_SECONDS
SUITE_X25519: Final = 1
SUITE_XWING: Final = 2

_FORMAT: Final = 1
X25519_OCTETS: Final = 32

_STATEMENTS_KEPT: Final = 512  # of at most 1.4 KB


class Epoch(Struct, frozen=True):
    """{0: 1, 1: pid, 2: device_id, 3: n, 4: x25519, 5: xwing, 6: not_before, 7: not_after}."""

    pid: Pid
    device_id: DeviceId
    n: int  # from 1, durable before it is signed
    x25519: bytes
    not_before: int  # unix seconds
    xwing: bytes | None = None  # suite 2

    @property
    def not_after(self) -> int:
        """The end of its week and the one after."""
        return self.not_before + LIFE_SECONDS

    @property
    def suite(self) -> int:
        """The highest suite that can be sealed to it."""
        return SUITE_X25519 if self.xwing is None else SUITE_XWING

    def encode(self) -> bytes:
        """Return the octets that the device signs."""
        fields: dict[int, cbor.Value] = {
            0: _FORMAT,
            1: bytes(self.pid),
            2: bytes(self.device_id),
            3: self.n,
            4: self.x25519,
            6: self.not_before,
            7: self.not_after,
        }
        if self.xwing is not None:
            fields[5] = self.xwing
        return cbor.encode(fields)

    @classmethod
    def decode(cls, epoch_octets: bytes) -> Epoch:
        """Return the epoch that the octets spell; raises Untrusted(`canonical` or `format`)."""
        fields = Fields(cbor.decode(epoch_octets), "Epoch", (0, 1, 2, 3, 4, 6, 7), (5,))
        fields.uint(0, _FORMAT, _FORMAT)
        epoch = cls(
            Pid(fields.octets(1, DIGEST_OCTETS)),
            DeviceId(fields.octets(2, DEVICE_ID_OCTETS)),
            fields.uint(3, low=1),
            fields.octets(4, X25519_OCTETS),
            fields.uint(6, high=UINT_MAX - LIFE_SECONDS),
            fields.octets(5, XWING_OCTETS) if fields.has(5) else None,
        )
        if fields.uint(7) != epoch.not_after:
            raise misshapen("an epoch lives fourteen days")
        return epoch


class SignedEpoch(Struct, frozen=True):
    """[epoch bstr, sig], as read and not yet believed."""

    epoch_octets: bytes
    signature: bytes

    @classmethod
    def read(cls, value: cbor.Value) -> SignedEpoch:
        """Return what a decoded *value* spells; raises Untrusted(`format`)."""
        pair = array(value, "SignedEpoch", 2)
        return cls(
            octets(pair[0], "SignedEpoch.epoch"),
            octets(pair[1], "SignedEpoch.sig", SIGNATURE_OCTETS),
        )


class Chosen(Struct, frozen=True):
    """The key to seal to for one device."""

    device_id: DeviceId
    n: int
    x25519: bytes
    reduced: bool  # past its time: reduced forward secrecy, and the message is marked so
    suite: int = SUITE_X25519
    xwing: bytes | None = None


def new_epoch(
    pid: Pid, device_id: DeviceId, n: int, x25519: bytes, now: float, xwing: bytes | None = None
) -> Epoch:
    """Return epoch *n* of a device; it begins a day ago, for clocks that are behind."""
    return Epoch(pid, device_id, n, x25519, max(0, int(now) - DAY_SECONDS), xwing)


def sign_epoch(device_key: SigningKey, epoch: Epoch) -> bytes:
    """Return the SignedEpoch; *n* is durable already, so that it is never signed twice."""
    statement = epoch.encode()
    return cbor.encode([statement, sign(device_key, Use.EPOCH, statement)])


def renewal_due(newest: Epoch, now: float) -> bool:
    """Tell whether the device publishes the epoch after *newest* now."""
    return now >= newest.not_before + RENEW_AFTER_SECONDS


def deletable_from(not_after: int, next_acknowledged: int) -> int:
    """Return the time from which a sync must have begun for its end to delete the key.

    *next_acknowledged* is when the server acknowledged the epoch after this one.
    """
    return max(not_after, next_acknowledged + DAY_SECONDS) + KEEP_SECONDS


def verify_epoch(signed_epoch: bytes, state: State) -> Epoch:
    """Return the epoch that an active device of *state* stated.

    Raises:
        Untrusted: ``canonical``, ``format``, ``pid``, ``signer`` (no active device of that id)
            or ``bad-signature``.
    """
    signed, epoch = _read(signed_epoch)
    if epoch.pid != state.pid:
        raise Untrusted("pid", "an epoch of another passport")
    device = state.active_device(epoch.device_id)
    if device is None:
        raise Untrusted("signer", "an epoch of a device that is not active")
    _check_stated(signed, epoch, device.sign_pk)
    return epoch


@lru_cache(maxsize=_STATEMENTS_KEPT)
def _read(signed_epoch: bytes) -> tuple[SignedEpoch, Epoch]:
    """Return what the octets spell: the same ones come for a week with each card and message."""
    signed = SignedEpoch.read(cbor.decode(signed_epoch))
    return signed, Epoch.decode(signed.epoch_octets)


@lru_cache(maxsize=_STATEMENTS_KEPT)
def _check_stated(signed: SignedEpoch, epoch: Epoch, sign_pk: bytes) -> None:
    """Raise Untrusted unless *sign_pk* signed a key to seal to; what it once did it always did."""
    verify(sign_pk, Use.EPOCH, signed.epoch_octets, signed.signature)
    try:
        if epoch.xwing is not None:
            check_public(epoch.xwing)
    except UnusableKeyError as error:
        raise misshapen(f"an epoch key to which nothing can be sealed: {error}") from error
    if is_of_small_order(epoch.x25519):
        raise misshapen("an epoch key to which nothing can be sealed")


def choose_epochs(
    state: State, signed_epochs: Iterable[bytes], now: float, card_age: float
) -> list[Chosen]:
    """Return the keys to seal to at *now*, by device id; none at all means: defer.

    A statement that does not verify does not count, as if the server had kept it back.
    *card_age* is how long ago the server gave the card, in seconds: an old card serves only
    while its epochs are inside their time.  Identity §5.
    """
    newest: dict[DeviceId, Epoch] = {}
    for signed in signed_epochs:
        epoch = _believed(signed, state)
        if epoch is None or epoch.not_before > now:
            continue
        rival = newest.get(epoch.device_id)
        if rival is None or rival.n < epoch.n:
            newest[epoch.device_id] = epoch
    some_fresh = any(now <= epoch.not_after for epoch in newest.values())
    return [
        Chosen(device_id, epoch.n, epoch.x25519, now > epoch.not_after, epoch.suite, epoch.xwing)
        for device_id, epoch in sorted(newest.items())
        if _usable(epoch, now, card_age, some_fresh=some_fresh)
    ]


def _usable(epoch: Epoch, now: float, card_age: float, *, some_fresh: bool) -> bool:
    if now <= epoch.not_after:
        return True
    if card_age > CARD_FRESH_SECONDS:
        return False
    # a device asleep for sixty days catches up by the journal, if another one reads meanwhile
    return now <= epoch.not_after + ASLEEP_SECONDS or not some_fresh


def _believed(signed_epoch: bytes, state: State) -> Epoch | None:
    try:
        return verify_epoch(signed_epoch, state)
    except Untrusted:
        return None
