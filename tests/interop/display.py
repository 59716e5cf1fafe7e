"""A screen that nobody sits at: Xvfb, and pictures of what stands on it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

WIDTH, HEIGHT = 1062, 760
PICTURED = os.environ.get("MX_PICTURES", "")


@dataclass(frozen=True)
class Display:
    """One screen; *name* is what programs find it by."""

    name: str

    def picture(self, name: str) -> None:
        """Keep what is shown now as *name*.png in the folder that MX_PICTURES says, if it does."""
        if not PICTURED:
            return
        time.sleep(2)  # what was just set is drawn by then; a picture asserts nothing
        subprocess.run(
            ["import", "-display", self.name, "-window", "root", "-depth", "8", "-strip"]
            + ["+dither", "-colors", "128", f"png8:{Path(PICTURED) / name}.png"],
            check=True,
        )


@contextlib.contextmanager
def display() -> Iterator[Display]:
    """Run a screen of its own for as long as somebody looks."""
    reading, writing = os.pipe()
    size = f"{WIDTH}x{HEIGHT}x24"
    with subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", size, "-nolisten", "tcp", "-ac"],
        pass_fds=(writing,),
        stderr=subprocess.DEVNULL,
    ) as server:
        os.close(writing)
        try:
            with os.fdopen(reading) as told:
                number = told.readline().strip()
            assert number, f"Xvfb ended with status {server.wait()}"
            yield Display(f":{number}")
        finally:
            server.terminate()
