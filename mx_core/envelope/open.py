"""Envelope and body become a message again, in two steps with a judgement between them.

1. ``open_control`` finds the packet and yields *claims*; what they claim is not yet believed.
2. The caller judges the stapled proof (``directory.reader_check``) and so learns the signing key.
3. ``verify_statement`` checks the signature and that the mail was sealed for this mailbox; the
   caller then checks that ``msg_id`` is unseen.
4. ``open_body`` yields the message, whole, after the last check and never before; or ``check_body``
   makes all checks, and what it returns yields the message in pieces.

Order of checks and failure classes: spec/envelope §7.  ``deliver_by`` is not judged here: a
device opens whatever its server accepted in time (identity §5).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO

from nacl.bindings import (
    crypto_secretbox_open_easy,
    crypto_secretstream_xchacha20poly1305_init_pull,
    crypto_secretstream_xchacha20poly1305_pull,
    crypto_secretstream_xchacha20poly1305_state,
    crypto_secretstream_xchacha20poly1305_TAG_FINAL,
    crypto_secretstream_xchacha20poly1305_TAG_MESSAGE,
)
from nacl.exceptions import CryptoError
from nacl.exceptions import RuntimeError as SodiumError

from mx_core.envelope.failure import EnvelopeFailure, refuse
from mx_core.envelope.format import (
    BODY_HEAD_OCTETS,
    CHUNK_OCTETS,
    CHUNK_OVERHEAD_OCTETS,
    CONTROL_NONCE,
    KEY_OCTETS,
    BodyHead,
    Control,
    Envelope,
    body_commitment,
    context,
    control_key,
    envelope_commitment,
    hash_of_body,
    hash_of_message,
    long_hashes,
    stream_key,
)
from mx_core.envelope.identity import EpochSecret, newest_first
from mx_core.envelope.padding import BODY_FLOOR, CONTROL_FLOOR, ContentEnd, content_length
from mx_core.envelope.statement import Kind, Statement, hash_of_ext
from mx_core.model.errors import Untrusted
from mx_core.model.ids import Pid
from mx_core.model.octets import Octets, pieces
from mx_core.model.secret import Secret
from mx_core.notation.signing import Use, verify

_SECRETBOX_OVERHEAD_OCTETS = 16
_SEALED_CHUNK_OCTETS = CHUNK_OCTETS + CHUNK_OVERHEAD_OCTETS
_CHUNKS_AT_ONCE = 16  # that are read of a body


@dataclass(frozen=True, slots=True)
class OpenedControl:
    """What an envelope holds; ``claimed`` is unverified until ``verify_statement`` returns it."""

    claimed: Statement
    statement_octets: bytes = field(repr=False)
    signature: bytes
    body_key: Secret[bytes]
    proof: bytes | None = field(repr=False)
    ext: bytes | None = field(repr=False)
    epoch: EpochSecret  # the key that opened it


def open_control(envelope: bytes, keys: Sequence[EpochSecret]) -> OpenedControl:
    """Return the claims of *envelope*, opened with one of the newest four *keys*.

    Raises:
        Untrusted: a class of spec/envelope §8, up to ``proof-hash``.
    """
    outer, public = Envelope.decode(envelope)
    ctx = context(outer.public)
    epoch, packet = _find_packet(outer.packets, newest_first(keys), ctx, public.suite)
    env_key = packet[:KEY_OCTETS]
    if packet[KEY_OCTETS:] != ctx:
        raise refuse(EnvelopeFailure.CONTEXT, "the key packet belongs to another envelope")
    if envelope_commitment(env_key, public.salt) != public.commitment:
        raise refuse(EnvelopeFailure.ENVELOPE_COMMITMENT, "the envelope is bound to another key")
    control = _open_control_block(outer.control, control_key(env_key, public.salt))
    claimed = Statement.decode(control.statement)
    if claimed.kind is Kind.DOOR and control.proof is not None:
        raise refuse(EnvelopeFailure.FORMAT, "a door carries no proof")
    if claimed.suite != public.suite or claimed.ctx != ctx:
        raise refuse(EnvelopeFailure.CONTEXT, "the statement was made for another envelope")
    if hash_of_ext(control.proof, control.ext) != claimed.ext_hash:
        raise refuse(EnvelopeFailure.PROOF_HASH, "the proof is not the one that was signed")
    return OpenedControl(
        claimed=claimed,
        statement_octets=control.statement,
        signature=control.signature,
        body_key=Secret(control.body_key),
        proof=control.proof,
        ext=control.ext,
        epoch=epoch,
    )


def verify_statement(opened: OpenedControl, *, sign_pk: bytes, my_pid: Pid) -> Statement:
    """Return the statement, now known to be by the holder of *sign_pk* and for *my_pid*.

    For kinds 1–3 *sign_pk* is the device's key from the judged proof; for kind 4 it is the
    ``door`` role key of the own home domain, and of no other.

    Raises:
        Untrusted: ``signature`` or ``recipient``.
    """
    use = Use.DOOR if opened.claimed.kind is Kind.DOOR else Use.MESSAGE
    try:
        verify(sign_pk, use, opened.statement_octets, opened.signature)
    except Untrusted as error:
        raise refuse(EnvelopeFailure.SIGNATURE, "the sender's signature does not hold") from error
    if opened.claimed.recipient_pid != my_pid:
        # a recipient has wrapped the key anew for a third person (Davis 2001)
        raise refuse(EnvelopeFailure.RECIPIENT, "the mail was sealed for somebody else")
    return opened.claimed


def open_body(body: bytes, opened: OpenedControl, statement: Statement) -> bytes:
    """Return the whole message of *body*, for the *statement* that ``verify_statement`` gave.

    Raises:
        Untrusted: a class of spec/envelope §8, from ``size`` and ``magic`` to ``text-hash``.
    """
    return open_body_later(body, opened.body_key, statement)


def open_body_later(body: bytes, key: Secret[bytes], statement: Statement) -> bytes:
    """As ``open_body``, when only the *key* of the body was kept of what was opened."""
    head = _bound_head(body, key, statement)
    if hash_of_body(body) != statement.body_hash:
        raise _other_body()
    plain = BytesIO()
    for chunk in _pulled(body, head, stream_key(key.reveal(), head.salt)):
        plain.write(chunk)
    with plain.getbuffer() as padded:
        length = content_length(padded, BODY_FLOOR)
    if length != statement.length:
        raise _other_length()
    plain.truncate(length)
    message = plain.getvalue()
    if hash_of_message(message) != statement.text_hash:
        raise _other_message()
    return message


@dataclass(frozen=True, slots=True)
class CheckedBody:
    """A body of which all checks were made: its message in pieces, as often as they are asked for."""

    length: int  # octets of the message
    _body: Octets = field(repr=False)
    _head: BodyHead
    _key: Secret[bytes]

    def pieces(self) -> Iterator[bytes]:
        """Yield the message, 64 KiB at a time."""
        left = self.length
        for chunk in _pulled(self._body, self._head, self._key.reveal()):
            if left:
                yield chunk[:left]
            left -= min(left, len(chunk))


def check_body(body: Octets, key: Secret[bytes], statement: Statement) -> CheckedBody:
    """Make the checks of ``open_body_later`` without holding the message or *body*, which must not change.

    Raises:
        Untrusted: As ``open_body``.
    """
    head = _bound_head(body, key, statement)
    of_body, of_message = long_hashes(statement.length, len(body))
    for piece in pieces(body):
        of_body.add(piece)
    if of_body.digest() != statement.body_hash:
        raise _other_body()
    stream = Secret(stream_key(key.reveal(), head.salt))
    end, left = ContentEnd(), statement.length
    for chunk in _pulled(body, head, stream.reveal()):
        end.add(chunk)
        of_message.add(chunk[:left])
        left -= min(left, len(chunk))
    if end.length(BODY_FLOOR) != statement.length:
        raise _other_length()
    if of_message.digest() != statement.text_hash:
        raise _other_message()
    return CheckedBody(statement.length, body, head, stream)


def _bound_head(body: Octets, key: Secret[bytes], statement: Statement) -> BodyHead:
    head = BodyHead.decode(body)
    bound = body_commitment(key.reveal(), head.salt)
    if not (statement.body_commit == head.commitment == bound):
        raise refuse(EnvelopeFailure.BODY_COMMITMENT, "the body is bound to another key")
    return head


def _other_body() -> Untrusted:
    return refuse(EnvelopeFailure.BODY_HASH, "the body is not the one that was signed")


def _other_length() -> Untrusted:
    return refuse(EnvelopeFailure.LENGTH, "the message is not as long as was signed")


def _other_message() -> Untrusted:
    return refuse(EnvelopeFailure.TEXT_HASH, "the message is not the one that was signed")


def _find_packet(
    packets: Sequence[bytes], keys: Sequence[EpochSecret], ctx: bytes, suite: int
) -> tuple[EpochSecret, bytes]:
    """Return the first packet that one of *keys* opens: at most 16 × 4 attempts."""
    for packet in packets:
        for key in keys:
            opened = key.opened(packet, ctx, suite)
            if opened is not None:
                return key, opened
    raise refuse(EnvelopeFailure.NO_PACKET, "the envelope was sealed to none of this device's keys")


def _open_control_block(sealed: bytes, key: bytes) -> Control:
    if len(sealed) < _SECRETBOX_OVERHEAD_OCTETS:
        raise refuse(EnvelopeFailure.CONTROL, "the control block is cut short")
    try:
        padded = crypto_secretbox_open_easy(sealed, CONTROL_NONCE, key)
    except CryptoError as error:
        raise refuse(EnvelopeFailure.CONTROL, "the control block was altered") from error
    return Control.decode(padded[: content_length(padded, CONTROL_FLOOR)])


def _pulled(body: Octets, head: BodyHead, key: bytes) -> Iterator[bytes]:
    """Yield the padded message; nothing follows the final chunk and nothing is missing."""
    state = crypto_secretstream_xchacha20poly1305_state()
    crypto_secretstream_xchacha20poly1305_init_pull(state, head.stream_header, key)
    for sealed, more in _sealed_chunks(body):
        chunk, tag = _pull(state, sealed)
        final = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL
        if final and more:
            raise refuse(EnvelopeFailure.TRAILING, "octets follow the end of the body")
        yield chunk
        if final:
            return
    raise refuse(EnvelopeFailure.TRUNCATED, "the body ends before its final chunk")


def _sealed_chunks(body: Octets) -> Iterator[tuple[bytes, bool]]:
    """Yield each chunk, and whether octets follow it."""
    step = _CHUNKS_AT_ONCE * _SEALED_CHUNK_OCTETS
    for start in range(BODY_HEAD_OCTETS, len(body), step):
        some = body[start : start + step]
        for at in range(0, len(some), _SEALED_CHUNK_OCTETS):
            sealed = some[at : at + _SEALED_CHUNK_OCTETS]
            yield sealed, start + at + len(sealed) < len(body)


def _pull(state: crypto_secretstream_xchacha20poly1305_state, sealed: bytes) -> tuple[bytes, int]:
    if len(sealed) <= CHUNK_OVERHEAD_OCTETS:
        raise refuse(EnvelopeFailure.CHUNK, "a chunk of the body holds nothing")
    try:
        chunk, tag = crypto_secretstream_xchacha20poly1305_pull(state, sealed)
    except (CryptoError, SodiumError) as error:
        raise refuse(EnvelopeFailure.CHUNK, "a chunk of the body was altered or moved") from error
    if tag not in {
        crypto_secretstream_xchacha20poly1305_TAG_MESSAGE,
        crypto_secretstream_xchacha20poly1305_TAG_FINAL,
    }:
        raise refuse(EnvelopeFailure.CHUNK, "a chunk of the body carries a foreign tag")
    return chunk, tag
