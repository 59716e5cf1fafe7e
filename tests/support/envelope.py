"""Two people, a door, and everything needed to seal between them with known keys."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nacl.public import PrivateKey
from nacl.signing import SigningKey

from mx_core.envelope.format import SUITE_1, SUITE_2
from mx_core.envelope.identity import EpochSecret
from mx_core.envelope.open import OpenedControl, open_body, open_control, verify_statement
from mx_core.envelope.seal import (
    DeviceKey,
    DoorSender,
    SealedBody,
    Sender,
    seal_body,
    seal_envelope,
)
from mx_core.envelope.statement import DoorRecord
from mx_core.model.address import Address
from mx_core.model.ids import DeviceId, MsgId, Pid
from mx_core.model.octets import Octets, whole
from mx_core.notation.xwing import XWingSecret

BOB_PID = Pid(b"B" * 32)
CAROL_PID = Pid(b"C" * 32)
MSG_ID = MsgId(b"m" * 16)
CREATED = 1_700_000_000
DELIVER_BY = CREATED + 5 * 86_400
MESSAGE = b"From: alice@a.example\r\nTo: bob@b.example\r\nSubject: hello\r\n\r\nhello bob\r\n"
DOOR_RECORD = DoorRecord(
    domain="b.example",
    mail_from="mallory@mail.example",
    rcpt_to="bob@b.example",
    peer_ip="192.0.2.7",
    helo="mx.mail.example",
    tls=True,
    spf="pass",
    dkim=(("mail.example", "pass"), ("list.example", "fail")),
    dmarc="pass",
    received=CREATED,
)


def entropy_of(seed: bytes) -> Callable[[int], bytes]:
    """Return a source that gives the same octets in every run."""
    drawn = 0

    def draw(count: int) -> bytes:
        nonlocal drawn
        drawn += 1
        return hashlib.shake_256(seed + drawn.to_bytes(8, "big")).digest(count)

    return draw


def epoch_secret(device: int, n: int = 1, *, suite: int = SUITE_1) -> EpochSecret:
    name = DeviceId(bytes([device]) * 16)
    return EpochSecret(
        name,
        n,
        PrivateKey(hashlib.sha256(b"epoch %d of device %d" % (n, device)).digest()),
        XWingSecret(xwing_seed(name, n)) if suite == SUITE_2 else None,
    )


def xwing_seed(device_id: DeviceId, n: int) -> bytes:
    return hashlib.sha256(b"X-Wing %d of device %d" % (n, device_id[0])).digest()


def xwing_secret(secret: EpochSecret) -> XWingSecret:
    assert secret.xwing is not None
    return secret.xwing


def device_key(secret: EpochSecret) -> DeviceKey:
    return DeviceKey(
        secret.device_id,
        secret.n,
        bytes(secret.private.public_key),
        None if secret.xwing is None else secret.xwing.public,
    )


ALICE_KEY = SigningKey(hashlib.sha256(b"alice's device").digest())
DOOR_KEY = SigningKey(hashlib.sha256(b"the door of b.example").digest())
BOB = epoch_secret(1)
CAROL = epoch_secret(9)


def alice(proof: bytes | None = None) -> Sender:
    return Sender(
        address=Address("alice", "a.example"),
        pid=Pid(b"A" * 32),
        device_id=DeviceId(b"a" * 16),
        seq=3,
        head=b"h" * 32,
        signing_key=ALICE_KEY,
        proof=proof,
    )


def door() -> DoorSender:
    return DoorSender(DOOR_RECORD, DOOR_KEY)


@dataclass(frozen=True)
class Mail:
    """One sealed message, for bob unless said otherwise."""

    message: bytes
    body: SealedBody
    envelope: bytes

    def opened(
        self,
        keys: Sequence[EpochSecret] = (BOB,),
        *,
        sign_pk: bytes = bytes(ALICE_KEY.verify_key),
        my_pid: Pid = BOB_PID,
    ) -> tuple[OpenedControl, bytes]:
        return read(self.envelope, self.body.octets, keys, sign_pk=sign_pk, my_pid=my_pid)


def read(
    envelope: bytes,
    body: Octets,
    keys: Sequence[EpochSecret] = (BOB,),
    *,
    sign_pk: bytes = bytes(ALICE_KEY.verify_key),
    my_pid: Pid = BOB_PID,
) -> tuple[OpenedControl, bytes]:
    """Do all steps of a reader, in their order."""
    opened = open_control(envelope, keys)
    statement = verify_statement(opened, sign_pk=sign_pk, my_pid=my_pid)
    return opened, open_body(whole(body), opened, statement)


def mail(
    message: bytes = MESSAGE,
    *,
    sender: Sender | DoorSender | None = None,
    secrets: Sequence[EpochSecret] = (BOB,),
    recipient: Pid = BOB_PID,
    ext: bytes = b"",
    seed: bytes = b"mail",
    suite: int = SUITE_1,
) -> Mail:
    """Seal *message* as alice would."""
    entropy = entropy_of(seed)
    body = seal_body(message, entropy)
    envelope = seal_envelope(
        body,
        sender or alice(),
        recipient,
        [device_key(secret) for secret in secrets],
        msg_id=MSG_ID,
        created=CREATED,
        deliver_by=DELIVER_BY,
        ext=ext,
        suite=suite,
        entropy=entropy,
    )
    return Mail(message, body, envelope)
