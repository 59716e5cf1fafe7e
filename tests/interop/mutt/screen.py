"""A private tmux server with one window: keys go in, text comes out."""

import os
import re
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path

from tests.interop.witness import eventually

_NAMED = re.compile(r"Enter|Escape|C-.|Tab|Space|BSpace|Home|End")


class Screen:
    """One terminal program, seen and typed at."""

    def __init__(self, command: Sequence[str], environment: dict[str, str]) -> None:
        self._tmux = ["tmux", "-L", f"mx-{uuid.uuid4().hex[:8]}", "-f", os.devnull]
        self._environment = environment
        self._run("new-session", "-d", "-x", "140", "-y", "45", *command)
        self._pid = int(self._run("list-panes", "-F", "#{pane_pid}"))

    def keys(self, *keys: str) -> None:
        """Type text; ``Enter``, ``Escape``, ``C-u`` and their like are the keys of that name."""
        for key in keys:
            literal = [] if _NAMED.fullmatch(key) else ["-l"]
            self._run("send-keys", *literal, key)

    def text(self) -> str:
        done = subprocess.run(
            [*self._tmux, "capture-pane", "-p"],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout

    def wait(self, pattern: str, seconds: float = 60.0) -> str:
        """Wait until the screen shows *pattern*; return what matched."""
        return eventually(
            f"the screen shows {pattern}", lambda: re.search(pattern, self.text()), seconds
        ).group(0)

    def is_running(self) -> bool:
        return Path(f"/proc/{self._pid}").exists()

    def close(self) -> None:
        subprocess.run(
            [*self._tmux, "kill-server"],
            env=self._environment,
            stderr=subprocess.DEVNULL,
            check=False,
        )

    def _run(self, *arguments: str) -> str:
        return subprocess.run(
            [*self._tmux, *arguments],
            env=self._environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
