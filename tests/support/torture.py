"""Long sweeps in two sizes: short in every test run, full under ``make torture``.

A full sweep is done in numbered steps, over as many sittings as it takes: after each step
``bench/results/torture-<name>.json`` holds how far it has come and what it has counted.  It
begins anew when the code under it has changed, and a finished one counts until then.
``MX_TORTURE_SECONDS`` ends a sitting early.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bench.__main__ import commit, machine
from bench.rows import Row

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "bench" / "results"


@dataclass(frozen=True)
class Measure:
    """A figure that steps count; *combine* says how the steps' figures become one."""

    name: str
    unit: str
    better: Literal["higher", "lower"]
    floor: float | None = None
    goal: float | None = None
    combine: Literal["sum", "max"] = "sum"


@dataclass(frozen=True)
class Sweep:
    """A full sweep of *of* steps over *sources*, paths below the root of the repository."""

    name: str
    of: int
    measures: tuple[Measure, ...]
    sources: tuple[str, ...]
    results: Path = RESULTS

    def run(self, step: Callable[[int], Mapping[str, float]]) -> None:
        """Do the steps that are left; each returns its figures by the names of the measures.

        A step that fails is not counted: the next sitting begins with it.
        """
        ends = time.monotonic() + float(os.environ.get("MX_TORTURE_SECONDS", "inf"))
        digest = self.digest()  # of the code as it is loaded now, whatever is edited meanwhile
        done, figures = self._progress(digest)
        while done < self.of and time.monotonic() < ends:
            counted = step(done)
            for measure in self.measures:
                before, now = figures[measure.name], counted.get(measure.name, 0)
                figures[measure.name] = (
                    before + now if measure.combine == "sum" else max(before, now)
                )
            done += 1
            self._write(digest, done, figures)
        for row in self._rows(done, figures):
            if row.better == "higher" and done < self.of:  # a part has not counted all yet
                continue
            assert row.holds_floor(), f"{row.measure}: {row.ours} against {row.floor}"

    @property
    def file(self) -> Path:
        return self.results / f"torture-{self.name}.json"

    def digest(self) -> str:
        """Return what changes with any octet of the code under the sweep."""
        summed = hashlib.sha256()
        for path in sorted(set(self._files())):
            summed.update(f"{path.relative_to(ROOT)}\0".encode())
            summed.update(hashlib.sha256(path.read_bytes()).digest())
        return summed.hexdigest()

    def _files(self) -> Iterator[Path]:
        for name in self.sources:
            path = ROOT / name
            assert path.exists(), name
            yield from path.rglob("*.py") if path.is_dir() else (path,)

    def _progress(self, digest: str) -> tuple[int, dict[str, float]]:
        nothing = dict.fromkeys((measure.name for measure in self.measures), 0.0)
        try:
            kept: dict[str, Any] = json.loads(self.file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return 0, nothing
        if kept["digest"] != digest or kept["of"] != self.of:
            return 0, nothing
        return kept["done"], nothing | kept["figures"]

    def _rows(self, done: int, figures: Mapping[str, float]) -> list[Row]:
        return [
            Row(
                measure=measure.name,
                unit=measure.unit,
                better=measure.better,
                ours=figures[measure.name],
                n=done,
                floor=measure.floor,
                goal=measure.goal,
            )
            for measure in self.measures
        ]

    def _write(self, digest: str, done: int, figures: Mapping[str, float]) -> None:
        document = {
            "rows": [row.as_json() for row in self._rows(done, figures)],
            "machine": machine(),
            "commit": commit(),
            "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "done": done,
            "of": self.of,
            "digest": digest,
            "figures": dict(figures),
        }
        self.results.mkdir(parents=True, exist_ok=True)
        unfinished = self.file.with_suffix(".tmp")
        unfinished.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        unfinished.replace(self.file)
