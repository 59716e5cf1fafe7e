"""Write ``log_proof.json`` anew: ``python tests/vectors/transparency/make.py``.

It uses nothing of ours but the VRF outputs, following docs/spec/transparency.md from the text, so that
the vectors check the code and not the code itself.  Everything is recomputed from all leaves.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import cbor2
from nacl.signing import SigningKey

from mx_core.tlog import vrf

HERE = Path(__file__).parent
ORIGIN = "a.example/mailx-kt"
KT, VRF = SigningKey(b"k" * 32), SigningKey(b"v" * 32)
ALICE, BOB, NOBODY = "alice@a.example", "bob@a.example", "nobody@a.example"
Labels = dict[bytes, tuple[int, bytes, int]]


def sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def commit(binding: bytes, opening: bytes) -> bytes:
    framed = len(binding).to_bytes(8, "big") + binding
    person = b"MX1.kt.commit".ljust(16, b"\0")
    return hashlib.blake2b(framed, digest_size=32, person=person, key=opening).digest()


def tree(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return sha(b"\0", leaves[0])
    middle = 1 << ((len(leaves) - 1).bit_length() - 1)
    return sha(b"\1", tree(leaves[:middle]), tree(leaves[middle:]))


def audit(index: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    middle = 1 << ((len(leaves) - 1).bit_length() - 1)
    if index < middle:
        return [*audit(index, leaves[:middle]), tree(leaves[middle:])]
    return [*audit(index - middle, leaves[middle:]), tree(leaves[:middle])]


def older(size: int, leaves: list[bytes], *, whole: bool = True) -> list[bytes]:
    if size == len(leaves):
        return [] if whole else [tree(leaves)]
    middle = 1 << ((len(leaves) - 1).bit_length() - 1)
    if size <= middle:
        return [*older(size, leaves[:middle], whole=whole), tree(leaves[middle:])]
    return [*older(size - middle, leaves[middle:], whole=False), tree(leaves[:middle])]


def value(one: tuple[int, bytes, int]) -> bytes:
    return one[0].to_bytes(4, "big") + one[1] + one[2].to_bytes(8, "big")


def halves(labels: Labels, depth: int) -> tuple[Labels, Labels]:
    found: tuple[Labels, Labels] = ({}, {})
    for label, one in labels.items():
        found[label[depth // 8] >> (7 - depth % 8) & 1][label] = one
    return found


def label_map(labels: Labels, depth: int = 0) -> bytes:
    if not labels:
        return bytes(32)
    if len(labels) == 1:
        ((label, one),) = labels.items()
        return sha(b"\x10", label, value(one))
    left, right = halves(labels, depth)
    return sha(b"\x11", label_map(left, depth + 1), label_map(right, depth + 1))


def path(labels: Labels, asked: bytes) -> list[Any]:
    siblings: list[bytes] = []
    while len(labels) > 1:
        depth = len(siblings)
        both = halves(labels, depth)
        bit = asked[depth // 8] >> (7 - depth % 8) & 1
        siblings.append(label_map(both[1 - bit], depth + 1))
        labels = both[bit]
    terminal = [[label, *one] for label, one in labels.items()]
    return [siblings, terminal[0] if terminal else []]


def note(text: str, key: SigningKey = KT, name: str = ORIGIN) -> bytes:
    key_id = sha(name.encode(), b"\n\1", bytes(key.verify_key))[:4]
    line = base64.b64encode(key_id + key.sign(text.encode()).signature).decode()
    return f"{text}\n\u2014 {name} {line}\n".encode()


class Log:
    def __init__(self) -> None:
        self.leaves: list[bytes] = []
        self.labels: Labels = {}
        self.openings: dict[bytes, bytes] = {}

    def add(self, *bindings: tuple[str, bytes]) -> None:
        for address, binding in bindings:
            label = proved(address).output[:32]
            version = self.labels.get(label, (0,))[0] + 1
            opening = sha(label, version.to_bytes(4, "big"))
            committed = commit(binding, opening)
            self.labels[label] = (version, committed, len(self.leaves))
            self.openings[label] = opening
            self.leaves.append(b"\1" + label + version.to_bytes(4, "big") + committed)
        self.leaves.append(b"\2" + label_map(self.labels) + len(self.leaves).to_bytes(8, "big"))

    def checkpoint(self) -> bytes:
        root = base64.b64encode(tree(self.leaves)).decode()
        return note(f"{ORIGIN}\n{len(self.leaves)}\n{root}\n")

    def proof(self, address: str, since: int = 0) -> dict[int, Any]:
        shown = proved(address)
        label = shown.output[:32]
        last = len(self.leaves) - 1
        made: dict[int, Any] = {
            1: shown.proof,
            2: path(self.labels, label),
            6: [self.leaves[-1], audit(last, self.leaves)],
            7: self.checkpoint(),
            8: older(since, self.leaves) if since else [],
        }
        if label in self.labels:
            version, _, index = self.labels[label]
            made |= {0: self.openings[label], 3: version, 4: index, 5: audit(index, self.leaves)}
        return made


def proved(address: str) -> vrf.Proved:
    return vrf.prove(bytes(VRF), b"MailX v1 vrf\0" + address.encode())


def case(
    name: str, proof: Any, address: str, binding: bytes | None, expect: str, **seen: Any
) -> Any:
    return {
        "name": name,
        "expect": expect,
        "address": address,
        "binding": None if binding is None else binding.hex(),
        "seen": seen or None,
        "proof": (proof if isinstance(proof, bytes) else cbor2.dumps(proof, canonical=True)).hex(),
    }


def cases() -> list[Any]:
    log = Log()
    log.add((ALICE, b"alice 0"), (BOB, b"bob 0"))
    size = len(log.leaves)
    first = {"size": size, "root": tree(log.leaves).hex()}
    old = log.proof(ALICE)
    log.add((ALICE, b"alice 1"), ("dave@a.example", b"dave 0"))
    good = log.proof(ALICE)
    root = base64.b64encode(tree(log.leaves)).decode()
    other = f"b.example/mailx-kt\n{len(log.leaves)}\n{root}\n"
    stranger = note(f"{ORIGIN}\n{len(log.leaves)}\n{root}\n", SigningKey(bytes(32)))
    absent = {key: one for key, one in good.items() if key not in {0, 3, 4, 5}}
    zeros = [bytes(32)] * len(good[5])
    return [
        case("presence", good, ALICE, b"alice 1", "ok"),
        case("absence", log.proof(NOBODY), NOBODY, None, "ok"),
        case("consistent", log.proof(ALICE, size), ALICE, b"alice 1", "ok", **first),
        case("older binding", good, ALICE, b"alice 0", "logged"),
        case(
            "older tree", old, ALICE, b"alice 0", "rolled-back", size=6, root=tree(log.leaves).hex()
        ),
        case(
            "other tree of that size", good, ALICE, b"alice 1", "log-proof", size=6, root="00" * 32
        ),
        case("consistency unasked", good | {8: zeros}, ALICE, b"alice 1", "format"),
        case("absent though there", absent, ALICE, None, "logged"),
        case("there though absent", log.proof(NOBODY), NOBODY, b"x", "logged"),
        case("proof of another name", log.proof(BOB), ALICE, b"bob 0", "vrf"),
        case("leaf never logged", good | {5: zeros}, ALICE, b"alice 1", "log-proof"),
        case("root leaf of another tree", good | {6: old[6]}, ALICE, b"alice 1", "map-root"),
        case(
            "path cut short",
            good | {2: [good[2][0][1:], good[2][1]]},
            ALICE,
            b"alice 1",
            "map-proof",
        ),
        case("other opening", good | {0: bytes(32)}, ALICE, b"alice 1", "logged"),
        case("signed by a stranger", good | {7: stranger}, ALICE, b"alice 1", "note"),
        case("of another origin", good | {7: note(other)}, ALICE, b"alice 1", "checkpoint"),
        case("two leaves named", good | {3: 1}, ALICE, b"alice 1", "format"),
        case("unknown item", good | {9: 0}, ALICE, b"alice 1", "format"),
        case(
            "trailing octet",
            cbor2.dumps(good, canonical=True) + b"\0",
            ALICE,
            b"alice 1",
            "canonical",
        ),
    ]


def main() -> None:
    content = {
        "origin": ORIGIN,
        "kt": bytes(KT.verify_key).hex(),
        "vrf": bytes(VRF.verify_key).hex(),
        "cases": cases(),
    }
    text = json.dumps(content, indent=1) + "\n"
    (HERE / "log_proof.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
