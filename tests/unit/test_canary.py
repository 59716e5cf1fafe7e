"""The search for marks finds them in every form: otherwise "not found" says nothing."""

from pathlib import Path

import pytest

from tests.support.canary import files_holding, marks_found, planted

MARK = b"zqcanaryxw"


@pytest.mark.parametrize("form", sorted(planted(MARK)))
def test_a_mark_is_found_in_every_form(form: str, tmp_path: Path) -> None:
    octets = planted(MARK)[form]
    path = tmp_path / "deep" / "planted"
    path.parent.mkdir()
    path.write_bytes(b"\x00\xff" + octets)

    assert form in marks_found(octets, [MARK])[MARK]
    assert form in files_holding([b"another", MARK], [tmp_path])[path][MARK]


def test_octets_without_a_mark_hold_it_in_no_form() -> None:
    assert marks_found(bytes(range(256)) * 100, [MARK]) == {}
