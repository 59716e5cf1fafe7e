"""A store of large bodies as ``mx-home`` would wire it, in a folder of a test."""

from __future__ import annotations

import time
from pathlib import Path

from mx_core.db.transactions import Transactions
from mx_core.homeserver.storage.blobs import BlobStore
from mx_core.homeserver.storage.depot import Depot
from mx_core.homeserver.storage.files import Files
from mx_core.homeserver.storage.room import Room
from mx_core.model.clock import Now


def body_store(
    folder: Path,
    database: Transactions,
    *,
    depot: Depot | None = None,
    incoming: str = "incoming",
    octets_max: int = 1 << 20,
    unused_max: int = 1 << 30,
    floor: int = 1,
    now: Now = time.time,
) -> BlobStore:
    """Return the store of the files under *folder*/blobs, or of *depot*; what it needs is made."""
    uploads = folder / "blobs" / incoming
    uploads.mkdir(parents=True, exist_ok=True)
    return BlobStore(
        depot or Files(folder / "blobs"),
        uploads,
        database,
        octets_max=octets_max,
        unused_max=unused_max,
        room=Room(folder, floor),
        now=now,
    )
