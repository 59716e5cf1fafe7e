"""MXE1 and MXB1 as octets: the outer envelope, its public half, the control block, the body's head.

Knows layout and limits, and hashes that follow from the layout; knows no keys but those handed
in, and trusts nothing.  Reading order and failure classes: spec/envelope §7 and §8.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from msgspec import Struct
from nacl.bindings import crypto_secretbox_NONCEBYTES

from mx_core.envelope.failure import EnvelopeFailure, refuse
from mx_core.envelope.padding import BODY_FLOOR, padded_length
from mx_core.envelope.shape import array, keyed, octets, uint
from mx_core.model.octets import Octets
from mx_core.notation import cbor
from mx_core.notation.cbor import Value
from mx_core.notation.hashing import DIGEST_OCTETS, LongPart, b2
from mx_core.notation.signing import SIGNATURE_OCTETS

ENVELOPE_MAGIC: Final = b"MXE1"
BODY_MAGIC: Final = b"MXB1"
_OF_BODY: Final = "MX1.body.ct"
_OF_MESSAGE: Final = "MX1.body.pt"
VERSION: Final = 1
SUITE_1: Final = 1  # X25519 sealed box, XSalsa20-Poly1305, XChaCha20-Poly1305 stream
SUITE_2: Final = 2  # packets to X-Wing by HPKE, the rest as in suite 1

KEY_OCTETS: Final = 32
SALT_OCTETS: Final = 32
STREAM_HEADER_OCTETS: Final = 24
CHUNK_OCTETS: Final = 1 << 16
CHUNK_OVERHEAD_OCTETS: Final = 17
PACKET_OCTETS: Final = {SUITE_1: 112, SUITE_2: 1200}  # env_key 32, ctx 32, and the sealing
PACKET_COUNTS: Final = (4, 8, 16)
CONTROL_NONCE: Final = bytes(crypto_secretbox_NONCEBYTES)  # zeros: its key seals once

BODY_HEAD_OCTETS: Final = len(BODY_MAGIC) + SALT_OCTETS + DIGEST_OCTETS + STREAM_HEADER_OCTETS
ENVELOPE_OCTETS_MAX: Final = 1 << 16
MESSAGE_OCTETS_MAX: Final = 64 << 20


def body_octets(message_octets: int) -> int:
    """Return the size of the MXB1 of a message of that many octets; there is only one."""
    padded = padded_length(message_octets, BODY_FLOOR)
    chunks = -(-padded // CHUNK_OCTETS)
    return BODY_HEAD_OCTETS + padded + chunks * CHUNK_OVERHEAD_OCTETS


BODY_OCTETS_MAX: Final = body_octets(MESSAGE_OCTETS_MAX)


def packet_info(ctx: bytes) -> bytes:
    """Return what ties a packet of suite 2 to its envelope: the ``info`` of HPKE."""
    return b"MX1.packet" + ctx


def context(public: bytes) -> bytes:
    """Return ``ctx``: what ties packets and statement to this public half."""
    return b2("MX1.ctx", [public])


def envelope_commitment(env_key: bytes, salt: bytes) -> bytes:
    """Return the commitment that shows *env_key* to be the only key of its control block."""
    return b2("MX1.env.commit", [salt], key=env_key)


def control_key(env_key: bytes, salt: bytes) -> bytes:
    """Return the secretbox key of the control block."""
    return b2("MX1.env.ctl", [salt], key=env_key)


def body_commitment(body_key: bytes, salt: bytes) -> bytes:
    """Return the commitment that shows *body_key* to be the only key of its body."""
    return b2("MX1.body.commit", [salt], key=body_key)


def stream_key(body_key: bytes, salt: bytes) -> bytes:
    """Return the secretstream key of a body."""
    return b2("MX1.body.key", [salt], key=body_key)


def hash_of_body(body: bytes) -> bytes:
    """Return S.8: over the whole MXB1, from magic to last chunk."""
    return b2(_OF_BODY, [body])


def hash_of_message(message: bytes) -> bytes:
    """Return S.10: over the message without its padding."""
    return b2(_OF_MESSAGE, [message])


def long_hashes(length: int, sealed_length: int) -> tuple[LongPart, LongPart]:
    """Return what makes S.8 and S.10 of pieces: of a body of *sealed_length*, a message of *length*."""
    return LongPart(_OF_BODY, sealed_length), LongPart(_OF_MESSAGE, length)


class Public(Struct, frozen=True):
    """The half that a server sees: ``pub``."""

    salt: bytes
    commitment: bytes
    suite: int = SUITE_1

    def encode(self) -> bytes:
        """Return ``pub`` as it stands in the envelope."""
        return cbor.encode({0: VERSION, 1: self.suite, 2: self.salt, 3: self.commitment})

    @classmethod
    def decode(cls, public: bytes) -> Public:
        """Read ``pub``; version and suite are judged before what they give meaning to.

        Raises:
            Untrusted: ``canonical``, ``format``, ``version`` or ``suite``.
        """
        value = cbor.decode(public)
        if not isinstance(value, dict) or not {0, 1} <= value.keys():
            raise refuse(EnvelopeFailure.FORMAT, "the envelope names no version and suite")
        if uint(value[0]) != VERSION:
            raise refuse(EnvelopeFailure.VERSION, "the envelope needs a newer version")
        suite = uint(value[1])
        if suite not in PACKET_OCTETS:
            raise refuse(EnvelopeFailure.SUITE, "the envelope uses a suite that is not known here")
        field = keyed(value, frozenset(range(4)))
        return cls(octets(field[2], SALT_OCTETS), octets(field[3], DIGEST_OCTETS), suite)


class Envelope(Struct, frozen=True):
    """MXE1 taken apart; ``public`` keeps the octets received, because ``ctx`` is their hash."""

    public: bytes
    packets: tuple[bytes, ...]
    control: bytes

    def encode(self) -> bytes:
        """Return the MXE1; packets in the order given."""
        packets: list[Value] = list(self.packets)
        return ENVELOPE_MAGIC + cbor.encode({0: self.public, 1: packets, 2: self.control})

    @classmethod
    def decode(cls, envelope: bytes) -> tuple[Envelope, Public]:
        """Take *envelope* apart and read its public half.

        Raises:
            Untrusted: ``size``, ``magic``, ``canonical``, ``format``, ``version``, ``suite``.
        """
        if len(envelope) > ENVELOPE_OCTETS_MAX:
            raise refuse(EnvelopeFailure.SIZE, "the envelope is larger than 64 KiB")
        if not envelope.startswith(ENVELOPE_MAGIC):
            raise refuse(EnvelopeFailure.MAGIC, "these octets are no MXE1 envelope")
        field = keyed(cbor.decode(envelope[len(ENVELOPE_MAGIC) :]), frozenset(range(3)))
        public = octets(field[0])
        head = Public.decode(public)
        packets = tuple(octets(packet, PACKET_OCTETS[head.suite]) for packet in array(field[1]))
        _check_packets(packets)
        return cls(public, packets, octets(field[2])), head


class Control(Struct, frozen=True):
    """The sealed control block, without its padding."""

    statement: bytes
    signature: bytes
    body_key: bytes
    proof: bytes | None  # the sender's Card, or None if the recipient is known to hold it
    ext: bytes | None

    def encode(self) -> bytes:
        """Return the CBOR of the block."""
        fields: dict[int, Value] = {0: self.statement, 1: self.signature, 2: self.body_key}
        if self.proof is not None:
            fields[3] = self.proof
        if self.ext is not None:
            fields[4] = self.ext
        return cbor.encode(fields)

    @classmethod
    def decode(cls, control: bytes) -> Control:
        """Read the block.

        A present but empty ``proof`` or ``ext`` is refused: its hash would be that of an absent one.

        Raises:
            Untrusted: ``canonical`` or ``format``.
        """
        field = keyed(cbor.decode(control), frozenset({0, 1, 2}), frozenset({3, 4}))
        return cls(
            statement=octets(field[0]),
            signature=octets(field[1], SIGNATURE_OCTETS),
            body_key=octets(field[2], KEY_OCTETS),
            proof=_filled(field.get(3)),
            ext=_filled(field.get(4)),
        )


class BodyHead(Struct, frozen=True):
    """The 92 octets in front of the chunks."""

    salt: bytes
    commitment: bytes
    stream_header: bytes

    def encode(self) -> bytes:
        """Return the head with its magic."""
        return BODY_MAGIC + self.salt + self.commitment + self.stream_header

    @classmethod
    def decode(cls, body: Octets) -> BodyHead:
        """Read the head of *body*.

        Raises:
            Untrusted: ``size`` or ``magic``.
        """
        if len(body) > BODY_OCTETS_MAX:
            raise refuse(EnvelopeFailure.SIZE, "the body is larger than 64 MiB and its overhead")
        head = body[0:BODY_HEAD_OCTETS]
        if not head.startswith(BODY_MAGIC):
            raise refuse(EnvelopeFailure.MAGIC, "these octets are no MXB1 body")
        if len(head) < BODY_HEAD_OCTETS:
            raise refuse(EnvelopeFailure.SIZE, "the body ends inside its head")
        at = len(BODY_MAGIC)
        salt, at = head[at : at + SALT_OCTETS], at + SALT_OCTETS
        commitment, at = head[at : at + DIGEST_OCTETS], at + DIGEST_OCTETS
        return cls(salt, commitment, head[at : at + STREAM_HEADER_OCTETS])


def _check_packets(packets: Sequence[bytes]) -> None:
    if len(packets) not in PACKET_COUNTS:
        raise refuse(EnvelopeFailure.FORMAT, "the envelope's packets are not 4, 8 or 16")
    if any(first >= second for first, second in pairwise(packets)):
        raise refuse(EnvelopeFailure.FORMAT, "the envelope's packets are not in order")


def _filled(value: Value | None) -> bytes | None:
    if value is None:
        return None
    if not (filled := octets(value)):
        raise refuse(EnvelopeFailure.FORMAT, "an empty field should have been left out")
    return filled
