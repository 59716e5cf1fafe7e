"""The man page names every command, and the unit is as closed as that of the home server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from smtp_in.door.__main__ import program

ROOT = Path(__file__).resolve().parents[4]
PAGE = (ROOT / "docs/man/mx-door.1").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", sorted(program.commands))
def test_the_page_names_every_command(command: str) -> None:
    assert re.search(rf"^\.B {command}$", PAGE, re.MULTILINE)


def test_the_unit_is_as_closed_as_that_of_the_home_server_and_lets_nothing_be_swapped() -> None:
    home, door = (
        set((ROOT / f"systemd/mx-{name}.service").read_text(encoding="utf-8").splitlines())
        for name in ("home", "door")
    )
    left_out = {line for line in home - door if line and not line.startswith("#") and "=" in line}

    assert {line.partition("=")[0] for line in left_out} == {
        "After", "Description", "ExecStart", "MemoryMax", "StateDirectory"
    }  # fmt: skip
    assert {"MemorySwapMax=0", "LimitCORE=0", "StateDirectory=mx-home/door"} <= door
