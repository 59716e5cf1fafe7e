"""What a person sees while their mail program comes for the first time: a tick for each step.

Pure.  No congratulation before the last tick, and for a step that does not come a sentence that
says what to look at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from mx_core.trail_port import Step

_PATIENCE_SECONDS: Final = 60
_SAID: Final = {
    Step.REACHED: "It has connected",
    Step.SECURED: "The connection is encrypted (TLS)",
    Step.LOGGED_IN: "It has logged in",
    Step.LISTED: "It has asked for your folders",
    Step.FETCHED: "It has fetched something of a message",
    Step.SUBMITTED: "It has handed over a message to send",
}
_IN_CLEAR: Final = "not encrypted: on this computer your own programs may"
_NOTHING: Final = "Nothing has connected yet. Look at the host and the ports in the mail program's account settings."
_TLS: Final = (
    "A mail program began TLS and broke it off: it does not trust the certificate yet. Let it trust"
    " the file that the settings name, or accept the certificate when it asks."
)
_WRONG: Final = (
    "A mail program gave a wrong name or password. Copy both again; the password is the one that was"
    " made for it here, and the name is the whole address."
)
_NO_LOGIN: Final = (
    "A mail program has connected and not logged in. Look whether it waits for the password."
)
_NO_FOLDERS: Final = "It has logged in. Open its list of folders, or let it fetch mail."
_NOT_SENT: Final = "Reading works. Now write a message: that tries the settings for sending, too."


class Tick(Struct, frozen=True):
    """One step: what it is, whether it was taken, and a word beside it."""

    said: str
    done: bool
    note: str = ""


class Progress(Struct, frozen=True):
    """One mail program: its ticks, and what to look at next ("": all is done)."""

    name: str
    client: str
    ticks: tuple[Tick, ...]
    hint: str

    @property
    def done(self) -> bool:
        """Tell whether every tick is there."""
        return all(tick.done for tick in self.ticks)


def progress(program: Mapping[str, Any], before_login: Mapping[str, int], now: float) -> Progress:
    """Return how far *program* is, as ``status`` tells of it; *now* is unix seconds.

    What was seen at the door since its password was made counts as its own until it logs in.
    """
    since = program["since"]
    steps: dict[str, int] = dict(program["steps"])
    knocks = {what: at for what, at in before_login.items() if at >= since}
    logged_in = Step.LOGGED_IN.value in steps
    if not logged_in:
        early = (Step.REACHED.value, Step.SECURED.value)
        steps = {step: knocks[step] for step in early if step in knocks}
        if "tls_begun" in knocks:
            steps[Step.REACHED.value] = knocks["tls_begun"]
    ticks = tuple(_tick(step, steps, logged_in, program["client"]) for step in Step)
    hint = _after_login(steps) if logged_in else _before_login(knocks, now - since)
    return Progress(program["name"], program["client"], ticks, hint)


def _tick(step: Step, steps: Mapping[str, int], logged_in: bool, client: str) -> Tick:
    if step is Step.SECURED and logged_in and step.value not in steps:
        return Tick(_SAID[step], True, _IN_CLEAR)
    name = f"it calls itself {client}" if step is Step.LOGGED_IN and client else ""
    return Tick(_SAID[step], step.value in steps, name)


def _before_login(knocks: Mapping[str, int], waited: float) -> str:
    refused = knocks.get("refused", -1)
    broken = knocks.get("tls_begun", -1) > knocks.get(Step.SECURED.value, -1)
    if refused >= knocks.get("tls_begun", -1) and refused >= 0:
        return _WRONG
    if broken:
        return _TLS
    if knocks:
        return _NO_LOGIN
    return _NOTHING if waited >= _PATIENCE_SECONDS else ""


def _after_login(steps: Mapping[str, int]) -> str:
    if not {Step.LISTED.value, Step.FETCHED.value} <= set(steps):
        return _NO_FOLDERS
    return "" if Step.SUBMITTED.value in steps else _NOT_SENT
