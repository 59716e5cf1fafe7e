"""Cases of spec/passport and spec/card as JSON.  The form is in tests/vectors/passport/README.md.

`python -m tests.support.passport_vectors` makes them anew; every key is derived, so the files only
change when a case or a format does.
"""

import json
from pathlib import Path
from typing import Any

from mx_core.directory.proving import WatchedLog
from mx_core.directory.reader_check import SenderClaim, SenderVerdict, verify_sender
from mx_core.directory.sender_check import Recipient, verify_card
from mx_core.model.address import Address
from mx_core.model.errors import NoUsableEpoch
from mx_core.model.ids import DeviceId, Pid
from mx_core.passport.chain import verify_chain
from mx_core.passport.epoch import Epoch, verify_epoch
from mx_core.passport.state import State
from mx_core.tlog.log_proof import LogKeys
from mx_core.trust.pin import Pin
from tests.support.passport_cases import cards, chains, epochs, readers
from tests.support.passport_cases.cards import CardCase
from tests.support.passport_cases.chains import ChainCase
from tests.support.passport_cases.epochs import EpochCase
from tests.support.passport_cases.readers import ReaderCase
from tests.support.people import NOW
from tests.support.refusal import tried

FOLDER = Path(__file__).parents[1] / "vectors" / "passport"
Case = ChainCase | EpochCase | CardCase | ReaderCase


def groups() -> dict[str, list[Case]]:
    """Return the cases of each file, by the file's name."""
    return {
        "chain": list(chains.cases()),
        "epoch": list(epochs.epoch_cases()),
        "card": list(cards.card_cases()),
        "reader": list(readers.reader_cases()),
    }


def load(group: str) -> list[dict[str, Any]]:
    """Return the committed cases of *group*."""
    cases: list[dict[str, Any]] = json.loads((FOLDER / f"{group}.json").read_text())["cases"]
    return cases


def vector_of(case: Case) -> dict[str, Any]:
    """Return the JSON form of a case: its input, and the class or the result it says is right."""
    vector = {"name": case.name, **_input(case)}
    if case.failure:
        return {**vector, "failure": case.failure}
    result, refused = outcome(vector)
    if refused:
        raise AssertionError(f"{case.name} should be good and is {refused}")
    return {**vector, "result": result}


