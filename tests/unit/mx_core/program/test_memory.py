"""A process that asked for it leaves no core file."""

import subprocess
import sys

_CODE = """
import ctypes, resource
from mx_core.program.memory import keep_out_of_dumps
keep_out_of_dumps()
print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""


def test_no_core_and_no_debugger() -> None:
    done = subprocess.run([sys.executable, "-c", _CODE], capture_output=True, text=True, check=True)

    assert done.stdout == "(0, 0) 0\n"
