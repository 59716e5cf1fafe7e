"""A program that hangs in its start, or is ended there by a signal of the system, tells where it was."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[4]
_PROGRAM = """
import os, signal, threading
from mx_core.program import starting

def the_step_that_hangs():
    threading.Event().wait()

def the_step_that_breaks():
    os.kill(os.getpid(), signal.{signal})

with starting.watched({seconds}) as started:
    {step}
"""


def _program(step: str, seconds: float = 1e6, number: str = "SIGTERM") -> list[str]:
    text = _PROGRAM.format(step=step, seconds=seconds, signal=number)
    return [sys.executable, "-c", text]


def test_a_start_that_hangs_tells_where_every_thread_is() -> None:
    program = subprocess.Popen(
        _program("the_step_that_hangs()", 0.01), cwd=_ROOT, stderr=subprocess.PIPE, text=True
    )
    try:
        assert program.stderr is not None
        assert any("in the_step_that_hangs" in line for line in program.stderr)
    finally:
        program.kill()
        program.communicate()


@pytest.mark.parametrize("number", ["SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL"])
@pytest.mark.parametrize("when", ["", "started()"])
def test_a_program_that_is_ended_by_the_system_tells_where_it_was(number: str, when: str) -> None:
    done = subprocess.run(
        _program(f"{when}; the_step_that_breaks()".removeprefix("; "), number=number),
        cwd=_ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == -signal.Signals[number]
    assert "in the_step_that_breaks" in done.stderr


_OVER = """
import threading
from mx_core.program import starting

def telling():
    return [thread for thread in threading.enumerate() if thread.name == "starting"]

with starting.watched(1e6) as started:
    [thread] = telling()
    started()
    thread.join(60)
    assert not telling()
try:
    with starting.watched(1e6):
        assert telling()
        raise OSError
except OSError:
    assert not telling()
"""


def test_of_a_start_that_is_done_or_has_failed_nothing_is_told_any_more() -> None:
    subprocess.run([sys.executable, "-c", _OVER], cwd=_ROOT, check=True, timeout=60)
