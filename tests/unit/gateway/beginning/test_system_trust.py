"""What is said about the certificates of the whole computer, and that what is said works."""

import datetime as dt
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from gateway.beginning.system_trust import LAYOUTS, Layout, look, to_take_back
from gateway.loopback import local_ca

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    folder = tmp_path / "a person's files" / "ca"
    folder.parent.mkdir()
    local_ca.load(folder, NOW)
    return folder


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A computer whose list is made by putting all that an administrator added behind each other."""
    anchors, bundle = tmp_path / "anchors", tmp_path / "bundle.crt"
    anchors.mkdir()
    bundle.write_bytes(b"")
    tool = tmp_path / "update"
    tool.write_text(f"#!/bin/sh\ncat {anchors}/*.crt > {bundle} 2>/dev/null\nexit 0\n")
    tool.chmod(0o700)
    return Layout(anchors, bundle, str(tool), str(tool))


def typed(command: str) -> None:
    """Type what is said, as an administrator."""
    subprocess.run(["sh", "-c", command.replace("sudo ", "")], check=True)


def test_what_is_said_is_typed_as_it_stands_works_and_can_be_taken_back(
    ca: Path, layout: Layout
) -> None:
    before = look(ca, (layout,))
    assert (before.trusted, to_take_back(ca, (layout,))) == (False, "")

    typed(before.add)
    after = look(ca, (layout,))
    assert after.trusted
    assert to_take_back(ca, (layout,)) == after.take

    typed(after.take)
    assert look(ca, (layout,)) == before
    assert to_take_back(ca, (layout,)) == ""


def test_looking_changes_nothing(ca: Path, layout: Layout) -> None:
    look(ca, (layout,))

    assert list(layout.anchors.iterdir()) == []
    assert layout.bundle.read_bytes() == b""


def test_another_gateways_authority_is_not_this_one(
    ca: Path, layout: Layout, tmp_path: Path
) -> None:
    local_ca.load(tmp_path / "other", NOW)
    typed(look(tmp_path / "other", (layout,)).add)

    assert look(tmp_path / "other", (layout,)).trusted
    assert not look(ca, (layout,)).trusted
    assert to_take_back(ca, (layout,)) == ""


def test_an_authority_that_was_copied_but_not_taken_up_is_not_trusted_and_can_be_taken_back(
    ca: Path, layout: Layout
) -> None:
    typed(look(ca, (layout,)).add.partition(" && ")[0])

    assert not look(ca, (layout,)).trusted
    assert "sudo rm" in to_take_back(ca, (layout,))


def test_a_computer_of_a_kind_that_is_not_known_is_told_nothing(ca: Path, tmp_path: Path) -> None:
    gone = Layout(tmp_path / "none", tmp_path / "none", "x", "x")

    told = look(ca, (gone,))

    assert (told.trusted, told.add, told.take) == (False, "", "")
    assert look(tmp_path / "never started", LAYOUTS).add == ""


def test_a_list_that_can_not_be_read_trusts_nothing(ca: Path, layout: Layout) -> None:
    for octets in (b"\xff no certificate", b""):
        layout.bundle.write_bytes(octets)
        assert not look(ca, (layout,)).trusted
    layout.bundle.unlink()
    assert not look(ca, (layout,)).trusted


def test_only_an_administrator_is_asked_to_change_anything(ca: Path, layout: Layout) -> None:
    told = look(ca, (layout,))

    for command in (told.add, told.take):
        assert all(shlex.split(part)[0] == "sudo" for part in command.split(" && "))


@pytest.mark.skipif(not shutil.which("update-ca-certificates"), reason="Debian's own program")
def test_debians_own_program_takes_it(ca: Path, tmp_path: Path) -> None:
    places = {name: tmp_path / name for name in ("local", "etc", "shipped", "hooks")}
    for place in places.values():
        place.mkdir()
    other = local_ca.load(tmp_path / "other", NOW).root_file  # a list is never empty
    shutil.copy(other, places["shipped"] / "other.crt")
    (tmp_path / "conf").write_text("other.crt\n")
    options = (
        f" --localcertsdir {places['local']} --etccertsdir {places['etc']} --certsdir"
        f" {places['shipped']} --hooksdir {places['hooks']} --certsconf {tmp_path / 'conf'}"
    )
    bundle = places["etc"] / "ca-certificates.crt"
    debian = LAYOUTS[0]
    here = Layout(places["local"], bundle, debian.add + options, debian.take + options)

    typed(look(ca, (here,)).add)
    assert look(ca, (here,)).trusted
    typed(look(ca, (here,)).take)
    assert not look(ca, (here,)).trusted
