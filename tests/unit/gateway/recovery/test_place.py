"""A data directory is where it was, or says that it is a copy."""

import shutil
from pathlib import Path

import pytest

from gateway.recovery.place import check_place
from mx_core.model.errors import BadConfiguration


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    path = tmp_path / "machine-id"
    path.write_text("0123456789abcdef\n")
    return path


@pytest.fixture
def data(tmp_path: Path, machine: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    check_place(folder, machine=machine)
    return folder


def test_a_directory_is_started_again_where_it_was(data: Path, machine: Path) -> None:
    check_place(data, machine=machine)
    renamed = data.rename(data.with_name("renamed"))

    check_place(renamed, machine=machine)
    assert (renamed / "place").stat().st_mode & 0o777 == 0o600


def test_a_copied_directory_is_refused_and_says_what_to_do(data: Path, machine: Path) -> None:
    copy = data.with_name("copy")
    shutil.copytree(data, copy)
    before = (copy / "place").read_bytes()
    with pytest.raises(BadConfiguration, match="mx-gateway restore FILE"):
        check_place(copy, machine=machine)

    assert (copy / "place").read_bytes() == before
    check_place(data, machine=machine)


def test_the_same_disk_in_another_machine_is_refused(data: Path, machine: Path) -> None:
    machine.write_text("fedcba9876543210\n")

    with pytest.raises(BadConfiguration):
        check_place(data, machine=machine)


def test_a_moved_directory_is_taken_when_a_person_says_so(data: Path, machine: Path) -> None:
    copy = data.with_name("copy")
    shutil.copytree(data, copy)
    shutil.rmtree(data)
    check_place(copy, moved=True, machine=machine)

    check_place(copy, machine=machine)


def test_a_machine_without_a_name_is_known_by_the_file_alone(data: Path, machine: Path) -> None:
    nameless = machine.with_name("nameless")
    check_place(data, moved=True, machine=nameless)

    check_place(data, machine=nameless)
