"""Cases of spec/envelope as JSON, written and read.  The form is in tests/vectors/envelope/README.md."""

import base64
import json
from pathlib import Path
from typing import Any

from nacl.bindings import crypto_secretbox_open_easy
from nacl.public import PrivateKey

from mx_core.envelope.format import (
    CONTROL_NONCE,
    BodyHead,
    Envelope,
    context,
    control_key,
    hash_of_body,
    hash_of_message,
    stream_key,
)
from mx_core.envelope.identity import EpochSecret
from mx_core.envelope.padding import CONTROL_FLOOR, content_length
from mx_core.envelope.seal import env_id
from mx_core.model.ids import DeviceId, Pid
from mx_core.notation.hashing import b2_plain
from mx_core.notation.xwing import XWingSecret
from tests.support.envelope import read, xwing_seed
from tests.support.envelope_cases.body import body_cases
from tests.support.envelope_cases.case import OPENED, Case
from tests.support.envelope_cases.good import good_cases
from tests.support.envelope_cases.inside import inside_cases
from tests.support.envelope_cases.outside import outside_cases
from tests.support.envelope_cases.suite_2 import suite_2_cases
from tests.support.octets import Octets, Splice

FOLDER = Path(__file__).parents[1] / "vectors" / "envelope"
GROUPS = {
    "good": good_cases,
    "bad_outside": outside_cases,
    "bad_inside": inside_cases,
    "bad_body": body_cases,
    "suite_2": suite_2_cases,
}
SHORT_MESSAGE = 256


def load(group: str) -> list[tuple[Case, dict[str, Any]]]:
    """Return the committed cases of *group*, each with what an opened one must yield."""
    document = json.loads((FOLDER / f"{group}.json").read_text())
    octets = {name: base64.b64decode(text) for name, text in document["octets"].items()}
    return [(_case(item, octets), item.get("opened", {})) for item in document["cases"]]


def write(group: str) -> int:
    """Make *group* anew and write it; return how many cases it has."""
    cases = GROUPS[group]()
    names: dict[bytes, str] = {}
    for case in cases:
        names.setdefault(case.envelope.base, f"envelope of {case.name}")
        names.setdefault(case.body.base, f"body of {case.name}")
    document = {
        "spec": "docs/spec/envelope.md",
        "octets": {name: base64.b64encode(base).decode() for base, name in names.items()},
        "cases": [_item(case, names) for case in cases],
    }
    (FOLDER / f"{group}.json").write_text(json.dumps(document, indent=1) + "\n")
    return len(cases)


def _case(item: dict[str, Any], octets: dict[str, bytes]) -> Case:
    return Case(
        name=item["name"],
        says=item["says"],
        outcome=item["outcome"],
        envelope=_octets(item["envelope"], octets),
        body=_octets(item["body"], octets),
        epochs=tuple(
            EpochSecret(
                DeviceId(bytes.fromhex(epoch["device_id"])),
                epoch["n"],
                PrivateKey(bytes.fromhex(epoch["private"])),
                XWingSecret(bytes.fromhex(epoch["xwing"])) if "xwing" in epoch else None,
            )
            for epoch in item["epochs"]
        ),
        sign_pk=bytes.fromhex(item["sign_pk"]),
        my_pid=Pid(bytes.fromhex(item["my_pid"])),
    )


def _item(case: Case, names: dict[bytes, str]) -> dict[str, Any]:
    item = {
        "name": case.name,
        "says": case.says,
        "envelope": _spliced(case.envelope, names),
        "body": _spliced(case.body, names),
        "epochs": [
            {
                "device_id": key.device_id.hex(),
                "n": key.n,
                "private": bytes(key.private).hex(),
                **({} if key.xwing is None else {"xwing": xwing_seed(key.device_id, key.n).hex()}),
            }
            for key in case.epochs
        ],
        "sign_pk": case.sign_pk.hex(),
        "my_pid": case.my_pid.hex(),
        "outcome": case.outcome,
    }
    if case.outcome == OPENED:
        item["opened"] = yielded(case)
    return item


def yielded(case: Case) -> dict[str, Any]:
    """Open *case* and return what a reader gets from it, as the vectors state it."""
    envelope, body = case.envelope.value, case.body.value
    opened, message = read(envelope, body, case.epochs, sign_pk=case.sign_pk, my_pid=case.my_pid)
    result = {
        "env_id": env_id(envelope).hex(),
        "S": opened.statement_octets.hex(),
        "body_key": opened.body_key.reveal().hex(),
        "proof": opened.proof.hex() if opened.proof is not None else None,
        "ext": opened.ext.hex() if opened.ext is not None else None,
        "epoch_n": opened.epoch.n,
        "message_b2": b2_plain(message).hex(),
    }
    if len(message) <= SHORT_MESSAGE:
        result["message"] = message.hex()
    return result


def _octets(item: dict[str, Any], octets: dict[str, bytes]) -> Octets:
    splices = tuple(
        Splice(
            at=splice["at"],
            remove=splice["remove"],
            insert=bytes.fromhex(splice["insert"]),
            times=splice["times"],
            copy=(splice["copy"][0], splice["copy"][1]) if "copy" in splice else None,
        )
        for splice in item.get("splices", [])
    )
    return Octets(octets[item["of"]], splices)


def _spliced(octets: Octets, names: dict[bytes, str]) -> dict[str, Any]:
    item: dict[str, Any] = {"of": names[octets.base]}
    if octets.splices:
        item["splices"] = [
            {
                "at": splice.at,
                "remove": splice.remove,
                "insert": splice.insert.hex(),
                "times": splice.times,
                **({"copy": list(splice.copy)} if splice.copy else {}),
            }
            for splice in octets.splices
        ]
    return item


def example_steps() -> dict[str, bytes]:
    """Return every value between keys and octets of the page's example, by the name it has there."""
    [(case, _)] = load("example")
    envelope, body = case.envelope.value, case.body.value
    [epoch] = case.epochs
    outer, public = Envelope.decode(envelope)
    opened, message = read(envelope, body, case.epochs, sign_pk=case.sign_pk, my_pid=case.my_pid)
    body_key = opened.body_key.reveal()
    head = BodyHead.decode(body)
    ctx = context(outer.public)
    opens = {packet: epoch.opened(packet, ctx, public.suite) for packet in outer.packets}
    [(packet, inside)] = [(packet, found) for packet, found in opens.items() if found is not None]
    env_key = inside[:32]
    sealing_key = control_key(env_key, public.salt)
    control = crypto_secretbox_open_easy(outer.control, CONTROL_NONCE, sealing_key)
    return {
        "message": message,
        "body_key": body_key,
        "body salt": head.salt,
        "body commit": head.commitment,
        "stream key": stream_key(body_key, head.salt),
        "stream header": head.stream_header,
        "S.8": hash_of_body(body),
        "S.10": hash_of_message(message),
        "env_key": env_key,
        "pub": outer.public,
        "ctx": context(outer.public),
        "control key": sealing_key,
        "epoch private": bytes(epoch.private),
        "epoch public": bytes(epoch.private.public_key),
        "packet": packet,
        "packet plaintext": inside,
        "S": opened.statement_octets,
        "device public": case.sign_pk,
        "signature": opened.signature,
        "S.16": opened.claimed.ext_hash,
        "control CBOR": control[: content_length(control, CONTROL_FLOOR)],
        "env_id": env_id(envelope),
    }
