"""``mx-gateway demo``: what a person runs first, and what is left when it has ended."""

import os
import subprocess
import sys
import uuid
from pathlib import Path

_DEMO = (sys.executable, "-m", "gateway", "demo")
_SECONDS = 60


def test_one_round_trip_tells_what_travelled_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """Acceptance: ``make demo ARGS=--once`` exits 0 and leaves no process and no file behind."""
    mark = f"MX_DEMO_TEST={uuid.uuid4().hex}"
    name, _, value = mark.partition("=")
    environment = {**os.environ, name: value, "TMPDIR": str(tmp_path)}

    done = subprocess.run(
        [*_DEMO, "--once"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("octet for octet") == 2
    assert "from a.example: to bob@b.example" in done.stdout
    assert processes_with(mark) == []
    assert list(tmp_path.iterdir()) == []


def processes_with(mark: str) -> list[int]:
    """Return the processes that were started with *mark* in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append(int(process.name))
        except OSError:
            continue  # ended meanwhile, or somebody else's
    return found
