"""The image's recipe says what is true of the tree: files, ports, commands, and who runs it."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import click
import pytest

from mx_core.homeserver.__main__ import program
from mx_core.homeserver.config import Ports

ROOT = Path(__file__).resolve().parents[4]
RECIPE = (ROOT / "systemd" / "mx-home.Containerfile").read_text(encoding="utf-8")
QUADLET = (ROOT / "systemd" / "mx-home.container").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _said(instruction: str) -> str:
    """Return the last *instruction*, which is the one that counts."""
    found: list[str] = re.findall(rf"^{instruction} (.*)$", RECIPE, re.MULTILINE)
    return found[-1]


def _runs(words: list[str]) -> None:
    """Parse *words* with the program's own parser, without running them."""
    name, *rest = words
    command = program.get_command(click.Context(program), name)
    assert command is not None
    command.make_context(name, rest)


def test_what_is_copied_is_there_and_every_package_is_copied() -> None:
    copied = [
        name
        for line in re.findall(r"^COPY (?!--from)(.*) \S+$", RECIPE, re.MULTILINE)
        for name in line.split()
    ]

    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert set(wheel["packages"]) <= set(copied)


def test_the_extras_that_are_installed_exist() -> None:
    extras = re.findall(r"mx-gateway\[(.*)\]", RECIPE)[0].split(",")

    assert set(extras) <= set(PROJECT["project"]["optional-dependencies"])


def test_it_runs_as_a_user_without_rights_and_its_ports_are_those_of_the_program() -> None:
    ports = Ports()

    assert _said("USER") == "10001:10001"
    assert _said("EXPOSE") == f"{ports.hello} {ports.federation} {ports.client}"
    assert f"PublishPort={ports.hello}-{ports.client}:{ports.hello}-{ports.client}" in QUADLET
    assert ports.client == ports.hello + 2
    for line in ("ReadOnly=true", "NoNewPrivileges=true", "DropCapability=all"):
        assert f"\n{line}\n" in QUADLET


@pytest.mark.parametrize("where", ["CMD", "HEALTHCHECK .* CMD"])
def test_its_commands_are_commands_of_the_program(where: str) -> None:
    words = json.loads(_said(where))
    if words[0] == "mx-home":
        del words[0]
    else:
        assert json.loads(_said("ENTRYPOINT")) == ["mx-home"]

    _runs(words)


def test_the_health_of_both_files_is_asked_alike() -> None:
    recipe = json.loads(_said("HEALTHCHECK .* CMD"))

    assert f"HealthCmd={' '.join(recipe)}\n" in QUADLET
    assert "mx-home" in PROJECT["project"]["scripts"]
