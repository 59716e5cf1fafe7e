"""A process that asked for it leaves no core file."""

import resource
import subprocess
import sys

import pytest

_CODE = """
import ctypes, resource
from mx_core.program.memory import keep_out_of_dumps
keep_out_of_dumps()
print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""


def test_no_core_and_no_debugger() -> None:
    done = subprocess.run([sys.executable, "-c", _CODE], capture_output=True, text=True, check=True)

    assert done.stdout == "(0, 0) 0\n"


_LOCKED = """
import resource, sys
from mx_core.program.memory import keep_out_of_swap
limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_MEMLOCK, (limit, limit))
done = keep_out_of_swap()
grown = bytearray(64 * 1024 * 1024)
held = [l for l in open("/proc/self/status") if l.startswith("VmLck")][0].split()[1]
print(done, int(held) > 64 * 1024)
"""


def locking(limit: int) -> str:
    asked = [sys.executable, "-c", _LOCKED, str(limit)]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout


def test_under_a_limit_no_memory_is_locked() -> None:
    """Beyond it a process that had locked its memory would get no more."""
    assert locking(8 * 1024 * 1024) == "False False\n"


def test_without_a_limit_all_memory_is_locked() -> None:
    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[1] != resource.RLIM_INFINITY:
        pytest.skip("this user has a limit")

    assert locking(resource.RLIM_INFINITY) == "True True\n"
