"""Inputs that lead to code which none before reached: libFuzzer, by atheris.

``python -m tests.fuzz.guided TARGET SECONDS`` goes on from the corpus that earlier runs left in
``bench/results/corpus``.  An input that breaks the target is left in ``tests/fuzz/found``, as by
``hammer``.  atheris is installed by ``make torture`` alone, where it has a wheel.
"""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

NAMES = ("imap-commands", "imap-framing", "mime", "search")
OURS = ("imap_out", "mx_core")
CORPUS = Path(__file__).resolve().parents[2] / "bench" / "results" / "corpus"
_OCTETS_MAX = 4_096
_EXECUTED = re.compile(r"stat::number_of_executed_units: (\d+)")


def guided(name: str, seconds: int) -> dict[str, float]:
    """Run a target in a process of its own; return how many inputs it took."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.guided", name, str(seconds)],
        capture_output=True,
        text=True,
        check=False,
    )
    told = done.stdout + done.stderr
    assert done.returncode == 0, told[-4_000:]
    executed = _EXECUTED.search(told)
    assert executed is not None, told[-4_000:]
    return {"inputs": float(executed[1])}


def main() -> None:
    import atheris  # noqa: PLC0415  # not there but for make torture

    name, seconds = sys.argv[1:]
    with atheris.instrument_imports(include=list(OURS)):
        targets = importlib.import_module("tests.fuzz.test_fuzz").TARGETS
    target = next(target for target in targets if target.name == name)
    corpus = CORPUS / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, octets in enumerate(target.corpus):
        (corpus / f"first-{number}").write_bytes(octets[:_OCTETS_MAX])
    found = Path(__file__).with_name("found")
    found.mkdir(exist_ok=True)
    atheris.Setup(
        [
            sys.argv[0],
            f"-max_total_time={seconds}",
            f"-max_len={_OCTETS_MAX}",
            "-print_final_stats=1",
            f"-artifact_prefix={found}/{name}-",
            str(corpus),
        ],
        target.judge,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
