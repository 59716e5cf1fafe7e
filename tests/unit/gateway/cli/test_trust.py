"""``mx-gateway trust`` says what to type, changes nothing, and tells whether it has worked."""

import datetime as dt
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.beginning import system_trust
from gateway.beginning.system_trust import Told
from gateway.cli.doctor import uninstall
from gateway.cli.trust import trust
from gateway.directories import Directories, directories
from gateway.loopback import local_ca


@pytest.fixture
def places(tmp_path: Path) -> Directories:
    made = directories(tmp_path)
    made.prepare()
    local_ca.load(made.data / "ca", dt.datetime.now(dt.UTC))
    return made


def here(monkeypatch: pytest.MonkeyPatch, *told: Told) -> None:
    """Let each look find the next of *told*."""
    found = iter(told)
    monkeypatch.setattr(system_trust, "look", lambda _: next(found))


def test_the_command_to_type_is_said_and_nothing_is_asked_without_a_terminal(
    places: Directories, monkeypatch: pytest.MonkeyPatch
) -> None:
    here(monkeypatch, Told(trusted=False, add="sudo add it", take="sudo take it"))
    said = CliRunner().invoke(trust, obj=places)

    assert said.exit_code == 0
    assert said.output.splitlines()[-1] == "  sudo add it"


@pytest.mark.parametrize(("worked", "status"), [(True, 0), (False, 69)])
def test_at_a_terminal_it_looks_whether_that_has_worked(
    places: Directories, monkeypatch: pytest.MonkeyPatch, worked: bool, status: int
) -> None:
    before = Told(trusted=False, add="sudo add it", take="sudo take it")
    here(monkeypatch, before, Told(worked, "sudo add it", "sudo take it"))
    monkeypatch.setattr("gateway.cli.trust._at_a_terminal", lambda: True)
    said = CliRunner().invoke(trust, obj=places, input="\n")

    assert said.exit_code == status
    assert ("sudo take it" in said.output) is worked


def test_a_computer_that_is_not_known_is_told_which_file_it_is(
    places: Directories, monkeypatch: pytest.MonkeyPatch
) -> None:
    here(monkeypatch, Told(trusted=False, add="", take=""))
    said = CliRunner().invoke(trust, obj=places)

    assert said.exit_code == 69
    assert str(places.data / "ca" / "root.pem") in said.stderr


def test_programs_read_it_as_json(places: Directories, monkeypatch: pytest.MonkeyPatch) -> None:
    here(monkeypatch, Told(trusted=True, add="a", take="t"))
    said = CliRunner().invoke(trust, ["--json"], obj=places)

    assert json.loads(said.output) == {"trusted": True, "add": "a", "take": "t"}


@pytest.mark.parametrize(("keep", "says"), [((), True), (("--keep", "mail"), False)])
def test_who_uninstalls_is_told_what_to_type_while_the_computer_trusts_it(
    places: Directories, monkeypatch: pytest.MonkeyPatch, keep: tuple[str, ...], says: bool
) -> None:
    monkeypatch.setattr(system_trust, "to_take_back", lambda _: "sudo take it")
    monkeypatch.setenv("HOME", str(places.data.parent))
    said = CliRunner().invoke(uninstall, ["--yes", *keep], obj=places)

    assert said.exit_code == 0
    assert ("type: sudo take it" in said.output) is says
