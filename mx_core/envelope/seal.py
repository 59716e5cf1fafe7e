"""A message becomes one body; body and recipient become one envelope.  Spec/envelope §6.

The caller has verified the recipient's epochs and chosen one per device.  ``entropy`` is the
caller's source of randomness; libsodium draws the ephemeral keys of packets and the header of
the stream by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from typing import Protocol

import nacl.exceptions
from msgspec import Struct
from nacl.bindings import (
    crypto_box_seal,
    crypto_box_SEALBYTES,
    crypto_secretbox_easy,
    crypto_secretstream_xchacha20poly1305_init_push,
    crypto_secretstream_xchacha20poly1305_push,
    crypto_secretstream_xchacha20poly1305_state,
    crypto_secretstream_xchacha20poly1305_TAG_FINAL,
    crypto_secretstream_xchacha20poly1305_TAG_MESSAGE,
)
from nacl.public import PrivateKey
from nacl.signing import SigningKey

from mx_core.envelope.failure import EnvelopeFailure, refuse
from mx_core.envelope.format import (
    CHUNK_OCTETS,
    CONTROL_NONCE,
    ENVELOPE_OCTETS_MAX,
    KEY_OCTETS,
    MESSAGE_OCTETS_MAX,
    PACKET_COUNTS,
    SALT_OCTETS,
    SUITE_1,
    SUITE_2,
    BodyHead,
    Control,
    Envelope,
    Public,
    body_commitment,
    body_octets,
    context,
    control_key,
    envelope_commitment,
    long_hashes,
    packet_info,
    stream_key,
)
from mx_core.envelope.padding import BODY_FLOOR, CONTROL_FLOOR, padding
from mx_core.envelope.statement import (
    DoorRecord,
    Kind,
    PersonSender,
    Statement,
    hash_of_ext,
)
from mx_core.model.address import Address
from mx_core.model.errors import MessageTooLarge, Untrusted
from mx_core.model.ids import DeviceId, EnvId, MsgId, Pid
from mx_core.model.octets import Octets
from mx_core.model.secret import Secret
from mx_core.notation.hashing import b2_plain
from mx_core.notation.signing import Use, sign
from mx_core.notation.xwing import SEED_OCTETS, UnusableKeyError, XWingSecret, seal_to

Entropy = Callable[[int], bytes]  # ``secrets.token_bytes`` in programs


class DeviceKey(Struct, frozen=True):
    """One device of the recipient, and the epoch chosen for it."""

    device_id: DeviceId
    n: int
    x25519: bytes
    xwing: bytes | None = None  # in suite 2


@dataclass(frozen=True, slots=True)
class Sender:
    """The sealing device, and what its envelopes say of it."""

    address: Address
    pid: Pid
    device_id: DeviceId
    seq: int
    head: bytes
    signing_key: SigningKey = field(repr=False)
    proof: bytes | None  # own Card without epochs; None once the recipient holds our head


@dataclass(frozen=True, slots=True)
class DoorSender:
    """The door, and what it saw."""

    record: DoorRecord
    signing_key: SigningKey = field(repr=False)


@dataclass(frozen=True, slots=True)
class SealedBody:
    """An MXB1 and what statements say of it; To and Cc share one, each Bcc has its own."""

    octets: Octets = field(repr=False)
    key: Secret[bytes]
    commit: bytes
    hash: bytes
    length: int
    text_hash: bytes


class Sink(Protocol):
    """Where the octets of a body go."""

    def write(self, octets: bytes, /) -> object:
        """Add *octets*."""

    def octets(self) -> Octets:
        """Return all of them; nothing is added any more."""


class _InMemory(BytesIO):
    def octets(self) -> bytes:
        return self.getvalue()  # hands the buffer over without a copy


def seal_body(message: Octets, entropy: Entropy, into: Sink | None = None) -> SealedBody:
    """Return *message* sealed under a fresh key, with its octets in *into*, else in memory.

    Of either no more than a chunk at a time is looked at.

    Raises:
        MessageTooLarge: More than 64 MiB.
    """
    if len(message) > MESSAGE_OCTETS_MAX:
        raise MessageTooLarge("the message is larger than the network takes (64 MiB)")
    key, salt = entropy(KEY_OCTETS), entropy(SALT_OCTETS)
    commit = body_commitment(key, salt)
    state = crypto_secretstream_xchacha20poly1305_state()
    header = crypto_secretstream_xchacha20poly1305_init_push(state, stream_key(key, salt))
    sealed = _InMemory() if into is None else into
    length = len(message)
    of_body, of_message = long_hashes(length, body_octets(length))

    def put(octets: bytes) -> None:
        sealed.write(octets)
        of_body.add(octets)

    put(BodyHead(salt, commit, header).encode())
    for chunk, kept, last in _chunks(message):
        of_message.add(chunk[:kept])
        tag = (
            crypto_secretstream_xchacha20poly1305_TAG_FINAL
            if last
            else crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
        )
        put(crypto_secretstream_xchacha20poly1305_push(state, chunk, tag=tag))
    return SealedBody(
        sealed.octets(), Secret(key), commit, of_body.digest(), length, of_message.digest()
    )


def seal_envelope(
    body: SealedBody,
    sender: Sender | DoorSender,
    recipient_pid: Pid,
    devices: Sequence[DeviceKey],
    *,
    msg_id: MsgId,
    created: int,
    deliver_by: int,
    ext: bytes = b"",
    kind: Kind = Kind.MAIL,
    suite: int = SUITE_1,
    entropy: Entropy,
    signed: Callable[[bytes], None] | None = None,
) -> bytes:
    """Return the MXE1 that brings *body* to the mailbox of *recipient_pid*.

    Resealing (identity §5) calls this again with the same *body* and *msg_id*.  *kind* says what
    a person's device sends; what a door sends is always of kind 4.  *suite* is one that all
    *devices* have.  *signed* is told the octets of S, by which a receipt names the message.

    Raises:
        MessageTooLarge: Proof and ext do not fit into 64 KiB.
        Untrusted: ``device-key``: a device published a key to which nothing can be sealed.
    """
    env_key, salt = entropy(KEY_OCTETS), entropy(SALT_OCTETS)
    public = Public(salt, envelope_commitment(env_key, salt), suite).encode()
    ctx = context(public)
    proof: bytes | None
    by: PersonSender | DoorRecord
    if isinstance(sender, Sender):
        use, name, proof = Use.MESSAGE, str(sender.address.canonical()), sender.proof or None
        by = PersonSender(sender.pid, sender.device_id, sender.seq, sender.head)
    else:
        use, name, proof, kind, by = Use.DOOR, "", None, Kind.DOOR, sender.record
    statement = Statement(
        msg_id=msg_id,
        sender=name,
        recipient_pid=recipient_pid,
        created=created,
        deliver_by=deliver_by,
        body_commit=body.commit,
        body_hash=body.hash,
        length=body.length,
        text_hash=body.text_hash,
        suite=suite,
        ctx=ctx,
        kind=kind,
        ext_hash=hash_of_ext(proof, ext),
        by=by,
    ).encode()
    signature = sign(sender.signing_key, use, statement)
    if signed is not None:
        signed(statement)
    control = Control(statement, signature, body.key.reveal(), proof, ext or None).encode()
    control += padding(len(control), CONTROL_FLOOR)
    sealed_control = crypto_secretbox_easy(control, CONTROL_NONCE, control_key(env_key, salt))
    packets = _packets(env_key + ctx, devices, _sealer(suite, ctx, entropy), entropy)
    envelope = Envelope(public, packets, sealed_control).encode()
    if len(envelope) > ENVELOPE_OCTETS_MAX:
        raise MessageTooLarge("the proof of the sender does not fit into an envelope of 64 KiB")
    return envelope


def env_id(envelope: bytes) -> EnvId:
    """Return the name of *envelope* on the wire and in databases."""
    return EnvId(b2_plain(envelope))


def _chunks(message: Octets) -> Iterator[tuple[bytes, int, bool]]:
    """Yield the padded message in pieces of 64 KiB: with how much of it is message; the last one marked."""
    pad = padding(len(message), BODY_FLOOR)
    total = len(message) + len(pad)
    for start in range(0, total, CHUNK_OCTETS):
        end = min(start + CHUNK_OCTETS, total)
        of_message = message[start:end]
        of_pad = pad[max(0, start - len(message)) : max(0, end - len(message))]
        yield of_message + of_pad, len(of_message), end == total


def _packets(
    secret: bytes, devices: Sequence[DeviceKey], sealer: _Sealer, entropy: Entropy
) -> tuple[bytes, ...]:
    """Seal *secret* to each device; dummies to keys that nobody holds fill up to 4, 8 or 16."""
    count = next((count for count in PACKET_COUNTS if 0 < len(devices) <= count), None)
    if count is None:
        raise ValueError("an envelope is sealed to 1–16 devices")
    sealed = [sealer.to(device, secret) for device in devices]
    sealed += [sealer.to_nobody(entropy(len(secret))) for _ in range(count - len(devices))]
    return tuple(sorted(sealed))


class _Sealer(Protocol):
    """How a packet of one suite is sealed."""

    def to(self, device: DeviceKey, secret: bytes) -> bytes:
        """Return the packet; raises Untrusted(`device-key`)."""

    def to_nobody(self, filler: bytes) -> bytes:
        """Return a packet like the others, to a key that nobody holds."""


def _sealer(suite: int, ctx: bytes, entropy: Entropy) -> _Sealer:
    return _XWingSealer(packet_info(ctx), entropy) if suite == SUITE_2 else _BoxSealer(entropy)


class _BoxSealer(Struct, frozen=True):
    """Suite 1."""

    entropy: Entropy

    def to(self, device: DeviceKey, secret: bytes) -> bytes:
        return self._seal(device.x25519, secret)

    def to_nobody(self, filler: bytes) -> bytes:
        # a sealed box is a key of its own and octets that none but the reader can tell from random
        public = bytes(PrivateKey(self.entropy(KEY_OCTETS)).public_key)
        return public + filler + self.entropy(crypto_box_SEALBYTES - len(public))

    def _seal(self, public_key: bytes, secret: bytes) -> bytes:
        try:
            return crypto_box_seal(secret, public_key)
        except (nacl.exceptions.RuntimeError, nacl.exceptions.ValueError) as error:
            # libsodium refuses keys of low order: anybody could read the packet
            raise _unusable() from error


class _XWingSealer(Struct, frozen=True):
    """Suite 2."""

    info: bytes
    entropy: Entropy

    def to(self, device: DeviceKey, secret: bytes) -> bytes:
        if device.xwing is None:
            raise _unusable()
        try:
            return seal_to(device.xwing, secret, self.info)
        except UnusableKeyError as error:
            raise _unusable() from error

    def to_nobody(self, filler: bytes) -> bytes:
        return seal_to(_nobody(self.entropy), filler, self.info)


@lru_cache(maxsize=1)
def _nobody(entropy: Entropy) -> bytes:
    """Return an X-Wing key whose private half is forgotten here; one serves all dummies.

    HPKE draws a key of its own for each packet, which does not tell for which key it was made.
    """
    return XWingSecret(entropy(SEED_OCTETS)).public


def _unusable() -> Untrusted:
    return refuse(EnvelopeFailure.DEVICE_KEY, "a device published an unusable key")
