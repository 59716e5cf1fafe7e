"""What the doctor of a door says, and that it says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from mx_core.program.finding import Finding
from smtp_in.door.doctor import examine

pytestmark = pytest.mark.anyio


async def findings(folder: Path) -> list[Finding]:
    return [each async for each in examine(folder)]


async def test_a_configuration_that_is_wrong_is_all_that_is_told(tmp_path: Path) -> None:
    (tmp_path / "mx-door.toml").write_text("port = 0\n", encoding="utf-8")
    [found] = await findings(tmp_path)

    assert "port is a number" in found.said
    assert found.do == f"mend {tmp_path / 'mx-door.toml'}"


async def test_a_certificate_that_is_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "mx-door.toml").write_text(
        '[tls]\ncertificate = "x"\nkey = "y"\n', encoding="utf-8"
    )
    [found] = await findings(tmp_path)

    assert "cannot be used together" in found.said


async def test_without_a_home_server_the_doctor_names_the_setting(tmp_path: Path) -> None:
    tls, home = await findings(tmp_path)

    assert "made at each start" in tls.said
    assert not tls.do
    assert "[door] enabled = true" in home.do
