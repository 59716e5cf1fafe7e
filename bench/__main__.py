"""``make bench``: run each measurement, leave ``bench/results/<name>.json``, print a table.

``make bench ARGS="end_to_end"`` runs one.  A measurement is a module here with ``measure()``,
which returns rows in the units it names.
"""

import argparse
import datetime as dt
import importlib
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

from bench.rows import Row, table

HERE = Path(__file__).parent
NOT_MEASUREMENTS = {"__init__", "__main__", "rows"}


def main() -> int:
    known = sorted(p.stem for p in HERE.glob("*.py") if p.stem not in NOT_MEASUREMENTS)
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(known)}; default: all")
    asked = parser.parse_args().names or known
    if unknown := set(asked) - set(known):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    below_floor = False
    for name in asked:
        rows: list[Row] = importlib.import_module(f"bench.{name}").measure()
        write(name, rows)
        print(f"\n{name}\n{table(rows)}")
        below_floor |= any(not row.holds_floor() for row in rows)
    return int(below_floor)


def write(name: str, rows: list[Row]) -> None:
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    document = {
        "rows": [row.as_json() for row in rows],
        "machine": machine(),
        "commit": commit(),
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    }
    (results / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def machine() -> str:
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}, "
        f"Python {platform.python_version()}"
    )


def commit() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
