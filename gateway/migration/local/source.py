"""A path on this machine as a source: what stands there is found out by looking.

Reading happens on a thread, one batch at a time and only when the batch before was taken.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, final

from typing_extensions import override

from gateway.decrypting.enclosed import kind_of
from gateway.migration.export.manifest import Folder
from gateway.migration.local import maildir, mbox, thunderbird
from gateway.migration.local.exported import Export, is_export
from gateway.migration.local.mail_programs import flags_of
from gateway.migration.local.plain_file import (
    entries,
    folders_below,
    is_folder,
    read_message,
    shown,
    shown_name,
)
from gateway.migration.source import (
    BATCH_MESSAGES,
    BATCH_OCTETS,
    Found,
    Known,
    Source,
    SourceFolder,
    Trouble,
    Weight,
    digest_of,
    with_crlf,
)
from mx_core.model.errors import Refused

_EML: Final = ".eml"
_MBOX_ENDINGS: Final = (".mbox", ".mbx")
_FOLDERS_MAX: Final = 10_000
_Folder = tuple[Path, tuple[str, ...], str]


@final
class LocalSource(Source):
    """A file or a directory; see the module."""

    def __init__(self, path: Path) -> None:
        """Raises Refused if there is nothing at *path* that can hold mail."""
        if not path.exists():
            raise Refused(f"there is nothing at {shown(path)}")
        self._path = path.resolve()
        self.octets_a_day = 0
        self._export: Export | None = None
        self.location = f"file:{shown(self._path)}"

    @override
    async def folders(self) -> list[SourceFolder | Trouble]:
        return await asyncio.to_thread(self._look)

    @override
    async def weigh(
        self, folder: SourceFolder, *, kinds: bool = False
    ) -> AsyncIterator[Sequence[Weight | Trouble]]:
        batches = _batches(self._messages(folder))
        while batch := await asyncio.to_thread(_weighed, batches):
            yield batch

    @override
    async def read(
        self, folder: SourceFolder, known: Known
    ) -> AsyncIterator[Sequence[Found | Trouble]]:
        batches = _batches(self._messages(folder))
        while batch := await asyncio.to_thread(next, batches, None):
            yield batch

    @override
    async def close(self) -> None:
        """Each file is closed when it has been read."""

    def _messages(self, folder: SourceFolder) -> Iterator[Found | Trouble]:
        if self._export is not None:
            return self._export.read(folder.place)
        return _messages(Path(folder.place))

    def _look(self) -> list[SourceFolder | Trouble]:
        if is_export(self._path):
            self._export = Export(self._path)
            return [
                each if isinstance(each, Trouble) else _exported(each)
                for each in self._export.folders()
            ]
        found: list[SourceFolder | Trouble] = []
        for each in _folders(self._path):
            if len(found) >= _FOLDERS_MAX:
                raise Refused(f"there are more than {_FOLDERS_MAX} folders at {shown(self._path)}")
            if isinstance(each, Trouble):
                found.append(each)
            else:
                path, levels, special_use = each
                found.append(SourceFolder(str(path), levels, special_use))
        if not any(isinstance(each, SourceFolder) for each in found):
            raise Refused(
                f"no mail was found at {shown(self._path)}: it is no mbox, no Maildir, no Thunderbird"
                " profile, and no .eml file stands below it"
            )
        return found


def _exported(folder: Folder) -> SourceFolder:
    levels = tuple(folder.name.split("/"))
    return SourceFolder(folder.name, levels, folder.special_use, folder.subscribed)


def _folders(path: Path) -> Iterator[_Folder | Trouble]:
    if path.is_file():
        if path.name.endswith(_EML) or mbox.is_mbox(path):
            yield path, (_without_ending(path.name),), ""
        return
    if thunderbird.is_profile(path):
        yield from thunderbird.folders(path)
        return
    boxes = list(maildir.folders(path))
    if any(not isinstance(each, Trouble) for each in boxes):
        yield from (each if isinstance(each, Trouble) else (*each, "") for each in boxes)
        return
    yield from _tree(path)


def _tree(root: Path) -> Iterator[_Folder | Trouble]:
    """Yield directories that hold ``.eml`` files, and every file that is an mbox."""
    for each in folders_below(root):
        if isinstance(each, Trouble):
            yield each
            continue
        folder, names = each
        inside = entries(folder)
        if isinstance(inside, Trouble):
            continue  # told by folders_below
        names = names or (shown_name(root.name),)
        if any(entry.name.endswith(_EML) for entry in inside):
            yield folder, names, ""
        for entry in inside:
            file = Path(entry.path)
            if entry.name.endswith(_EML) or entry.name.startswith(".") or is_folder(entry):
                continue
            if mbox.is_mbox(file) and (entry.name.endswith(_MBOX_ENDINGS) or _is_not_empty(file)):
                above = names if folder != root else ()
                yield file, (*above, _without_ending(entry.name)), ""


def _messages(path: Path) -> Iterator[Found | Trouble]:
    if path.is_dir():
        return maildir.read(path) if maildir.is_maildir(path) else _letters(path)
    return _letter(path) if path.name.endswith(_EML) else mbox.read(path)


def _letters(folder: Path) -> Iterator[Found | Trouble]:
    inside = entries(folder)
    if isinstance(inside, Trouble):
        yield inside
        return
    for entry in inside:
        if entry.name.endswith(_EML) and not is_folder(entry):
            yield from _letter(Path(entry.path))


def _letter(path: Path) -> Iterator[Found | Trouble]:
    message = read_message(path)
    if isinstance(message, Trouble):
        yield message
        return
    octets, flags = flags_of(with_crlf(message[0]))
    yield Found(octets, flags)


def _batches(found: Iterable[Found | Trouble]) -> Iterator[list[Found | Trouble]]:
    batch: list[Found | Trouble] = []
    octets = 0
    for each in found:
        size = len(each.octets) if isinstance(each, Found) else 0
        if batch and (len(batch) >= BATCH_MESSAGES or octets + size > BATCH_OCTETS):
            yield batch
            batch, octets = [], 0
        batch.append(each)
        octets += size
    if batch:
        yield batch


def _weighed(batches: Iterator[list[Found | Trouble]]) -> list[Weight | Trouble]:
    return [
        each
        if isinstance(each, Trouble)
        else Weight(each.key, digest_of(each.octets), len(each.octets), kind_of(each.octets))
        for each in next(batches, ())
    ]


def _is_not_empty(path: Path) -> bool:
    return path.lstat().st_size > 0


def _without_ending(name: str) -> str:
    for ending in (*_MBOX_ENDINGS, _EML):
        name = name.removesuffix(ending)
    return shown_name(name)
