"""A failpoint does nothing, or kills at the time asked for."""

import os
import signal
import subprocess
import sys

import pytest

_PROGRAM = """
from mx_core.db import failpoint
for n in range(3):
    print(n, flush=True)
    failpoint.reach("other")
    failpoint.reach("sealed")
"""


@pytest.mark.parametrize(
    ("wanted", "printed", "killed"),
    [("", 3, False), ("sealed", 1, True), ("sealed:3", 3, True), ("sent", 3, False)],
)
def test_a_failpoint_kills_when_asked_and_only_then(
    wanted: str, printed: int, killed: bool
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        env={**os.environ, "MX_FAILPOINT": wanted},
        capture_output=True,
        check=False,
    )

    assert done.stdout.split() == [b"%d" % n for n in range(printed)]
    assert done.returncode == (-signal.SIGKILL if killed else 0)
