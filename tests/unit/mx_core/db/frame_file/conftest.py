import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mx_core.db.frame_file import FrameFile
from tests.support.frame_things import KEY, STEP, Open


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "frames"


@pytest.fixture
def opened(path: Path) -> Iterator[Open]:
    """Open the same file, any number of times."""
    files: list[FrameFile] = []

    def again(*, whole: bool = True) -> FrameFile:
        files.append(FrameFile(path, KEY, step_octets=STEP, is_wiped_whole=whole))
        return files[-1]

    yield again
    for file in files:
        file.close()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the disk is asked for, in order: ("pwrite", octets, at), ("fdatasync",), ("fsync",)."""
    made: list[tuple[Any, ...]] = []
    pwrite, fdatasync, fsync = os.pwrite, os.fdatasync, os.fsync

    def noted_pwrite(file: int, octets: bytes, at: int) -> int:
        made.append(("pwrite", len(octets), at))
        return pwrite(file, octets, at)

    def noted(name: str, real: Callable[[int], None]) -> Callable[[int], None]:
        def call(file: int) -> None:
            made.append((name,))
            real(file)

        return call

    monkeypatch.setattr(os, "pwrite", noted_pwrite)
    monkeypatch.setattr(os, "fdatasync", noted("fdatasync", fdatasync))
    monkeypatch.setattr(os, "fsync", noted("fsync", fsync))
    return made
