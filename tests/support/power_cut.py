"""Processes whose disk can lose power: what is left is what had been synced, and nothing more.

``Machine`` imports the code under test once, with ``power_cut.c`` preloaded, and forks a
process for each run, so a run costs no start-up.  Without a C compiler the disk is the real one
and a cut is a plain SIGKILL: it proves less, and says so in ``Machine.cuts_power``.

Run as a program this is the server that forks; the parent speaks one JSON line for each run.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import importlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
SHIM = Path(__file__).with_suffix(".c")
_ANSWER_SECONDS = 60.0


@dataclass(frozen=True)
class Run:
    """What one process said before its end: lines in order, and the status of ``os.wait``."""

    lines: list[str]
    status: int
    cut: bool  # by us

    def said(self, word: str) -> list[list[str]]:
        """Return the other words of the lines that begin with *word*."""
        return [words[1:] for words in map(str.split, self.lines) if words[0] == word]


@dataclass
class Disk:
    """``live`` is what programs see, ``shadow`` what has reached the disk."""

    live: Path
    shadow: Path
    lives: int = field(default=0, init=False)

    @classmethod
    def under(cls, folder: Path) -> Disk:
        disk = cls(folder / "live", folder / "shadow")
        disk.live.mkdir(parents=True)
        disk.shadow.mkdir()
        return disk

    def power_on(self) -> None:
        """Put the live folder back to what the disk holds; begin a new shadow."""
        self.lives += 1
        after = self.live.with_name("after")
        after.mkdir()
        self._restore(self.live, after)
        shutil.rmtree(self.live)
        after.rename(self.live)
        shutil.rmtree(self.shadow)
        self.shadow.mkdir()

    def _restore(self, folder: Path, into: Path) -> None:
        # the shim adds the moment of birth to the inode; no other folder can have had this one
        for names in self.shadow.glob(f"names-{folder.stat().st_ino}-*"):
            self._fill(names, into)

    def _fill(self, names: Path, into: Path) -> None:
        for line in names.read_text(encoding="utf-8").splitlines():
            kind, key, name = line.split(" ", 2)
            if kind == "d":
                (into / name).mkdir(mode=0o700)
                inner = self.shadow / f"names-{key}"
                if inner.exists():
                    self._fill(inner, into / name)
                continue
            octets = self.shadow / f"file-{key}"
            if octets.exists():
                shutil.copyfile(octets, into / name)
            else:
                (into / name).touch()  # the name was synced and the octets never were
            (into / name).chmod(0o600)


class Machine:
    """A process that can be started again and again on a disk, and cut off."""

    def __init__(self, name: str, workload: str, folder: Path) -> None:
        """*workload* is ``module:function``; the function gets the live folder and arguments."""
        self.name = name
        self._workload = workload
        self._folder = folder
        self._lines: queue.Queue[str] = queue.Queue()
        self._server: subprocess.Popen[str]
        self._listener: threading.Thread
        self.cuts_power = False

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        library = compiled(self._folder)
        self.cuts_power = library is not None
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.support.power_cut", self._workload],
            cwd=ROOT,
            env=os.environ | ({"LD_PRELOAD": str(library)} if library else {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.close()
        try:
            self._server.wait(10)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        self._listener.join()
        self._server.stdout.close()

    def run(
        self,
        disk: Disk,
        arguments: Mapping[str, Any],
        *,
        cut_after: int | None = None,
        word: str = "did",
        delay: float = 0.0,
        cut_at_end: bool = False,
        settings: Mapping[str, str] | None = None,
    ) -> Run:
        """Run once on *disk*: to its own end, or cut *delay* after the *cut_after*-th *word*.

        *cut_at_end* takes the power away when the process has ended by itself.  *settings* are
        variables of ``power_cut.c``.
        """
        wish = {
            "live": str(disk.live),
            "arguments": dict(arguments),
            "settings": {
                "MX_CUT_ROOT": str(disk.live),
                "MX_CUT_SHADOW": str(disk.shadow),
                **(settings or {}),
            }
            if self.cuts_power
            else {},
        }
        assert self._server.stdin is not None
        print(json.dumps(wish), file=self._server.stdin, flush=True)
        process = int(self._next().removeprefix("pid "))
        lines: list[str] = []
        cut = False
        count = 0
        at = time.monotonic() + delay if cut_after == 0 else None
        while True:
            line = self._next(at)
            if line is None:
                os.kill(process, signal.SIGKILL)
                cut, at = True, None
                continue
            if line.startswith("ended "):
                break
            lines.append(line)
            count += line.startswith(word + " ")
            if count == cut_after and at is None and not cut:
                at = time.monotonic() + delay
        status = int(line.removeprefix("ended "))
        if cut:
            # the process may have come to its end by itself in the same moment
            cut = os.WIFSIGNALED(status)
        if self.cuts_power and (cut or cut_at_end):
            disk.power_on()
        return Run(lines, status, cut)

    def _next(self, until: float | None = None) -> Any:
        """Return the next line, or None when *until* has come first."""
        wait = _ANSWER_SECONDS if until is None else max(0.0, until - time.monotonic())
        try:
            return self._lines.get(timeout=wait)
        except queue.Empty:
            if until is None:
                raise AssertionError("the process says nothing any more") from None
            return None

    def _listen(self) -> None:
        assert self._server.stdout is not None
        for line in self._server.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put("ended 256")


def compiled(folder: Path) -> Path | None:
    """Return the library to preload, or None if this machine has no compiler."""
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        return None
    library = folder / "power_cut.so"
    subprocess.run(
        [compiler, "-O2", "-shared", "-fPIC", "-o", library, SHIM, "-ldl", "-lpthread"],
        check=True,
        timeout=60,
    )
    return library


# ── the server ───────────────────────────────────────────────────────────────────────
_parent = 1  # what ``say`` writes to; nothing else may, or lines would mix


def say(*words: object) -> None:
    """Write a line that the parent will see, whatever happens to this process next."""
    os.write(_parent, (" ".join(map(str, words)) + "\n").encode())


def calls_in_root() -> tuple[int, int]:
    """Return how many syncs and writes the shim has counted in this process; 0 without it."""
    counted = ctypes.CDLL(None)
    with contextlib.suppress(AttributeError):
        return counted.power_cut_syncs(), counted.power_cut_writes()
    return 0, 0


def _sync_all(folder: Path) -> None:
    """Make everything under *folder* durable: the disk as it is when the power comes on."""
    for path in [folder, *folder.rglob("*")]:
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def _children(work: Callable[[Path, dict[str, Any]], int], wishes: Iterator[str]) -> None:
    for text in wishes:
        wish = json.loads(text)
        process = os.fork()
        if process == 0:
            _live(work, wish)
        _, status = os.waitpid(process, 0)
        say("ended", status)


def _live(work: Callable[[Path, dict[str, Any]], int], wish: dict[str, Any]) -> None:
    status = 70
    try:
        live = Path(wish["live"])
        settings = wish["settings"]
        failing = settings.pop("MX_CUT_FAIL", None)
        forget = settings.pop("MX_CUT_FORGET", None)
        os.environ.update(settings)
        _sync_all(live)
        before = calls_in_root()
        if failing:
            what, first, many = failing.split()
            seen = before[what == "write"]
            os.environ["MX_CUT_FAIL"] = f"{what} {int(first) + seen} {many}"
        if forget:
            os.environ["MX_CUT_FORGET"] = forget
        faulthandler.dump_traceback_later(_ANSWER_SECONDS / 2, exit=True)
        say("pid", os.getpid())
        status = work(live, wish["arguments"])
        after = calls_in_root()
        say("counted", after[0] - before[0], after[1] - before[1])
    except BaseException:  # noqa: BLE001  # this process must not go on as its parent
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def main() -> None:
    global _parent  # noqa: PLW0603  # set once, before anything can speak
    _parent = os.dup(1)
    os.dup2(2, 1)
    module, _, function = sys.argv[1].partition(":")
    _children(getattr(importlib.import_module(module), function), iter(sys.stdin))


if __name__ == "__main__":
    # the module that workloads import, not this second copy of it
    importlib.import_module("tests.support.power_cut").main()
