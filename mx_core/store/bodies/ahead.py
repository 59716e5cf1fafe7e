"""Long bodies written before the job that stores their messages, so that no commit waits for their files.

Whoever brings much mail writes the files of one batch while another is stored.  A file is durable
before a row names it, as every body file is.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mx_core.db import failpoint
from mx_core.db.database import Database
from mx_core.model.secret import Secret
from mx_core.store.bodies import file as body_file
from mx_core.store.bodies.body import INLINE_OCTETS_MAX, remove_files
from mx_core.store.bodies.file import SealedFile

if TYPE_CHECKING:
    import sqlalchemy as sa


class BodiesAhead:
    """Of one account."""

    def __init__(self, database: Database, folder: Path) -> None:
        """*folder*: where body files are."""
        self._database = database
        self._folder = folder

    def write(self, bodies: Sequence[bytes]) -> list[SealedFile | None]:
        """Return the file of each of *bodies*, on the disk when this returns; None of one that has a row.

        Blocks.  Crash behind this: files that no row names, removed at the next open; their keys
        were in memory alone.

        Raises:
            DiskFull, StoreDamaged: None of them stays.
        """
        files = [
            _new_file(len(octets)) if len(octets) > INLINE_OCTETS_MAX else None for octets in bodies
        ]
        written = [
            (file, octets) for file, octets in zip(files, bodies, strict=True) if file is not None
        ]
        if not written:
            return files
        try:
            body_file.write(self._folder, written)
        except BaseException:
            remove_files(self._folder, [file.file_id for file, _ in written])
            raise
        failpoint.reach("ahead")
        return files

    async def let_go(self, files: Sequence[SealedFile]) -> None:
        """Remove those of *files* that no row names, once every job that was begun has ended.

        Crash on the way: what is left is removed at the next open.
        """
        if not files:
            return
        ids = [file.file_id for file in files]

        def job(connection: sa.Connection) -> set[bytes]:
            return set(
                connection.exec_driver_sql(
                    "SELECT file FROM json_each(?) AS asked CROSS JOIN body"
                    " ON file = unhex(asked.value) AND file IS NOT NULL",
                    (json.dumps([file_id.hex() for file_id in ids]),),
                ).scalars()
            )

        named = await self._database.write(job)  # behind the jobs that may name them
        await asyncio.to_thread(
            remove_files, self._folder, [each for each in ids if each not in named]
        )


def _new_file(size: int) -> SealedFile:
    return SealedFile(
        secrets.token_bytes(body_file.FILE_ID_OCTETS),
        Secret(secrets.token_bytes(body_file.KEY_OCTETS)),
        size,
    )
