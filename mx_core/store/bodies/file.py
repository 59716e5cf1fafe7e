"""Octets too big for a row: a file of independently sealed chunks, so any range opens alone.

A file is the concatenation of sealed chunks of 64 KiB of clear text (the last one shorter,
never empty), each ``XChaCha20-Poly1305(key, nonce = chunk index, ad = file id ‖ index ‖ last)``.
The key is random for each file and lives in the database, so nonces never repeat under one
key, a chunk can not be moved within or between files, and cutting the tail off is noticed.
Knows no table.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from mx_core.db.durable import NewFile, write_all_new
from mx_core.model.errors import StoreDamaged
from mx_core.model.secret import Secret
from mx_core.store.bodies.chunk_cipher import TAG_OCTETS, ChunkCipher, InvalidTag

CHUNK_OCTETS: Final = 64 * 1024
FILE_ID_OCTETS: Final = 16
KEY_OCTETS: Final = 32
_SEALED_OCTETS: Final = CHUNK_OCTETS + TAG_OCTETS
_READ_CHUNKS: Final = 16  # at once, a mebibyte
_WRITTEN_FILES: Final = 32  # open at once
_NOT_LAST: Final = b"\0"
_LAST: Final = b"\1"


class SealedFile(Struct, frozen=True):
    """What the database holds of a file: its random name, its key, the size in clear."""

    file_id: bytes
    key: Secret[bytes]
    size: int


def write(folder: Path, files: Sequence[tuple[SealedFile, bytes]]) -> None:
    """Write the octets of each file, at least one, sealed; on the disk with its name when this returns.

    Raises:
        DiskFull: No room; nothing stays.
    """
    for start in range(0, len(files), _WRITTEN_FILES):
        some = files[start : start + _WRITTEN_FILES]
        write_all_new(folder, [(file.file_id.hex(), _sealed(file, o)) for file, o in some])


class GrowingFile:
    """A file that is written as its octets come; its size is known at its end."""

    def __init__(self, folder: Path, file_id: bytes, key: Secret[bytes]) -> None:
        """Make the file; raises DiskFull."""
        self.size = 0  # octets in clear
        self._folder = folder
        self._file_id = file_id
        self._key = key
        self._cipher = ChunkCipher(key.reveal())
        self._rest = bytearray()  # not yet sealed: only the last chunk says that it is the last
        self._chunks = 0
        self._file = NewFile(folder / file_id.hex())

    def write(self, octets: bytes) -> None:
        """Add *octets*; raises DiskFull."""
        self.size += len(octets)
        self._rest += octets
        whole = memoryview(self._rest)
        at = 0
        while len(whole) - at > CHUNK_OCTETS:
            self._seal(bytes(whole[at : at + CHUNK_OCTETS]), last=False)
            at += CHUNK_OCTETS
        whole.release()
        del self._rest[:at]

    def finish(self) -> SealedFile:
        """Return the file, on the disk with its name; blocks; raises DiskFull.  May be called twice."""
        if self._rest:
            self._seal(bytes(self._rest), last=True)
            self._rest.clear()
            self._file.finish()
        return SealedFile(self._file_id, self._key, self.size)

    def discard(self) -> None:
        """Remove it."""
        self._file.discard()

    def _seal(self, chunk: bytes, *, last: bool) -> None:
        bound = _bound(self._file_id, self._chunks, last=last)
        self._file.write(self._cipher.seal(chunk, self._chunks, bound))
        self._chunks += 1


def read(folder: Path, file: SealedFile, start: int, end: int) -> bytes:
    """Return clear octets [start:end]; reads only the chunks they touch.

    Raises:
        StoreDamaged: The file is missing or a chunk does not open.
    """
    start, end = min(start, file.size), min(end, file.size)
    if start >= end:
        return b""
    descriptor = _descriptor(folder, file)
    try:
        return _read(descriptor, file, ChunkCipher(file.key.reveal()), start, end)
    finally:
        os.close(descriptor)


class OpenedFile:
    """A file as octets that are read where they are asked for; ``model.octets``.

    Open from here on: what removes its name meanwhile does not take the octets away.
    """

    def __init__(self, folder: Path, file: SealedFile) -> None:
        """Open it; raises StoreDamaged."""
        self.file = file
        self.adopted = False  # a row names it: nobody else removes it
        self._size, self._last = file.size, (file.size - 1) // CHUNK_OCTETS
        self._cipher = ChunkCipher(file.key.reveal())
        self._descriptor = _descriptor(folder, file)
        weakref.finalize(self, os.close, self._descriptor)

    def __len__(self) -> int:
        return self.file.size

    def __getitem__(self, part: slice) -> bytes:
        start, end, _ = part.indices(self._size)
        if start >= end:
            return b""
        index = start // CHUNK_OCTETS
        if index != (end - 1) // CHUNK_OCTETS:
            return _read(self._descriptor, self.file, self._cipher, start, end)
        # one chunk, as of a mail program that asks for range after range
        try:
            sealed = os.pread(self._descriptor, _SEALED_OCTETS, index * _SEALED_OCTETS)
            bound = _bound(self.file.file_id, index, last=index == self._last)
            chunk = self._cipher.open(sealed, index, bound)
        except (OSError, InvalidTag) as error:
            raise _damaged(self.file) from error
        begins = index * CHUNK_OCTETS
        return chunk[start - begins : end - begins]


def _descriptor(folder: Path, file: SealedFile) -> int:
    # without a stream around it: mail programs ask for thousands of ranges in a row
    try:
        return os.open(os.path.join(folder, file.file_id.hex()), os.O_RDONLY | os.O_CLOEXEC)  # noqa: PTH118  # a tenth of the time
    except OSError as error:
        raise StoreDamaged(f"the body file {file.file_id.hex()} is missing") from error


def _read(descriptor: int, file: SealedFile, cipher: ChunkCipher, start: int, end: int) -> bytes:
    first, last = start // CHUNK_OCTETS, (end - 1) // CHUNK_OCTETS
    pieces = []
    try:
        for low in range(first, last + 1, _READ_CHUNKS):
            chunks = min(last + 1 - low, _READ_CHUNKS)
            # at once: a thread that reads gives the interpreter away each time
            read = os.pread(descriptor, chunks * _SEALED_OCTETS, low * _SEALED_OCTETS)
            for index in range(low, low + chunks):
                begins = (index - low) * _SEALED_OCTETS
                sealed = read[begins : begins + _SEALED_OCTETS]
                pieces.append(_open(cipher, file, sealed, index))
    except (OSError, InvalidTag) as error:
        raise _damaged(file) from error
    pieces[-1] = pieces[-1][: end - last * CHUNK_OCTETS]
    pieces[0] = pieces[0][start - first * CHUNK_OCTETS :]
    return b"".join(pieces)


def _open(cipher: ChunkCipher, file: SealedFile, sealed: bytes, index: int) -> bytes:
    if len(sealed) <= TAG_OCTETS:
        raise StoreDamaged(f"the body file {file.file_id.hex()} is cut off")
    last = (index + 1) * CHUNK_OCTETS >= file.size
    return cipher.open(sealed, index, _bound(file.file_id, index, last=last))


def _damaged(file: SealedFile) -> StoreDamaged:
    return StoreDamaged(f"the body file {file.file_id.hex()} is missing or damaged")


def sealed_size(size: int) -> int:
    """Return how long the file of *size* clear octets is."""
    return size + -(-size // CHUNK_OCTETS) * TAG_OCTETS


def _sealed(file: SealedFile, octets: bytes) -> Iterator[bytes]:
    cipher, whole = ChunkCipher(file.key.reveal()), memoryview(octets)
    for index, start in enumerate(range(0, len(octets), CHUNK_OCTETS)):
        chunk = bytes(whole[start : start + CHUNK_OCTETS])
        last = (index + 1) * CHUNK_OCTETS >= file.size
        yield cipher.seal(chunk, index, _bound(file.file_id, index, last=last))


def _bound(file_id: bytes, index: int, *, last: bool) -> bytes:
    return file_id + index.to_bytes(8, "big") + (_LAST if last else _NOT_LAST)
