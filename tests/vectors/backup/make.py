"""Write ``containers.json`` anew: a sealed file, and the same file with one thing wrong.

Sealing is randomised (HPKE), so each run makes other octets of the same meaning.
"""

import base64
import json
from pathlib import Path

from mx_core.model.secret import Secret
from mx_core.notation.hashing import b2_plain
from mx_core.recovery.sealed import CHUNK_OCTETS, seal
from mx_core.recovery.sheet import Sheet

SEED = bytes(range(32))
TAG, CREATED = 16, 1_800_000_000


def spliced(at: int, remove: int, insert: bytes = b"") -> dict[str, object]:
    return {"at": at, "remove": remove, "insert": insert.hex()}


def main() -> None:
    sheet = Sheet(Secret(SEED))
    plain = b"MXK1 vector: " + bytes(CHUNK_OCTETS + 1000 - 13)
    file = b"".join(seal(sheet.backup_secret.public, Secret(b"k" * 32), CREATED, [plain]))
    head = 8 + int.from_bytes(file[4:8], "big")
    first_end = head + CHUNK_OCTETS + TAG
    last = len(file) - 1
    refused = {
        "another magic": [spliced(3, 1, b"2")],
        "a head that is longer than its map": [spliced(7, 1, bytes([file[7] + 1]))],
        "another time in the head": [spliced(head - 1, 1, bytes([file[head - 1] ^ 1]))],
        "another octet in the sealed key": [spliced(60, 1, bytes([file[60] ^ 1]))],
        "another octet in the first chunk": [spliced(head, 1, bytes([file[head] ^ 1]))],
        "another octet in the last tag": [spliced(last, 1, bytes([file[last] ^ 1]))],
        "the last chunk is cut off": [spliced(first_end, len(file) - first_end)],
        "the last octet is cut off": [spliced(last, 1)],
        "the first chunk is left out": [spliced(head, CHUNK_OCTETS + TAG)],
        "one octet too many": [spliced(last + 1, 0, b"x")],
        "nothing but the magic": [spliced(4, len(file))],
    }
    told = {
        "seed": SEED.hex(),
        "words": sheet.words,
        "recovery_pk": bytes(sheet.key.verify_key).hex(),
        "backup_public_b2": _b2(sheet.backup_secret.public),
        "file": base64.b64encode(file).decode(),
        "created": CREATED,
        "plain_b2": _b2(plain),
        "refused": refused,
    }
    path = Path(__file__).with_name("containers.json")
    path.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def _b2(octets: bytes) -> str:
    return b2_plain(octets).hex()


if __name__ == "__main__":
    main()
