"""What somebody gets who installs the wheel: the programs, and their pages for man."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_wheel_brings_the_man_page_of_every_program(tmp_path: Path) -> None:
    build = (sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path))
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as inside:
        names = inside.namelist()
        scripts = inside.read(next(each for each in names if each.endswith("entry_points.txt")))

    programs = {line.partition(" = ")[0] for line in scripts.decode().splitlines() if " = " in line}
    pages = {each.rpartition("/")[2] for each in names if "/data/share/man/man1/" in each}
    assert {"mx-gateway", "mx-home", "mx-sendmail"} <= programs
    assert pages == {f"{program}.1" for program in programs}
    assert pages == {path.name for path in (ROOT / "docs" / "man").iterdir()}
