"""The man page names every command and every status that the program ends with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from gateway.cli.root import program
from mx_core.program.exits import _TABLE

ROOT = Path(__file__).resolve().parents[4]
PAGE = (ROOT / "docs" / "man" / "mx-gateway.1").read_text(encoding="utf-8")
SHOWN = re.sub(r"\\f[BRI]", "", PAGE).replace("\\-", "-")


def _commands(group: click.Group, context: click.Context, above: str = "") -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            inside = click.Context(command, parent=context)
            yield from _commands(command, inside, f"{above}{name} ")
        elif command is not None and not command.hidden:
            yield above + name


@pytest.mark.parametrize("command", list(_commands(program, click.Context(program))))
def test_the_page_names_every_command(command: str) -> None:
    assert re.search(rf"^\.B {command}\b", SHOWN, re.MULTILINE)


@pytest.mark.parametrize("status", sorted({64, *(status for _, status in _TABLE)}))
def test_the_page_names_every_status(status: int) -> None:
    assert f"\n.B {status}\n" in PAGE
