"""What the documents say is there: rooms, files, commands and their options."""

from __future__ import annotations

import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("gateway", "smtp_in", "imap_out", "mx_core")
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
PROGRAMS = {
    "mx-gateway": "gateway.cli.root",
    "mx-home": "mx_core.homeserver.__main__",
    "mx-door": "smtp_in.door.__main__",
}
UNTOLD = {"proto", "migrations"}  # what is generated, and what is only added to
READ_BY_PEOPLE = sorted(
    [ROOT / "README.md", ROOT / "SECURITY.md", *(ROOT / "docs/guide").glob("*.md")]
)
_SHOWN = re.compile(
    r"(?:^(?:\$ |sudo )?|`)((?:mx-gateway|mx-home|mx-door) [a-z][^`\n]*)", re.MULTILINE
)


def rooms(folder: Path) -> list[str]:
    return [path.parent.name for path in folder.glob("*/__init__.py")]


# ── the code map ─────────────────────────────────────────────────────────────────────
def code_map() -> list[str]:
    """Return the row of each room."""
    table = ARCHITECTURE.partition("## Code map")[2].partition("## Laws")[0]
    return [line for line in table.splitlines() if line.startswith("| `")]


def named_in(text: str) -> set[str]:
    return set(re.findall(r"`([\w./-]+)`", text))


def test_every_path_of_the_code_map_is_there() -> None:
    missing = []
    for row in code_map():
        first, knows = row.split(" | ")[:2]
        places = [ROOT / name for name in re.findall(r"`([^`]+)`", first)]
        base = places[0]
        missing += [str(place.relative_to(ROOT)) for place in places if not _is_there(place)]
        missing += [
            f"{base.name}/{name}"
            for name in named_in(knows)
            if name.endswith(("/", ".py")) and not any(_found(base, name))
        ]

    assert missing == []


def _is_there(place: Path) -> bool:
    return place.exists() or (place.parent.parent / place.name).exists() or _sibling(place)


def _sibling(place: Path) -> bool:
    return (ROOT / "mx_core" / place.name).exists()


def _found(base: Path, name: str) -> Iterator[Path]:
    yield from base.rglob(name.rstrip("/"))


@pytest.mark.parametrize("package", [*PACKAGES, "mx_core/store", "mx_core/homeserver"])
def test_every_room_stands_in_the_code_map(package: str) -> None:
    rows = [row for row in code_map() if row.startswith((f"| `{package}", "| `mx_core"))]
    text = " ".join(rows)
    unnamed = [
        room
        for room in rooms(ROOT / package)
        if not re.search(rf"`(?:[\w/]*/)?{room}/[\w/]*`", text) and room not in UNTOLD
    ]

    assert unnamed == []


def test_every_module_that_a_document_names_is_there() -> None:
    wrong = []
    for path in sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md")):
        if path.name == "CHANGELOG.md" or "decisions" in path.parts:
            continue  # what was
        for name in named_in(path.read_text(encoding="utf-8")):
            inside = re.fullmatch(
                r"((?:gateway|smtp_in|imap_out|mx_core|tests|bench)/[\w./-]+)", name
            )
            if inside and not (ROOT / inside[1]).exists():
                wrong.append(f"{path.relative_to(ROOT)}: {name}")

    assert wrong == []


def test_every_row_of_the_rfcs_leads_to_code() -> None:
    rows = (ROOT / "docs/rfc.tsv").read_text(encoding="utf-8").splitlines()[1:]
    wrong = [
        f"RFC {number}: {place}"
        for number, state, _, where in (row.split("\t") for row in rows)
        for place in re.split(r"[ ,]+", where)
        if state != "No" and not (ROOT / place).exists()
    ]

    assert len(rows) > 100
    assert wrong == []


# ── commands ─────────────────────────────────────────────────────────────────────────
def shown() -> list[tuple[str, str]]:
    """Return (file, command line) of every command that a person is told to type."""
    return [
        (path.name, " ".join(line.split()))
        for path in READ_BY_PEOPLE
        for line in _SHOWN.findall(path.read_text(encoding="utf-8").replace("\\\n", " "))
    ]


def wrong_with(line: str) -> str:
    """Return what of *line* no program knows, or "" if all of it is there."""
    program, *words = shlex.split(line.rstrip("&…"), comments=True)
    command: click.Command = importlib.import_module(PROGRAMS[program]).program
    context = click.Context(command, info_name=program)
    options = set(_options(command))
    while words and isinstance(command, click.Group):
        if words[0].startswith("-"):
            break
        found = command.get_command(context, words[0])
        if found is None:
            return words[0]
        command, context = found, click.Context(found, parent=context, info_name=words.pop(0))
        options |= set(_options(command))
    given = {word.strip("[].,;").partition("=")[0] for word in words if word.startswith("--")}
    return " ".join(sorted(given - options))


def _options(command: click.Command) -> list[str]:
    return [
        "--help",
        *(name for each in command.params for name in each.opts + each.secondary_opts),
    ]


@pytest.mark.parametrize(("file", "line"), sorted(set(shown())))
def test_a_command_that_a_person_is_told_to_type_is_there_with_its_options(
    file: str, line: str
) -> None:
    assert wrong_with(line) == "", file


def test_a_command_that_is_not_there_is_noticed() -> None:
    """The control, in each of the three places."""
    assert wrong_with("mx-gateway accuont add x@y.example") == "accuont"
    assert wrong_with("mx-gateway account ad x@y.example --invite CODE") == "ad"
    assert wrong_with("mx-home invite --nmae x --dir /tmp") == "--nmae"
    assert len(shown()) > 100
