"""What the envelope costs: time and octets, for a usual mail and a large one.  Spec/envelope."""

import secrets
import statistics
import time
from collections.abc import Callable

from nacl.public import PrivateKey
from nacl.signing import SigningKey

from bench.rows import Row
from mx_core.envelope.identity import EpochSecret
from mx_core.envelope.open import open_body, open_control, verify_statement
from mx_core.envelope.seal import DeviceKey, SealedBody, Sender, seal_body, seal_envelope
from mx_core.model.address import Address
from mx_core.model.ids import DeviceId, MsgId, Pid
from mx_core.model.octets import whole

USUAL_OCTETS = 10_240
LARGE_OCTETS = 25 << 20
PROOF_OCTETS = 1_200  # a card of a young passport, without epochs
ROUNDS = 300
LARGE_ROUNDS = 5
BOB = Pid(secrets.token_bytes(32))
SIGNING_KEY = SigningKey.generate()
DEVICES = [EpochSecret(DeviceId(secrets.token_bytes(16)), 1, PrivateKey.generate()) for _ in "123"]


def measure() -> list[Row]:
    message = secrets.token_bytes(USUAL_OCTETS)
    body, envelope = sealed(message)
    large = secrets.token_bytes(LARGE_OCTETS)
    large_body, large_envelope = sealed(large)
    seal_ms = milliseconds(lambda: sealed(message), ROUNDS)
    open_ms = milliseconds(lambda: opened(whole(body.octets), envelope), ROUNDS)
    seal_large = milliseconds(lambda: sealed(large), LARGE_ROUNDS)
    open_large = milliseconds(
        lambda: opened(whole(large_body.octets), large_envelope), LARGE_ROUNDS
    )
    large_mb = LARGE_OCTETS / 1e6
    return [
        Row("seal 10 KB to 3 devices, p50", "ms", "lower", seal_ms, ROUNDS, floor=4.0, goal=2.0),
        Row("open and verify it, p50", "ms", "lower", open_ms, ROUNDS, floor=2.0, goal=0.5),
        Row(
            "seal 25 MiB",
            "MB/s",
            "higher",
            large_mb / seal_large * 1e3,
            LARGE_ROUNDS,
            floor=50,
            goal=150,
        ),
        Row(
            "open 25 MiB",
            "MB/s",
            "higher",
            large_mb / open_large * 1e3,
            LARGE_ROUNDS,
            floor=40,
            goal=120,
        ),
        Row(
            "octets sent for 10 KB, over the message",
            "%",
            "lower",
            ((len(body.octets) + len(envelope)) / USUAL_OCTETS - 1) * 100,
            1,
            goal=50,
        ),
        Row(
            "octets sent for 25 MiB, over the message",
            "%",
            "lower",
            ((len(large_body.octets) + len(large_envelope)) / LARGE_OCTETS - 1) * 100,
            1,
            floor=12.5,
        ),
    ]


def sealed(message: bytes) -> tuple[SealedBody, bytes]:
    sender = Sender(
        address=Address("alice", "a.example"),
        pid=Pid(bytes(32)),
        device_id=DeviceId(bytes(16)),
        seq=0,
        head=bytes(32),
        signing_key=SIGNING_KEY,
        proof=bytes(PROOF_OCTETS),
    )
    body = seal_body(message, secrets.token_bytes)
    envelope = seal_envelope(
        body,
        sender,
        BOB,
        [DeviceKey(key.device_id, key.n, bytes(key.private.public_key)) for key in DEVICES],
        msg_id=MsgId(secrets.token_bytes(16)),
        created=1_700_000_000,
        deliver_by=1_700_432_000,
        entropy=secrets.token_bytes,
    )
    return body, envelope


def opened(body: bytes, envelope: bytes) -> bytes:
    control = open_control(envelope, DEVICES[-1:])
    statement = verify_statement(control, sign_pk=bytes(SIGNING_KEY.verify_key), my_pid=BOB)
    return open_body(body, control, statement)


def milliseconds(job: Callable[[], object], rounds: int) -> float:
    took = []
    for _ in range(rounds):
        begun = time.perf_counter()
        job()
        took.append((time.perf_counter() - begun) * 1e3)
    return statistics.median(took)
