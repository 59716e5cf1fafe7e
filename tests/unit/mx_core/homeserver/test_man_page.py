"""The man page names every command and every status that the program ends with."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from mx_core.homeserver.__main__ import program

ROOT = Path(__file__).resolve().parents[4]
PAGE = (ROOT / "docs" / "man" / "mx-home.1").read_text(encoding="utf-8")
GUIDE = (ROOT / "docs" / "guide" / "home-server.md").read_text(encoding="utf-8")
SHOWN = re.sub(r"\\f[BRI]", "", PAGE).replace("\\-", "-")


def _commands(group: click.Group, above: str = "") -> list[str]:
    found = []
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found += _commands(command, f"{above}{name} ")
        else:
            found.append(above + name)
    return found


@pytest.mark.parametrize("command", _commands(program))
def test_the_page_names_every_command(command: str) -> None:
    assert re.search(rf"(^\.B |, ){command}\b", SHOWN, re.MULTILINE)


@pytest.mark.parametrize("status", re.findall(r"^\| (\d\d) \|", GUIDE, re.MULTILINE))
def test_the_page_names_every_status_that_the_guide_does(status: str) -> None:
    assert f"\n.B {status}\n" in PAGE


def test_the_guide_names_every_command() -> None:
    missing = [
        command for command in _commands(program) if f"mx-home {command.split()[0]}" not in GUIDE
    ]

    assert missing == []
