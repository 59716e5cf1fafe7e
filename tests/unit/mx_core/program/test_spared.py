"""What is not used is not loaded, and is there again afterwards."""

from __future__ import annotations

import gc
import importlib
import subprocess
import sys

import pytest

from mx_core.program.spared import loading, spared


def test_inside_it_is_not_installed_and_afterwards_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "rich"]:
        monkeypatch.delitem(sys.modules, name)

    with spared(), pytest.raises(ImportError):
        importlib.import_module("rich")

    assert importlib.import_module("rich").__name__ == "rich"


def test_what_is_loaded_already_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    marker = type(sys)("rich")
    monkeypatch.setitem(sys.modules, "rich", marker)

    with spared():
        assert importlib.import_module("rich") is marker

    assert sys.modules["rich"] is marker


def test_the_log_speaks_without_it() -> None:
    code = (
        "from mx_core.program.spared import spared\n"
        "with spared():\n    from mx_core.program import logs\n    import structlog\n"
        "from mx_core.program.log_settings import Log\n"
        "logs.configure(Log(format='json'))\nstructlog.get_logger().info('said', octets=1)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert '"event": "said"' in done.stderr


def test_garbage_is_looked_for_again_once_a_program_is_loaded_or_was_not() -> None:
    with loading():
        assert not gc.isenabled()
    assert gc.isenabled()

    with pytest.raises(ZeroDivisionError), loading():
        _ = 1 / 0
    assert gc.isenabled()


def test_what_was_loaded_is_never_looked_through_for_garbage() -> None:
    before = gc.get_freeze_count()
    with loading():
        loaded = [[each] for each in range(1_000)]

    assert gc.get_freeze_count() >= before + len(loaded)
