"""What is asked for once is waited for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gateway.cli import asking
from gateway.cli.asking import LONG_SECONDS
from gateway.cli.root import program
from mx_core.control.client import ControlClient


def test_words_that_are_shown_once_are_waited_for_as_long_as_they_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    class Slow(ControlClient):
        def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
            waited.append(self._seconds)
            return {"settings": {}, "recovery_words": "word"}

    monkeypatch.setattr(asking, "ControlClient", Slow)
    command = ["account", "add", "alice@a.example", "--invite", "code", "--json"]

    done = CliRunner().invoke(program, ["--home", str(tmp_path), *command])

    assert (done.exit_code, waited) == (0, [LONG_SECONDS])
    assert "word" in done.output
