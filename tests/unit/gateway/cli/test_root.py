"""``--help`` tells what each command tells of itself, and loads none of them."""

import subprocess
import sys

import click
import pytest
from click.shell_completion import ShellComplete

from gateway.cli.root import _COMMANDS, _SECTIONS, program

_ASKED = """
import runpy, sys
sys.argv = ["mx-gateway", "--help"]
try:
    runpy.run_module("gateway", run_name="__main__")
except SystemExit:
    pass
loaded = sorted(name for name in sys.modules if name.startswith("gateway.cli."))
print(loaded, "asyncio" in sys.modules, "structlog" in sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize("name", _COMMANDS)
def test_the_sentence_of_the_list_is_the_command_s_own(name: str) -> None:
    command = program.get_command(click.Context(program), name)

    assert command is not None
    assert command.help is not None
    assert command.help.split("\n\n")[0].replace("\n", " ") == _COMMANDS[name][1]


def test_each_command_stands_in_one_section() -> None:
    listed = [name for _, names in _SECTIONS for name in names]

    assert sorted(listed) == sorted(_COMMANDS)


@pytest.mark.parametrize(
    ("typed", "word", "completed"),
    [
        ([], "po", ["policy"]),
        (["policy"], "s", ["set", "show"]),
        (["client"], "thun", ["thunderbird"]),
        (["status"], "--j", ["--json"]),
    ],
)
def test_a_shell_completes_commands_choices_and_options(
    typed: list[str], word: str, completed: list[str]
) -> None:
    shell = ShellComplete(program, {}, "mx-gateway", "_MX_GATEWAY_COMPLETE")

    assert [one.value for one in shell.get_completions(typed, word)] == completed


def test_help_loads_no_command() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _ASKED], capture_output=True, text=True, check=True
    )

    assert done.stderr == "['gateway.cli.root'] False False\n"
    assert all(f"  {name} " in done.stdout for name in _COMMANDS)
