"""Thunderbird's own Account Hub, as it opens by itself on a first start: pressed and typed at, and nothing else."""

from typing import Final

from tests.interop.thunderbird.program import Thunderbird

_HUB: Final = """
const hub = () => main()?.document.querySelector("account-hub-container")?.modal
  ?.querySelector("account-hub-email");
const shown = () => hub() && [...hub().querySelectorAll(".account-hub-step")].find(s => !s.hidden);
const write = (selector, text) => {
  const field = hub().querySelector(selector);
  field.value = text;
  field.dispatchEvent(new (main().Event)("input", {bubbles: true}));
};
const forward = () => hub().querySelector("account-hub-footer #forward");
const leave = async step => {
  await until("button", () => !forward().disabled);
  forward().click();
  try {
    await until("step after " + step, () => shown() && shown().id != step, 45000);
  } catch (error) {
    throw new Error(error.message + ": " + shown().textContent.replace(/\\s+/g, " ").slice(0, 400));
  }
  return shown().id;
};
"""
_STEPS: Final = ("emailAutoConfigSubview", "emailConfigFoundSubview", "emailPasswordSubview")
_DONE: Final = "emailAddedSuccessSubview"


def opened(program: Thunderbird) -> None:
    """Wait until it asks for an address."""
    program.script(_HUB + "await until('hub', () => shown()?.id == args[0]);", _STEPS[0])


def address(program: Thunderbird, name: str, address: str) -> str:
    """Type both and press Continue; return what it says that it has found."""
    script = """
    write("#realName", args[1]); write("#email", args[2]);
    const next = await leave(args[0]);
    if (next != args[3]) throw new Error("no settings were found: " + next);
    return shown().textContent.replace(/\\s+/g, " ").trim();"""
    return str(program.script(_HUB + script, _STEPS[0], name, address, _STEPS[1]))


def take_what_was_found(program: Thunderbird) -> None:
    """Press Continue."""
    script = (
        'const next = await leave(args[0]); if (next != args[1]) throw new Error("at " + next);'
    )
    program.script(_HUB + script, _STEPS[1], _STEPS[2])


def password(program: Thunderbird, password: str) -> None:
    """Type it and press Continue: it logs in, and has the account."""
    script = """
    write("input[type=password]", args[2]);
    const next = await leave(args[0]); if (next != args[1]) throw new Error("at " + next);"""
    program.script(_HUB + script, _STEPS[2], _DONE, password)


def finish(program: Thunderbird) -> None:
    """Press Finish, which closes it."""
    script = """
    await until("button", () => !forward().disabled);
    forward().click();
    await until("closed", () => !main().document.querySelector("account-hub-container").modal.open);"""
    program.script(_HUB + script)
