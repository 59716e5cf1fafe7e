"""The message that says how far an import is.  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from gateway.migration.remaining import spelt
from gateway.writing.note import note
from mx_core.model.address import Address

_MIB: Final = 1024 * 1024
_BAR_SIGNS: Final = 40
_NAMED_MAX: Final = 50
_PHASE: Final = {
    "looking": "It looks at what there is.",
    "bringing": "Mail is coming in.",
    "proving": "All is here. It is compared with the source once more.",
    "resting": "The source can not be reached now; it is tried again.",
}


def import_note(to: Address, state: dict[str, Any], one: dict[str, Any], now: int) -> bytes:
    """Return the message on the import *one* of what ``Importing.state`` says."""
    if one["state"] == "running":
        return note(to, _subject(state), _under_way(to, state, one), now)
    if one["state"] == "done":
        return note(to, "Your mail is imported", _done(to, one), now)
    lines = [f"The import of {one['source']} is {one['state']}."]
    if one["trouble"]:
        lines += ["", one["trouble"]]
    lines += [
        "",
        "What has come stays here. To go on:",
        f"  mx-gateway import --account {to} --resume",
    ]
    return note(to, f"The import is {one['state']}", lines, now)


def _subject(state: dict[str, Any]) -> str:
    messages, progress = state["look"]["messages"], state["progress"]
    if progress is None or not messages:
        return "Your mail is being imported"
    return f"Your mail is being imported: {min(100 * progress['seen'] // messages, 100)} %"


def _under_way(to: Address, state: dict[str, Any], one: dict[str, Any]) -> list[str]:
    look, progress = state["look"], state["progress"]
    lines = [f"From {one['source']}", "", _PHASE.get(state["phase"], "It is about to begin.")]
    if progress is not None and look["messages"]:
        share = min(progress["seen"] / look["messages"], 1.0)
        filled = round(share * _BAR_SIGNS)
        lines += [
            "",
            f"  [{'#' * filled}{'.' * (_BAR_SIGNS - filled)}]",
            f"  {progress['seen']} of {look['messages']} messages, in {progress['folder']}",
            f"  {spelt(state['seconds_left'])} left",
        ]
    return [
        *lines,
        "",
        "This message is renewed once a minute. To pause, and to go on:",
        f"  mx-gateway import --account {to} --pause",
        f"  mx-gateway import --account {to} --resume",
    ]


def _done(to: Address, one: dict[str, Any]) -> list[str]:
    report = one["report"] or {"folders": [], "holds": True, "doubles": 0}
    whole = "Everything is here, compared by hash." if report["holds"] else "SOMETHING IS MISSING:"
    lines = [f"From {one['source']}", "", whole, ""]
    lines += _folders(report["folders"])
    if report["doubles"]:
        lines += ["", f"{report['doubles']} messages stood there twice, and do so here."]
    if encrypted := sum(report.get("progress", {}).get("encrypted", {}).values()):
        lines += [
            "",
            f"{encrypted} messages are encrypted by OpenPGP or S/MIME, and were brought as they are.",
            "To have them decrypted with your keys, which are not kept:",
            f"  mx-gateway decrypt --account {to} --gnupg",
            f"  mx-gateway decrypt --account {to} --openpgp-key FILE --smime-key FILE.p12",
        ]
    if one["troubles"]:
        lines += ["", "What could not be brought:"]
        lines += [f"  {where} {why}" for where, why in one["troubles"][:_NAMED_MAX]]
    return lines


def _folders(folders: Sequence[dict[str, Any]]) -> list[str]:
    lines = [
        f"  {each['source'][0]:>8} messages  {each['source'][1] // _MIB:>6} MiB"
        f"  {each['mailbox']}{'' if each['holds'] else '  NOT WHOLE'}"
        for each in folders[:_NAMED_MAX]
    ]
    return lines + [f"  and {len(folders) - _NAMED_MAX} more"] * (len(folders) > _NAMED_MAX)