def outcome(vector: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """Return what our code makes of a vector's input: a result and "", or None and a class."""
    try:
        return tried(lambda: _run(vector))
    except NoUsableEpoch:
        return None, "no-epoch"


def write() -> None:
    """Make all files anew."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for group, cases in groups().items():
        document = {"spec": "docs/spec/passport.md", "cases": [vector_of(each) for each in cases]}
        if group in {"card", "reader"}:
            document["spec"] = "docs/spec/card.md"
        (FOLDER / f"{group}.json").write_text(json.dumps(document, indent=1) + "\n")


# ── input ────────────────────────────────────────────────────────────────────────────
def _input(case: Case) -> dict[str, Any]:
    match case:
        case ChainCase():
            return {"now": case.now, "entries": [each.hex() for each in case.entries]}
        case EpochCase():
            return {"chain": [each.hex() for each in case.chain], "epoch": case.epoch.hex()}
        case CardCase():
            return {
                "card": case.card.hex(),
                "asked": case.asked,
                "domain_keys": [key.hex() for key in case.domain_keys],
                "pin": _hex(case.pin),
                "now": case.now,
                "card_age": case.card_age,
                "log_expected": case.log_expected,
            }
        case ReaderCase():
            claim = case.claim
            return {
                "proof": None if case.proof is None else case.proof.hex(),
                "claim": {
                    "address": str(claim.address),
                    "pid": claim.pid.hex(),
                    "device_id": claim.device_id.hex(),
                    "seq": claim.seq,
                    "head": claim.head.hex(),
                    "created": claim.created,
                },
                "domain_keys": [key.hex() for key in case.domain_keys],
                "pin": _hex(case.pin),
                "known_chain": case.known_chain.hex(),
                "now": case.now,
                "log_expected": case.log_expected,
            }


WATCHED = WatchedLog(LogKeys("a.example/mailx-kt", bytes(32), bytes(32)))  # has no proof to check


# ── outcome ──────────────────────────────────────────────────────────────────────────
def _run(vector: dict[str, Any]) -> dict[str, Any]:
    if "entries" in vector:
        entries = [bytes.fromhex(each) for each in vector["entries"]]
        return _of_state(verify_chain(entries, now=vector["now"]))
    if "epoch" in vector:
        chain = [bytes.fromhex(each) for each in vector["chain"]]
        state = verify_chain(chain, now=NOW)
        return _of_epoch(verify_epoch(bytes.fromhex(vector["epoch"]), state))
    pin = None if vector["pin"] is None else Pin.decode(bytes.fromhex(vector["pin"]))
    keys = [bytes.fromhex(each) for each in vector["domain_keys"]]
    if "card" in vector:
        recipient = verify_card(
            bytes.fromhex(vector["card"]),
            asked=Address.parse(vector["asked"]),
            domain_keys=keys,
            pin=pin,
            now=vector["now"],
            card_age=vector["card_age"],
            log=WATCHED if vector["log_expected"] else None,
        )
        return _of_recipient(recipient)
    claim = vector["claim"]
    verdict = verify_sender(
        None if vector["proof"] is None else bytes.fromhex(vector["proof"]),
        SenderClaim(
            Address.parse(claim["address"]),
            Pid(bytes.fromhex(claim["pid"])),
            DeviceId(bytes.fromhex(claim["device_id"])),
            claim["seq"],
            bytes.fromhex(claim["head"]),
            claim["created"],
        ),
        domain_keys=keys,
        pin=pin,
        now=vector["now"],
        known_chain=bytes.fromhex(vector["known_chain"]),
        log=WATCHED if vector["log_expected"] else None,
    )
    return _of_verdict(verdict)


def _of_state(state: State) -> dict[str, Any]:
    return {
        "pid": state.pid.hex(),
        "seq": state.seq,
        "head": state.head.hex(),
        "address": str(state.address),
        "identity_pk": state.identity_pk.hex(),
        "recovery_pk": state.recovery_pk.hex(),
        "active": [{"id": each.id.hex(), "kind": int(each.kind)} for each in state.active],
        "changes": [[each.seq, each.kind.value] for each in state.changes],
        "former": [str(each) for each in state.former],
        "profile": {
            "open": state.profile.lookup_open,
            "postage_bits": state.profile.postage_bits,
            "octets_max": state.profile.octets_max,
            "receipts": state.profile.receipts,
            "suite_floor": state.profile.suite_floor,
            "pairs": [list(pair) for pair in state.profile.pairs],
        },
        "pending": None if state.pending is None else state.pending.recovery_pk.hex(),
        "ended": state.ended,
        "successor": None if state.successor is None else state.successor.hex(),
    }


def _of_epoch(epoch: Epoch) -> dict[str, Any]:
    return {
        "device_id": epoch.device_id.hex(),
        "n": epoch.n,
        "x25519": epoch.x25519.hex(),
        "suite": epoch.suite,
        "not_before": epoch.not_before,
    }


def _of_recipient(recipient: Recipient) -> dict[str, Any]:
    return {
        "pid": recipient.pid.hex(),
        "seq": recipient.seq,
        "head": recipient.head.hex(),
        "address": str(recipient.address),
        "devices": [
            {
                "id": each.device_id.hex(),
                "n": each.n,
                "x25519": each.x25519.hex(),
                "reduced": each.reduced,
            }
            for each in recipient.devices
        ],
        "suite": recipient.suite,
        "causes": [cause.value for cause in recipient.decision.causes],
        "level": recipient.decision.level.name.lower(),
        "pin": recipient.pin.encode().hex(),
    }


def _of_verdict(verdict: SenderVerdict) -> dict[str, Any]:
    return {
        "sign_pk": verdict.sign_pk.hex(),
        "trust": verdict.trust.value,
        "causes": [cause.value for cause in verdict.notes],
        "level": verdict.decision.level.name.lower(),
        "pin": verdict.pin.encode().hex(),
    }


def _hex(pin: Pin | None) -> str | None:
    return None if pin is None else pin.encode().hex()


if __name__ == "__main__":
    write()
