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


def _options(group: click.Group, context: click.Context) -> Iterator[tuple[str, str]]:
    """Yield what ``--help`` of each command shows of it: the command, and one of its options."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inside = click.Context(command, parent=context, info_name=name)
        if isinstance(command, click.Group):
            yield from _options(command, inside)
        elif not command.hidden:
            path = inside.command_path.strip()
            for option in command.params:
                if isinstance(option, click.Option) and not option.hidden:
                    yield from ((path, each) for each in (*option.opts, *option.secondary_opts))


def _paragraph(command: str) -> str:
    """Return what stands under the heading of *command*, with it; of several that share one, that."""
    found = re.search(rf"^\.B {command}\b.*?(?=^\.TP|^\.SH|\Z)", SHOWN, re.MULTILINE | re.DOTALL)
    assert found, command
    return found[0]


@pytest.mark.parametrize(("command", "option"), sorted(_options(program, click.Context(program))))
def test_the_page_names_every_option_with_its_command(command: str, option: str) -> None:
    assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", _paragraph(command))


def test_the_page_names_every_option_of_the_program_itself() -> None:
    shown = {
        each
        for option in program.params
        if isinstance(option, click.Option) and not option.hidden
        for each in (*option.opts, *option.secondary_opts)
    } | {"--help"}

    missing = [each for each in sorted(shown) if not re.search(rf"{each}(?![\w-])", SHOWN)]
    assert missing == []


@pytest.mark.parametrize("status", sorted({64, *(status for _, status in _TABLE)}))
def test_the_page_names_every_status(status: int) -> None:
    assert f"\n.B {status}\n" in PAGE
