from pathlib import Path

import msgspec
import pytest

from mx_core.model.errors import BadConfiguration
from mx_core.program.configuration import converted, read_toml


class Inner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    size: int = 1


class Outer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str = ""
    inner: Inner = Inner()


def test_every_unknown_key_is_named_with_the_nearest_known_one() -> None:
    tree = {"nmae": "x", "inner": {"sice": 2}, "far": 1}

    with pytest.raises(BadConfiguration) as caught:
        converted(tree, Outer, "the file")
    assert str(caught.value) == (
        "the file: unknown key 'nmae', did you mean 'name'?; "
        "unknown key 'inner.sice', did you mean 'inner.size'?; unknown key 'far'"
    )


def test_values_that_types_cannot_judge_are_named_too() -> None:
    with pytest.raises(BadConfiguration, match="the file: size is odd"):
        converted({}, Outer, "the file", lambda _: ["size is odd"])


def test_a_whole_tree_is_converted() -> None:
    assert converted({"inner": {"size": 5}}, Outer, "f") == Outer(inner=Inner(size=5))


def test_an_absent_file_is_the_callers_business(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_toml(tmp_path / "absent")


def test_a_directory_in_place_of_the_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="cannot be read"):
        read_toml(tmp_path)
