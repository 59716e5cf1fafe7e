"""The search for a marker finds it in every form: otherwise "not found" says nothing."""

from pathlib import Path

import pytest

from tests.support.canary import files_holding, forms_found, in_every_form

MARKER = b"zqcanaryxw"


@pytest.mark.parametrize("form", sorted(in_every_form(MARKER)))
def test_the_marker_is_found_in_every_form(form: str, tmp_path: Path) -> None:
    octets = in_every_form(MARKER)[form]
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "planted").write_bytes(b"\x00\xff" + octets)

    assert forms_found(octets, MARKER)
    assert files_holding(MARKER, [tmp_path])


def test_octets_without_the_marker_hold_it_in_no_form() -> None:
    assert forms_found(bytes(range(256)) * 100, MARKER) == set()
