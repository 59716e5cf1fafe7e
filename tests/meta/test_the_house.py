"""Rules of the house that no linter knows."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mx_core.db.failpoint import STEPS

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("gateway", "smtp_in", "imap_out", "mx_core")
SOURCES = sorted(
    path
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if "_pb2" not in path.name
)
TEXTS = sorted(
    path
    for path in ROOT.rglob("*")
    if "_pb2" not in path.name
    and path.suffix in {".py", ".md", ".tsv", ".toml", ".service", ".socket", ".proto"}
    and not any(part.startswith(".") or part == "results" for part in path.relative_to(ROOT).parts)
)
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}
LINES_MAX = 400


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_module_is_one_room(path: Path) -> None:
    """At most 400 lines, a docstring, and a name that says what is inside."""
    text = path.read_text(encoding="utf-8")

    assert len(text.splitlines()) <= LINES_MAX
    assert text.startswith(('"""', 'r"""'))
    assert path.stem not in FORBIDDEN_NAMES


def test_every_rfc_that_is_cited_has_a_row_and_every_yes_row_is_cited() -> None:
    rows = [
        line.split("\t")
        for line in (ROOT / "docs/rfc.tsv").read_text(encoding="utf-8").splitlines()[1:]
    ]
    listed = {row[0]: row[1] for row in rows}
    cited = {
        number
        for path in SOURCES
        for number in re.findall(r"RFC (\d{3,5})", path.read_text(encoding="utf-8"))
    }

    assert cited - set(listed) == set()
    assert {number for number, state in listed.items() if state == "Yes"} - cited == set()
    assert set(listed.values()) <= {"Yes", "Partial", "No"}


def test_every_link_of_the_documents_leads_somewhere() -> None:
    broken = [
        f"{name_of(path)}: {target}"
        for path in TEXTS
        if path.suffix == ".md"
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
        if not (path.parent / target).exists()
    ]

    assert broken == []


def test_every_section_of_our_own_pages_that_is_cited_exists() -> None:
    """A citation leads to a heading: ``spec/card §4``, ``identity §8``."""
    cited = {
        (page, section, name_of(path))
        for path in SOURCES
        for page, section in re.findall(
            r"(?:[Ss]pec/|\b(?=identity ))([a-z]+)(?:\.md)? §(\d+)",
            path.read_text(encoding="utf-8"),
        )
    }
    pages = {
        path.stem: set(re.findall(r"^#+ (\d+)\b", path.read_text(encoding="utf-8"), re.MULTILINE))
        for path in (ROOT / "docs/spec").glob("*.md")
    }
    wrong = [where for where in cited if where[1] not in pages.get(where[0], set())]

    assert len(cited) > 50
    assert wrong == []


def test_every_lock_names_the_same_version_of_a_package() -> None:
    """Else what was tested is not what is installed.  ADR 0030."""
    pinned: dict[str, set[str]] = {}
    for path in ROOT.glob("requirements*.lock"):
        text = path.read_text(encoding="utf-8")
        for name, version in re.findall(r"^([a-z0-9.-]+)==([^ ;]+)", text, re.MULTILINE):
            pinned.setdefault(name, set()).add(version)

    assert len(pinned) > 100
    assert {name: versions for name, versions in pinned.items() if len(versions) > 1} == {}


def test_nothing_is_promised_in_the_tree() -> None:
    """What is open stands in the tracker; the tree holds what is done."""
    promise = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|NotImplemented" + r"Error)\b")
    found = [name_of(path) for path in TEXTS if promise.search(path.read_text(encoding="utf-8"))]

    assert found == []


@pytest.mark.parametrize("module", ["gateway", "mx_core.homeserver", "smtp_in.door"])
def test_help_costs_no_heavy_import(module: str) -> None:
    """``--help`` answers without the database, the RPC stack or a web framework."""
    code = (
        f"import runpy, sys\nsys.argv = ['x', '--help']\n"
        f"try:\n    runpy.run_module('{module}', run_name='__main__')\n"
        "except SystemExit as end:\n    status = end.code\n"
        "heavy = {'sqlalchemy', 'grpc', 'starlette', 'aiosmtpd', 'alembic'} & set(sys.modules)\n"
        "print(sorted(heavy), file=sys.stderr)\nsys.exit(status or (1 if heavy else 0))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


def test_every_failpoint_in_the_source_is_a_known_step() -> None:
    root = Path(__file__).resolve().parents[2]
    named = {
        line.split('failpoint.reach("')[1].split('"')[0]
        for package in ("gateway", "mx_core")
        for path in (root / package).rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if 'failpoint.reach("' in line
    }

    assert named <= set(STEPS)
