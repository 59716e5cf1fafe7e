"""Bodies that came in a row and are too long to stay there get their files when there is time.

A new file and its name cost two waits for the disk, whatever it holds; in a row the octets are durable
with the commit that is waited for anyway.  So whoever brings a message is answered first, and the
file follows.  docs/decisions/0043-a-long-body-comes-in-a-row.md
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mx_core.db import failpoint
from mx_core.model.errors import StoreDamaged
from mx_core.model.secret import Secret
from mx_core.store.bodies import coding
from mx_core.store.bodies import file as body_file
from mx_core.store.bodies.body import remove_files

if TYPE_CHECKING:
    import sqlalchemy as sa

# the index ``body_to_move`` has the same words; 65,536 is ``body.INLINE_OCTETS_MAX``
_NEXT: Final = (
    "SELECT id, size, octets, coding FROM body"
    " WHERE file IS NULL AND size > 65536 AND id > ? ORDER BY id LIMIT 1"
)


def move_next(connection: sa.Connection, folder: Path, after: int) -> int | None:
    """Give the first such body above id *after* its file in *folder*; return after which to look next.

    None if there is none.  One whose octets do not open stays as it is: ``fsck`` tells of it.

    Raises:
        DiskFull: There is no room for the file; nothing of it stays.
    """
    row = connection.exec_driver_sql(_NEXT, (after,)).first()
    if row is None:
        return None
    body, size, stored, how = row
    try:
        octets = coding.decode(how, stored, size)
    except StoreDamaged:
        return int(body)
    file = body_file.SealedFile(
        secrets.token_bytes(body_file.FILE_ID_OCTETS),
        Secret(secrets.token_bytes(body_file.KEY_OCTETS)),
        size,
    )
    try:
        body_file.write(folder, [(file, octets)])
        # Crash from here to the commit: the octets are in their row as before, and the file, under a
        # key that no longer exists, is removed at the next open.
        failpoint.reach("moving")
        connection.exec_driver_sql(
            "UPDATE body SET octets = NULL, file = ?, key = ?, coding = ? WHERE id = ?",
            (file.file_id, file.key.reveal(), coding.PLAIN, body),
        )
    except BaseException:
        remove_files(folder, [file.file_id])
        raise
    return after
