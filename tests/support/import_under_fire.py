"""Years of mail out of Dovecot, while the importer is killed and the line is cut; then out, in and out again.

Done in steps, each of which begins from what lies on the disk, so that the full form can be broken
off between any two.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from gateway.migration.export.exporting import AskedOut, Exporting
from gateway.migration.importing import Asked, Importing
from gateway.migration.opening import open_source
from mx_core.model.address import Address
from mx_core.store.fsck.check import check_store
from tests.support.cut_line import CutLine, cut_line
from tests.support.dovecot import PASSWORD, dovecot
from tests.support.mail_of_years import Letters, fill
from tests.support.stores import STORE_KEY, Clock, open_store

Counted = Mapping[str, float]
_KILLED: Final = -9
_READ_AT_ONCE: Final = 50
_BATCH: Final = 100  # messages of a commit, at most
_STEPS: Final = ("imported", "ahead", "")  # behind a commit; files without rows; wherever it is


@dataclass(frozen=True)
class Fire:
    """*size* messages in *folder*, *kills* of the importer and *cuts* of its line."""

    folder: Path
    size: int
    kills: int
    cuts: int
    letters: Letters

    @property
    def steps(self) -> list[Callable[[], Counted]]:
        """All of it, in order; each returns what it counted, by the names of the measures."""
        return [
            self.fill,
            *(partial(self.kill, number) for number in range(self.kills)),
            self.cut,
            self.compare,
            self.export,
            self.bring_back,
            self.export_again,
        ]

    def fill(self) -> Counted:
        """Put the mail into a Maildir, in place of all that is there."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        self.folder.chmod(0o755)  # Dovecot's users walk through
        octets = fill(self.folder / "mail" / "alice", self.size, self.letters)
        self._note(octets=octets)
        return {}

    def kill(self, number: int) -> Counted:
        """Let it run until it is killed, each time elsewhere."""
        chance = random.Random(f"kill {number}")
        step = _STEPS[number % len(_STEPS)]
        with self._line() as line:
            share = self._noted["octets"] // self.kills
            running = self._started(line, step, chance.randrange(1, self._commits_a_kill))
            if not step:
                line.at_cut, line.every = running.kill, chance.randrange(share // 10, share)
                line.cuts = 1
            status, told = _ended(running)
        assert status in {0, _KILLED}, told
        return {"kills": status == _KILLED}

    def cut(self) -> Counted:
        """Let it run to its end, while the line is cut again and again."""
        with self._line() as line:
            line.every = self._noted["octets"] * 2 // (5 * self.cuts)
            line.at_cut = self._note_cut  # what is broken off has had those that it had
            line.cuts = self.cuts - self._noted.get("cuts", 0)
            status, told = _ended(self._started(line))
        assert status == 0, told
        said = json.loads(told.splitlines()[-1])  # behind what was logged
        assert said["holds"], said
        return {"cuts": self._noted.get("cuts", 0), "resident": said["resident"]}

    def compare(self) -> Counted:
        """Hold what is here against Dovecot's files, and the store against itself."""
        mail = (self.folder / "mail" / "alice").rglob("cur/*")
        there = Counter(hashlib.sha256(path.read_bytes()).digest() for path in mail)
        assert there.total() == self.size
        assert _here(self.folder / "a") == there
        self._note(mail=_name(there))
        report = check_store(self.folder / "a", STORE_KEY, Clock())
        assert report.findings == [], report
        return {"messages": there.total()}

    def export(self) -> Counted:
        """Export what was imported."""
        shutil.rmtree(self.folder / "out", ignore_errors=True)
        self._note(exported=_exported(self.folder / "a", self.folder / "out"))
        return {}

    def bring_back(self) -> Counted:
        """Import the export into another account."""
        shutil.rmtree(self.folder / "b", ignore_errors=True)
        _brought(self.folder / "out", self.folder / "b")
        assert _name(_here(self.folder / "b")) == self._noted["mail"]
        return {}

    def export_again(self) -> Counted:
        """Export that one too; both exports are the same to the octet."""
        for name in ("out", "again"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        assert _exported(self.folder / "b", self.folder / "again") == self._noted["exported"]
        return {}

    @property
    def _commits_a_kill(self) -> int:
        """So many at most come before a kill that some two thirds are left for the cuts."""
        return max(2, self.size // (_BATCH * self.kills))

    @contextmanager
    def _line(self) -> Iterator[CutLine]:
        """The same address in each step: it names the source in the ledger."""
        with (
            dovecot(self.folder) as server,
            cut_line(server.port, at=self._noted.get("line", 0)) as line,
        ):
            self._note(line=line.port)
            yield line

    def _started(self, line: CutLine, step: str = "", count: int = 1) -> subprocess.Popen[str]:
        source = f"imaps://alice@localhost:{line.port}"
        program = [sys.executable, "-m", "tests.support.import_process"]
        return subprocess.Popen(
            [*program, str(self.folder / "a"), source, PASSWORD, str(self.folder / "ca.pem")],
            env={**os.environ, "MX_FAILPOINT": step and f"{step}:{count}"},
            cwd=Path(__file__).resolve().parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @property
    def _noted(self) -> dict[str, Any]:
        """What earlier steps have to say to later ones."""
        try:
            noted: dict[str, Any] = json.loads((self.folder / "noted.json").read_text())
        except FileNotFoundError:
            return {}
        return noted

    def _note_cut(self) -> None:
        self._note(cuts=self._noted.get("cuts", 0) + 1)

    def _note(self, **more: int | str) -> None:
        (self.folder / "noted.json").write_text(json.dumps({**self._noted, **more}))


def _ended(running: subprocess.Popen[str]) -> tuple[int, str]:
    with running:
        told, _ = running.communicate()
    return running.returncode, told


def _here(folder: Path) -> Counter[bytes]:
    """The digests of all messages of an account."""

    async def story() -> Counter[bytes]:
        store = open_store(folder)
        found: Counter[bytes] = Counter()
        try:
            for box in await store.mail.read(lambda reader: reader.mailboxes()):
                if box.rule:
                    continue
                view = await store.mail.read(lambda reader, box=box: reader.snapshot(box.id))  # type: ignore[misc]  # bound now
                messages = list(view.messages)
                for at in range(0, len(messages), _READ_AT_ONCE):
                    some = messages[at : at + _READ_AT_ONCE]
                    found += await store.mail.read(
                        lambda reader, some=some: Counter(  # type: ignore[misc]  # bound now
                            hashlib.sha256(reader.octets(each)).digest() for each in some
                        )
                    )
        finally:
            store.close()
        return found

    return asyncio.run(story())


def _name(mail: Counter[bytes]) -> str:
    """Return what names all of it, in whatever order it came."""
    return hashlib.sha256(b"".join(sorted(mail.elements()))).hexdigest()


def _exported(account: Path, target: Path) -> str:
    """Export *account*; return the hash of all that was written."""

    async def story() -> str:
        store = open_store(account)
        exporting = Exporting(store, Address.parse("alice@a.example"))
        try:
            async with asyncio.TaskGroup() as tasks:
                running = tasks.create_task(exporting.run())
                await exporting.begin(AskedOut(str(target)))
                while (state := exporting.state())["phase"] != "idle":  # no event
                    await asyncio.sleep(0.05)
                running.cancel()
        finally:
            store.close()
        assert not state["trouble"], state
        return str(state["total"])

    return asyncio.run(story())


def _brought(source: Path, account: Path) -> None:
    async def story() -> None:
        store = open_store(account)
        importing = Importing(store, open_source, store.mail.now)
        try:
            async with asyncio.TaskGroup() as tasks:
                running = tasks.create_task(importing.run())
                await importing.begin(Asked(str(source)), dry_run=False)
                while (state := await importing.state())["phase"] != "idle":  # no event
                    await asyncio.sleep(0.05)
                running.cancel()
        finally:
            store.close()
        assert state["imports"][0]["report"]["holds"], state

    asyncio.run(story())
