"""The man page names every command and every status that the program ends with."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

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


def _options(group: click.Group) -> set[str]:
    found = set()
    for command in group.commands.values():
        if isinstance(command, click.Group):
            found |= _options(command)
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                found |= {*option.opts, *option.secondary_opts}
    return found


@pytest.mark.parametrize("option", sorted(_options(program) | {"--help", "--version"}))
def test_the_page_names_every_option(option: str) -> None:
    assert re.search(rf"{option}\b", SHOWN)


@pytest.mark.parametrize("status", re.findall(r"^\| (\d\d) \|", GUIDE, re.MULTILINE))
def test_the_page_names_every_status_that_the_guide_does(status: str) -> None:
    assert f"\n.B {status}\n" in PAGE


def test_the_guide_names_every_command() -> None:
    missing = [
        command for command in _commands(program) if f"mx-home {command.split()[0]}" not in GUIDE
    ]

    assert missing == []


def test_the_shell_completes_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMP_WORDS", "mx-home do")
    monkeypatch.setenv("COMP_CWORD", "1")
    monkeypatch.setenv("_MX_HOME_COMPLETE", "bash_complete")
    with CliRunner().isolation() as (out, _, _), pytest.raises(SystemExit):
        program.main(prog_name="mx-home", standalone_mode=False)

    assert out.getvalue().decode().split() == ["plain,doctor", "plain,domain-key"]
