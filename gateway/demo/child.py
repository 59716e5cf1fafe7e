"""Run one of our modules as a child that ends with its parent, by SIGTERM.

``python -m gateway.demo.child PARENT MODULE ARGUMENT…``.  A process of its own sets this, after exec:
what runs between fork and exec would run in a copy of the parent's threads, and gRPC's die there.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Bind the life of this process to its parent's, then be the module."""
    parent, module, *arguments = sys.argv[1:]
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):
        return  # the parent was gone before this could hear of it
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
