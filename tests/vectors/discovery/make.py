"""Write the discovery and federation vectors anew: ``python tests/vectors/discovery/make.py``.

It uses nothing of ours: only cbor2, hashlib and PyNaCl, following docs/spec from the text, so that
the vectors check the code and not the code itself.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cbor2
from nacl.signing import SigningKey

HERE = Path(__file__).parent
NOW = 1_800_000_000
A, B, OTHER = (SigningKey(bytes([n]) * 32) for n in (1, 2, 3))


def pk(key: SigningKey) -> bytes:
    return bytes(key.verify_key)


def sign(key: SigningKey, use: str, octets: bytes) -> bytes:
    return key.sign(b"MailX v1 " + use.encode() + b"\0" + octets).signature


def b2(person: str, parts: list[bytes]) -> bytes:
    framed = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return hashlib.blake2b(framed, digest_size=32, person=person.encode().ljust(16, b"\0")).digest()


def document(**changed: Any) -> dict[int, Any]:
    content = {
        0: 1,
        1: "a.example",
        2: NOW - 60,
        3: NOW + 86_400,
        4: [[1, pk(A), NOW - 3_600, NOW + 864_000], [2, pk(B), NOW, NOW + 864_000]],
        5: ["mailx.a.example", 8443],
        6: ["mailx.a.example", 8444],
        7: ["2001:db8::1", 8445],
        8: [1, 1],
        9: [1],
        10: [67_108_864, 4_194_304, 64, 0],
        11: [["door", pk(OTHER), NOW, NOW + 86_400]],
        12: [[pk(A), pk(B), sign(A, "domain-roll", dumps(["a.example", pk(A), pk(B)]))]],
    }
    for name, value in changed.items():
        content[int(name[1:])] = value
    return {key: value for key, value in content.items() if value is not None}


def dumps(value: Any) -> bytes:
    return cbor2.dumps(value, canonical=True)


def documents() -> list[dict[str, Any]]:
    good = dumps(document())
    role = [["cook", pk(OTHER), 0, 1]]
    flipped = bytearray(good)
    flipped[40] ^= 1
    long_form = good.replace(b"\x08\x82\x01\x01", b"\x08\x82\x18\x01\x01", 1)
    shown: list[tuple[str, bytes, SigningKey, str]] = [
        ("good", good, A, ""),
        ("signed by the next key", good, B, "bad-signature"),
        ("signed by nobody of the domain", good, OTHER, "bad-signature"),
        ("a long form", long_form, A, "canonical"),
        ("octets after the end", good + b"\0", A, "canonical"),
        ("an unknown key", dumps(document(k13=1)), A, "format"),
        ("a key missing", dumps(document(k12=None)), A, "format"),
        ("another format", dumps(document(k0=2)), A, "format"),
        ("true is not 1", dumps(document(k0=True)), A, "format"),
        ("port 0", dumps(document(k5=["mailx.a.example", 0])), A, "format"),
        ("an unknown role", dumps(document(k11=role)), A, "format"),
        ("versions upside down", dumps(document(k8=[2, 1])), A, "format"),
        ("of another domain", dumps(document(k1="b.example")), A, "domain"),
        ("of no canonical domain", dumps(document(k1="A.example")), A, "domain"),
        ("without its signer", dumps(document(k4=[[1, pk(B), 0, NOW * 2]])), A, "document-key"),
        ("its signer retired", dumps(document(k4=[[3, pk(A), 0, NOW * 2]])), A, "document-key"),
        ("its signer out of date", dumps(document(k4=[[1, pk(A), 0, NOW - 1]])), A, "document-key"),
        ("31 days", dumps(document(k3=NOW - 60 + 31 * 86_400)), A, "format"),
        ("from the future", dumps(document(k2=NOW + 601)), A, "format"),
        ("expired", dumps(document(k2=NOW - 86_400, k3=NOW - 1)), A, "document-expired"),
    ]
    cases = [
        {
            "name": name,
            "octets": octets.hex(),
            "signature": sign(signer, "server", octets).hex(),
            "failure": failure,
        }
        for name, octets, signer, failure in shown
    ]
    spoiled = {
        "name": "one octet changed after signing",
        "octets": bytes(flipped).hex(),
        "signature": sign(A, "server", good).hex(),
        "failure": "bad-signature",
    }
    return [*cases, spoiled]


def records() -> list[dict[str, Any]]:
    key = "ed25519:" + base64.b64encode(pk(A)).decode()
    next_key = "ed25519:" + base64.b64encode(pk(B)).decode()
    end = "e=https://mailx.a.example:8443"
    hello = ["mailx.a.example", 8443]

    def said(texts: list[str], keys: list[bytes], where: list[Any]) -> dict[str, Any]:
        return {"texts": texts, "keys": [one.hex() for one in keys], "hello": where}

    good = [
        said([f"v=mailx1; k={key}; {end}"], [pk(A)], hello),
        said([f"v=mailx1;k={key.rstrip('=')};{end};"], [pk(A)], hello),
        said([f"v=mailx1; k={key}; k={next_key}; {end}"], [pk(A), pk(B)], hello),
        said(["v=spf1 -all", f"v=mailx1; new=1; k={key}; {end}"], [pk(A)], hello),
        said([f"v=mailx1; k={key}; e=https://[2001:db8::1]:1"], [pk(A)], ["2001:db8::1", 1]),
    ]
    absent = [[], ["v=spf1 -all"], [f"k={key}; v=mailx1; {end}"]]
    bad = [
        [f"v=mailx1; k={key}"],
        [f"v=mailx1; {end}"],
        [f"v=mailx1; k={key}; {end}; {end}"],
        [f"v=mailx1; k={key[:-4]}; {end}"],
        [f"v=mailx1; k={key}; e=http://mailx.a.example:8443"],
        [f"v=mailx1; k={key}; {end}/path"],
        [f"v=mailx1; k={key}; {end}", f"v=mailx1; k={next_key}; {end}"],
    ]
    return [
        *good,
        *({"texts": texts, "absent": True} for texts in absent),
        *({"texts": texts, "failure": "txt"} for texts in bad),
    ]


def proofs() -> dict[str, Any]:
    said = {"client": "a.example", "server": "b.example"}
    nonce_b, nonce_a, spki = b"\x0b" * 32, b"\x0a" * 32, b"\x05" * 32
    halves = {}
    for role, key in (("client", A), ("server", B)):
        octets = dumps([role, said["client"], said["server"], nonce_b, nonce_a, spki])
        halves[role] = {
            "public_key": pk(key).hex(),
            "octets": octets.hex(),
            "signature": sign(key, "peer-auth", octets).hex(),
        }
    nonces = {"nonce_b": nonce_b.hex(), "nonce_a": nonce_a.hex(), "spki_hash": spki.hex()}
    return said | nonces | {"proofs": halves}


def batches() -> dict[str, Any]:
    items: list[dict[str, Any]] = [
        {"route": b"bob@b.example", "envelope": b"MXE1", "body": b"MXB1", "deliver_by": NOW + 9},
        {"route": b"eve@b.example", "envelope": b"MXE1", "ref": (b"\x0e" * 32, 300_000)},
        {"route": b"eve@b.example", "token": b"\x07" * 24, "postage": b"\x09"},
    ]

    def digest(item: dict[str, Any]) -> bytes:
        ref_id, ref_size = item.get("ref", (b"", 0))
        number: Callable[[int], bytes] = lambda n: n.to_bytes(8, "big")  # noqa: E731  # one line
        return b2(
            "MX1.item",
            [
                item["route"],
                item.get("envelope", b""),
                item.get("body", b""),
                ref_id,
                number(ref_size),
                number(item.get("deliver_by", 0)),
                item.get("token", b""),
                item.get("postage", b""),
            ],
        )

    batch_id, digests = b"\x10" * 16, [digest(item) for item in items]
    signed = dumps(["a.example", "b.example", batch_id, NOW, digests])

    def shown(item: dict[str, Any]) -> dict[str, Any]:
        ref_id, ref_size = item.get("ref", (b"", 0))
        plain = {name: value for name, value in item.items() if name != "ref"}
        texts = {n: v.hex() if isinstance(v, bytes) else v for n, v in plain.items()}
        return texts | ({"ref": [ref_id.hex(), ref_size]} if ref_id else {})

    return {
        "sender": "a.example",
        "receiver": "b.example",
        "public_key": pk(A).hex(),
        "batch_id": batch_id.hex(),
        "created": NOW,
        "items": [shown(item) for item in items],
        "digests": [one.hex() for one in digests],
        "signed": signed.hex(),
        "signature": sign(A, "batch", signed).hex(),
    }


def write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    federation = HERE.parent / "federation"
    write(
        HERE / "document.json",
        {"domain": "a.example", "keys": [pk(A).hex()], "now": NOW, "cases": documents()},
    )
    write(HERE / "txt.json", {"cases": records()})
    write(federation / "proof.json", proofs())
    write(federation / "batch.json", batches())
