"""Files of an export, written and read back.  Blocking: runs on a thread.

Nothing is synced file by file: whoever goes on after a crash reads back everything that the
manifest names, and *done* is written only after all of it was read back and the disk was synced.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Final

from gateway.migration.export import layout, manifest, settings
from gateway.migration.export.layout import Format
from gateway.migration.export.manifest import Folder, Head, Line, Message
from gateway.migration.local.plain_file import open_plain
from gateway.migration.source import Tally, Trouble, digest_of
from mx_core.model.errors import DiskFull, Refused
from mx_core.model.flags import FlagSet
from mx_core.model.mailbox_name import MailboxName

_MODE: Final = 0o700
_ENOSPC: Final = 28


class Writing:
    """One target directory."""

    def __init__(self, target: Path, head: Head) -> None:
        """Go on with what is there, or begin.

        Raises:
            Refused: Something else is there, or an export that is complete or of another kind.
        """
        self._target = target
        self._format = Format(head.format)
        self._there: Counter[tuple[str, str]] = Counter()  # by mailbox and digest
        self._given: Counter[tuple[str, str]] = Counter()
        self._ends: dict[str, int] = {}  # of each mbox
        self._folders: set[str] = set()
        self._path = target / manifest.NAME
        with translated(target):
            target.mkdir(mode=_MODE, parents=True, exist_ok=True)
            kept = self._kept(head)
            self._manifest = self._path.open("wb")
            for line in kept:
                self._manifest.write(manifest.encode(line))

    def begin_folder(self, folder: Folder) -> None:
        """Make the place for a mailbox; once more changes nothing."""
        with translated(self._target):
            path = self._target / layout.directory(MailboxName(folder.name))
            if self._format is Format.MAILDIR:
                for part in ("cur", "new", "tmp"):
                    (path / part).mkdir(mode=_MODE, parents=True, exist_ok=True)
            elif self._format is Format.EML:
                path.mkdir(mode=_MODE, parents=True, exist_ok=True)
            else:
                path.parent.mkdir(mode=_MODE, parents=True, exist_ok=True)
                with (path.parent / f"{path.name}.mbox").open("ab"):
                    pass
            if folder.name not in self._folders:
                self._manifest.write(manifest.encode(folder))
                self._folders.add(folder.name)

    def put(self, mailbox: str, octets: bytes, flags: FlagSet, received: int) -> bool:
        """Write one message; return False if it stands there from an earlier run."""
        digest = digest_of(octets)
        key = (mailbox, digest.hex())
        number = self._given[key]
        self._given[key] += 1
        if number < self._there[key]:
            return False
        text, lf = layout.as_text(octets)
        with translated(self._target):
            if self._format is Format.MBOX:
                file, at, text = self._append(mailbox, text, flags, received)
            else:
                named = layout.file_name(self._format, received, digest, number, flags)
                file, at = f"{layout.directory(MailboxName(mailbox))}/{named}", 0
                path = self._target / file
                path.write_bytes(text)
                os.utime(path, (received, received))
            self._manifest.write(
                manifest.encode(
                    Message(
                        mailbox, file, at, len(text), digest.hex(), lf,
                        self._format is Format.MBOX, tuple(sorted(flags)), received,
                    )
                )
            )  # fmt: skip
        return True

    def put_settings(self, document: bytes) -> None:
        """Write what the account holds beside its mail."""
        with translated(self._target):
            (self._target / settings.NAME).write_bytes(document)

    def finish(self) -> Tally:
        """Read everything back and say that it is complete.

        Raises:
            Refused: A file is not what was written.
        """
        with translated(self._target):
            self._manifest.flush()
            tally = Tally()
            for _, line in manifest.lines(self._path):
                if isinstance(line, Message):
                    octets = read_back(self._target, line)
                    if isinstance(octets, Trouble):
                        raise Refused(f"{octets.where} {octets.why}; export once more")
                    tally = tally.plus(digest_of(octets), len(octets))
            # Crash before this: no done; the next run reads back what is there and goes on.
            os.sync()
            self._manifest.write(
                manifest.encode(manifest.Done(tally.messages, f"{tally.total:064x}"))
            )
            self._manifest.flush()
            os.fsync(self._manifest.fileno())
        return tally

    def close(self) -> None:
        """Let go of the manifest."""
        self._manifest.close()

    def _append(
        self, mailbox: str, text: bytes, flags: FlagSet, received: int
    ) -> tuple[str, int, bytes]:
        file = f"{layout.directory(MailboxName(mailbox))}.mbox"
        text = layout.quoted(text)
        start = layout.mbox_start(received, flags)
        ends = b"\n" if text.endswith(b"\n") else b"\n\n"
        with (self._target / file).open("r+b" if file in self._ends else "wb") as box:
            box.seek(self._ends.get(file, 0))
            box.truncate()  # what a crash left behind the last message that is known
            at = box.tell() + len(start)
            box.write(start + text + ends)
            self._ends[file] = box.tell()
        return file, at, text

    def _kept(self, head: Head) -> list[Line]:
        """Return the lines of an earlier run that still hold, and count them."""
        if not self._path.exists():
            if any(self._target.iterdir()):
                raise Refused(f"{self._target} is not empty, and holds no export to go on with")
            return [head]
        kept: list[Line] = [head]
        for at, line in manifest.lines(self._path):
            if isinstance(line, manifest.Done):
                raise Refused(f"{self._target} holds a complete export; choose another directory")
            if at == 0 and line != head:
                raise Refused(f"{self._target} holds an export of another account or kind")
            if isinstance(line, Folder):
                self._folders.add(line.name)
                kept.append(line)
            elif isinstance(line, Message) and not isinstance(
                read_back(self._target, line), Trouble
            ):
                self._there[line.folder, line.digest] += 1
                end = line.at + line.octets
                if line.quoted:
                    self._ends[line.file] = max(self._ends.get(line.file, 0), self._end(line, end))
                kept.append(line)
        return kept

    def _end(self, line: Message, end: int) -> int:
        """Return where the empty line behind a message of an mbox ends."""
        with (self._target / line.file).open("rb") as box:
            box.seek(end - 1)
            return end + (1 if box.read(1) == b"\n" else 2)


def read_back(target: Path, line: Message) -> bytes | Trouble:
    """Return the message that *line* names, or why it is not there as it was written."""
    path = target / line.file
    if ".." in path.parts or not path.resolve().is_relative_to(target.resolve()):
        return Trouble(line.file, "leads out of the export")
    file = open_plain(path)
    if isinstance(file, Trouble):
        return file
    with file:
        file.seek(line.at)
        text = file.read(line.octets)
    octets = layout.from_text(
        layout.unquoted(text) if line.quoted else text, lines_end_in_lf=line.lf
    )
    if digest_of(octets).hex() != line.digest:
        return Trouble(line.file, "is not what was exported")
    return octets


class translated:  # noqa: N801  # reads as a word at its use
    """Errors of the disk become ours."""

    def __init__(self, target: Path) -> None:
        self._target = target

    def __enter__(self) -> None:
        """Nothing is set up."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError):
            if error.errno == _ENOSPC:
                raise DiskFull(f"the disk of {self._target} is full") from error
            raise Refused(f"{self._target} can not be written: {error.strerror}") from error
