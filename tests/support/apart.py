"""Programs on a computer of their own: namespaces of Linux."""

import shutil
import subprocess

import pytest


def apart(*kinds: str) -> list[str]:
    """Return what begins a program in namespaces of *kinds*, as ``unshare`` names them; skips where none is allowed."""
    for words in (["unshare", *kinds], ["unshare", "--user", "--map-root-user", *kinds]):
        asked = [*words, "ip", "link", "set", "lo", "up"]
        if shutil.which("unshare") and not subprocess.run(asked, check=False).returncode:
            return words
    pytest.skip("this machine allows no namespaces")
