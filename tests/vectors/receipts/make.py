"""Write ``receipt.json`` anew: ``python tests/vectors/receipts/make.py``.

It uses nothing of ours, following docs/spec/receipts.md from the text.
"""

import hashlib
import json
from pathlib import Path

import cbor2
from nacl.signing import SigningKey

S = b"a statement, whatever it holds"
SEED, PID, DEVICE, MSG_ID, DAY = b"\3" * 32, b"\x41" * 32, b"\x61" * 16, b"\x6d" * 16, 19_675


def b2(person: bytes, part: bytes) -> bytes:
    framed = len(part).to_bytes(8, "big") + part
    return hashlib.blake2b(framed, digest_size=32, person=person.ljust(16, b"\0")).digest()


def main() -> None:
    digest = b2(b"MX1.msg", S)
    body = cbor2.dumps({0: MSG_ID, 1: digest, 2: PID, 3: DEVICE, 4: DAY}, canonical=True)
    signature = SigningKey(SEED).sign(b"MailX v1 receipt\0" + body).signature
    ext = cbor2.dumps({3: [[body, signature]]}, canonical=True)
    answers = {
        "seed": SEED,
        "statement": S,
        "msg_id": MSG_ID,
        "pid": PID,
        "device_id": DEVICE,
        "digest": digest,
        "body": body,
        "signature": signature,
        "ext": ext,
    }
    told = {"day": DAY} | {name: octets.hex() for name, octets in answers.items()}
    file = Path(__file__).parent / "receipt.json"
    file.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
