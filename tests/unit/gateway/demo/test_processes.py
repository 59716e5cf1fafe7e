"""A child says when it is ready, and never outlives whoever started it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway.demo.processes import Program
from mx_core.model.errors import Unavailable

_SERVES = "import sys,time\nprint('noise')\nprint('ready', flush=True)\ntime.sleep(60)\n"
_FAILS = "import sys\nprint('first', file=sys.stderr)\nsys.exit('port taken')\n"
_PARENT = """
import os, pathlib, sys
from gateway.demo.processes import Program
program = Program("child", ["child_program"], pathlib.Path(sys.argv[1]))
program.start()
print(program.process.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def module(tmp_path: Path) -> dict[str, str]:
    """Return the environment in which ``child_program`` serves."""
    (tmp_path / "child_program.py").write_text(_SERVES)
    root = Path(__file__).resolve().parents[4]
    return {"PYTHONPATH": f"{tmp_path}{os.pathsep}{root}"}


def test_a_program_has_started_when_it_says_ready(tmp_path: Path, module: dict[str, str]) -> None:
    program = Program("child", ["child_program"], tmp_path / "log", module)

    program.start()
    program.stop()

    assert program.process is None


def test_a_program_that_ends_instead_is_told_by_its_last_words(
    tmp_path: Path, module: dict[str, str]
) -> None:
    (tmp_path / "child_program.py").write_text(_FAILS)
    program = Program("child", ["child_program"], tmp_path / "log", module)

    with pytest.raises(Unavailable, match="child ended with status 1: port taken"):
        program.start()


def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path, module: dict[str, str]) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(tmp_path / "log")],
        env={**os.environ, **module},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert _is_running(child)

    parent.send_signal(signal.SIGKILL)
    parent.communicate()

    deadline = time.monotonic() + 10
    while _is_running(child):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
