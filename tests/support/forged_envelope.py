"""Envelopes and bodies made by hand, one step wrong at a time, to see what a reader does.

Each edit gets the value of one layer and returns what stands there instead; everything outside
that layer is made correctly around it, so that the first failing check is the one meant.
"""

from collections.abc import Callable, Sequence
from typing import Any

import cbor2
from nacl.bindings import (
    crypto_box_seal,
    crypto_secretbox_easy,
    crypto_secretstream_xchacha20poly1305_init_push,
    crypto_secretstream_xchacha20poly1305_push,
    crypto_secretstream_xchacha20poly1305_state,
)
from nacl.signing import SigningKey

from mx_core.envelope.format import (
    CHUNK_OCTETS,
    CONTROL_NONCE,
    SUITE_1,
    BodyHead,
    body_commitment,
    context,
    control_key,
    envelope_commitment,
    hash_of_body,
    hash_of_message,
    packet_info,
    stream_key,
)
from mx_core.envelope.padding import BODY_FLOOR, CONTROL_FLOOR, padding
from mx_core.envelope.seal import SealedBody
from mx_core.envelope.statement import hash_of_ext
from mx_core.model.secret import Secret
from mx_core.notation import cbor
from mx_core.notation.xwing import seal_to
from tests.support.envelope import (
    ALICE_KEY,
    BOB,
    BOB_PID,
    CREATED,
    DELIVER_BY,
    DOOR_RECORD,
    MESSAGE,
    MSG_ID,
    alice,
    device_key,
    entropy_of,
    epoch_secret,
)

Edit = Callable[[Any], Any]
TAG_MESSAGE, TAG_PUSH, TAG_REKEY, TAG_FINAL = 0, 1, 2, 3


def as_is(value: Any) -> Any:
    return value


def put(**fields: Any) -> Edit:
    """Return an edit that sets keys: ``put(k5=7)`` sets key 5."""
    numbered = {int(key[1:]): value for key, value in fields.items()}
    return lambda value: {**value, **numbered}


def drop(*keys: int) -> Edit:
    """Return an edit that leaves keys out."""
    return lambda value: {key: field for key, field in value.items() if key not in keys}


def flip(octets: bytes, at: int, bit: int = 1) -> bytes:
    """Return *octets* with one bit altered."""
    at %= len(octets)
    return octets[:at] + bytes([octets[at] ^ bit]) + octets[at + 1 :]


def loosely(value: Any) -> bytes:
    """Encode without our profile: keys in the order given, any type."""
    return cbor2.dumps(value)


def with_long_number(octets: bytes) -> bytes:
    """Spell the ``00: 01`` at the front of a map as ``00: 18 01``: valid CBOR, not the shortest."""
    assert octets[1:3] == b"\x00\x01"
    return octets[:2] + b"\x18\x01" + octets[3:]


def forged_body(
    message: bytes = MESSAGE,
    *,
    pad: Callable[[bytes], bytes] = lambda message: message + padding(len(message), BODY_FLOOR),
    cut: Callable[[bytes], list[tuple[bytes, int]]] | None = None,
    commit: Edit = as_is,
    edit: Edit = as_is,
    length: Edit = as_is,
    text_hash: Edit = as_is,
    seed: bytes = b"forged body",
) -> SealedBody:
    """Seal *message*; ``cut`` says the chunks and their tags, ``edit`` alters the finished octets.

    What the statement will say is taken *after* ``edit``: a lying sender, not a thief under way.
    """
    entropy = entropy_of(seed)
    key, salt = entropy(32), entropy(32)
    commitment = commit(body_commitment(key, salt))
    state = crypto_secretstream_xchacha20poly1305_state()
    header = crypto_secretstream_xchacha20poly1305_init_push(state, stream_key(key, salt))
    body = BodyHead(salt, commitment, header).encode()
    for chunk, tag in (cut or well_cut)(pad(message)):
        body += crypto_secretstream_xchacha20poly1305_push(state, chunk, tag=tag)
    body = edit(body)
    return SealedBody(
        octets=body,
        key=Secret(key),
        commit=commitment,
        hash=hash_of_body(body),
        length=length(len(message)),
        text_hash=text_hash(hash_of_message(message)),
    )


