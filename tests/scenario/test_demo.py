"""``mx-gateway demo``: what a person runs first, and what is left when it has ended."""

import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.fleet
_DEMO = (sys.executable, "-m", "gateway", "demo")
_SECONDS = 200


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose path leaves room for the name of a socket below it."""
    with tempfile.TemporaryDirectory(prefix="mx-") as folder:
        yield Path(folder)


def test_one_round_trip_tells_what_travelled_and_leaves_nothing_behind(short: Path) -> None:
    """Acceptance: ``make demo ARGS=--once`` exits 0 and leaves no process and no file behind."""
    mark = f"MX_DEMO_TEST={uuid.uuid4().hex}"
    name, _, value = mark.partition("=")
    environment = {**os.environ, name: value, "TMPDIR": str(short)}

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
    assert list(short.iterdir()) == []


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
