"""Start a program, wait until it says it is ready, and make sure that it ends with us."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mx_core.model.errors import Unavailable

_CHILD = "gateway.demo.child"
_END_SECONDS = 10


@dataclass
class Program:
    """One child process; its standard error goes to *log*."""

    name: str
    arguments: Sequence[str]
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Launch, and return when the program has printed ``ready``; raises as ``await_ready``."""
        self.launch()
        self.await_ready()

    def launch(self) -> None:
        """Begin; from the thread that lives longest, because the child ends with it."""
        self._forget()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603  # our own programs
                [sys.executable, "-m", _CHILD, str(os.getpid()), *self.arguments],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, **self.environment},
            )

    def await_ready(self) -> None:
        """Return when the program has printed ``ready``.

        Raises:
            Unavailable: It ended instead; the sentence is the last line it wrote.
        """
        if self.process is None or self.process.stdout is None:
            raise AssertionError(f"{self.name} was not launched")
        for line in self.process.stdout:
            if line.strip() == "ready":
                return
        status = self.process.wait()
        self._forget()
        raise Unavailable(f"{self.name} ended with status {status}: {self.last_words()}")

    def last_words(self) -> str:
        """Return the last sentence of the program itself, else the last line of its log."""
        lines = self.log.read_text(errors="replace").splitlines()
        own = [line for line in lines if line.startswith(("mx-gateway: ", "mx-home: "))]
        return (own or lines or ["it said nothing"])[-1]

    def stop(self) -> None:
        """End the program: SIGTERM, then SIGKILL after ten seconds."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._forget()

    def kill(self) -> None:
        """SIGKILL, and wait until the kernel has let go of ports and locks."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def _forget(self) -> None:
        """Let go of a program that has ended."""
        if self.process is not None and self.process.stdout is not None:
            self.process.stdout.close()
        self.process = None

    def wait(self, seconds: float) -> int:
        """Return the exit status; negative is a signal."""
        if self.process is None:
            raise AssertionError(f"{self.name} was never started")
        return self.process.wait(seconds)


def run(arguments: Sequence[str], *, stdin: str = "") -> str:
    """Return the standard output of one of our commands.

    Raises:
        Unavailable: It failed; the sentence is what it wrote to standard error.
    """
    done = subprocess.run(  # noqa: S603  # our own programs
        [sys.executable, "-m", *arguments],
        capture_output=True,
        text=True,
        input=stdin,
        check=False,
    )
    if done.returncode:
        raise Unavailable(f"{' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