def well_cut(padded: bytes, chunk: int = CHUNK_OCTETS) -> list[tuple[bytes, int]]:
    pieces = [padded[at : at + chunk] for at in range(0, len(padded), chunk)]
    return [*[(piece, TAG_MESSAGE) for piece in pieces[:-1]], (pieces[-1], TAG_FINAL)]


def well_padded_control(control: bytes) -> bytes:
    return control + padding(len(control), CONTROL_FLOOR)


def forged_envelope(
    body: SealedBody,
    *,
    suite: int = SUITE_1,
    info: bytes | None = None,
    public: Edit = as_is,
    encode_public: Callable[[Any], bytes] = cbor.encode,
    commit: Edit = as_is,
    packet: Edit = as_is,
    packets: Callable[[list[bytes]], list[bytes]] = sorted,
    to: Sequence[bytes] = (device_key(BOB).x25519,),
    dummies: int = 3,
    statement: Edit = as_is,
    encode_statement: Callable[[Any], bytes] = cbor.encode,
    use: str = "message",
    key: SigningKey = ALICE_KEY,
    signature: Edit = as_is,
    proof: bytes | None = None,
    ext: bytes | None = None,
    control: Edit = as_is,
    encode_control: Callable[[Any], bytes] = cbor.encode,
    pad: Callable[[bytes], bytes] = well_padded_control,
    seal_control: Edit = as_is,
    outer: Edit = as_is,
    encode_outer: Callable[[Any], bytes] = cbor.encode,
    magic: bytes = b"MXE1",
    edit: Edit = as_is,
    seed: bytes = b"forged envelope",
) -> bytes:
    """Seal as alice does for bob, with every layer open to an edit."""
    entropy = entropy_of(seed)
    env_key, salt = entropy(32), entropy(32)
    pub = encode_public(
        public({0: 1, 1: suite, 2: salt, 3: commit(envelope_commitment(env_key, salt))})
    )
    ctx = context(pub)
    spoken = encode_statement(statement({**honest_statement(body, ctx, proof, ext), 11: suite}))
    signed = key.sign(b"MailX v1 " + use.encode() + b"\0" + spoken).signature
    fields = {0: spoken, 1: signature(signed), 2: body.key.reveal()}
    fields |= {} if proof is None else {3: proof}
    fields |= {} if ext is None else {4: ext}
    plain = pad(encode_control(control(fields)))
    sealed = seal_control(crypto_secretbox_easy(plain, CONTROL_NONCE, control_key(env_key, salt)))
    nobody = [device_key(epoch_secret(100 + dummy, suite=suite)) for dummy in range(dummies)]
    if suite == SUITE_1:
        made = [crypto_box_seal(packet(env_key + ctx), public_key) for public_key in to]
        made += [crypto_box_seal(entropy(64), device.x25519) for device in nobody]
    else:
        tied = packet_info(ctx) if info is None else info
        made = [seal_to(public_key, packet(env_key + ctx), tied) for public_key in to]
        made += [seal_to(device.xwing or b"", entropy(64), tied) for device in nobody]
    edited: bytes = edit(magic + encode_outer(outer({0: pub, 1: packets(made), 2: sealed})))
    return edited


def honest_statement(
    body: SealedBody, ctx: bytes, proof: bytes | None, ext: bytes | None
) -> dict[int, Any]:
    return {
        0: MSG_ID,
        1: "alice@a.example",
        2: alice().pid,
        3: alice().device_id,
        4: BOB_PID,
        5: CREATED,
        6: DELIVER_BY,
        7: body.commit,
        8: body.hash,
        9: body.length,
        10: body.text_hash,
        11: 1,
        12: ctx,
        13: alice().seq,
        14: alice().head,
        15: 1,
        16: hash_of_ext(proof, ext),
    }


def as_door(value: dict[int, Any]) -> dict[int, Any]:
    """Turn an honest statement into one of kind 4."""
    made: dict[int, Any] = put(k1="", k15=4, k17=DOOR_RECORD.to_value())(drop(2, 3, 13, 14)(value))
    return made
