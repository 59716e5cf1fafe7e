"""An address has one device until there is a journal: nothing that a person can do makes a second."""

from __future__ import annotations

import html
import re
import shlex

import click
import httpx
import pytest
from click.testing import CliRunner

from gateway.cli.root import program
from tests.support.page_gateway import Everything
from tests.support.people import make_person

pytestmark = pytest.mark.anyio


def test_no_command_links_a_device_or_keeps_one() -> None:
    context = click.Context(program)
    device = program.get_command(context, "device")
    assert isinstance(device, click.Group)
    assert set(device.commands) == {"list", "remove"}
    for name in ("recover", "restore"):
        command = program.get_command(context, name)
        assert command is not None
        assert "keep" not in {parameter.name for parameter in command.params}


def test_help_says_that_there_is_one_device_and_how_it_moves() -> None:
    told = " ".join(CliRunner().invoke(program, ["device", "--help"]).output.split())

    assert "An address has one device for now" in told
    assert "mx-gateway backup" in told
    assert "mx-gateway recover" in told


async def test_the_page_says_it_too_and_its_commands_can_be_typed(
    inside: httpx.AsyncClient, behind: Everything
) -> None:
    person = make_person()
    person.add()
    behind.person = person
    shown = (await inside.get("/devices?account=alice%40a.example")).text

    assert "An address has one device for now" in shown
    commands = [
        shlex.split(html.unescape(one))
        for one in re.findall("<code>mx-gateway (.*?)</code>", shown)
    ]
    assert ["device", "remove"] in [one[:2] for one in commands]
    for words in commands:
        parsed(words)


def parsed(words: list[str]) -> None:
    """Fail unless the program takes these words; nothing is done."""
    command: click.Command = program
    context = click.Context(program)
    while isinstance(command, click.Group):
        found = command.get_command(context, words[0])
        assert found is not None, words
        command, words = found, words[1:]
    if words:
        command.make_context(command.name, list(words))
