"""Temporary stores: ``open_store(tmp_path)`` on the disk, ``memory_store()`` in RAM."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from mx_core.db.database import Database
from mx_core.model.clock import Now
from mx_core.model.message import HeaderField, MessageForm, PartMapOctets
from mx_core.model.secret import Secret
from mx_core.store.account_store import AccountStore
from mx_core.store.opening import MIGRATIONS

STORE_KEY = Secret(bytes(range(32)))
START = 1_800_000_000


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self, at: float = START) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


@cache
def migrated() -> bytes:
    """An empty database of the newest schema under STORE_KEY: all migrations take 0.1 s a store."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mail.db"
        Database.open(path, migrations=MIGRATIONS, key=STORE_KEY, plain=True).close()
        return path.read_bytes()


def open_store(
    folder: Path, now: Now | None = None, key: Secret[bytes] = STORE_KEY
) -> AccountStore:
    path = folder / "mail.db"
    if key is STORE_KEY and folder.parent.is_dir() and not path.exists():
        folder.mkdir(mode=0o700, exist_ok=True)
        path.write_bytes(migrated())
        path.chmod(0o600)
    return AccountStore.open(folder, key, now or Clock())


@contextmanager
def memory_store(now: Now | None = None) -> Iterator[AccountStore]:
    """A store on a RAM disk where there is one: fsync is free, everything else is real."""
    ram = Path("/dev/shm")
    folder = tempfile.mkdtemp(prefix="mx-store-", dir=ram if ram.is_dir() else None)
    store = open_store(Path(folder), now)
    try:
        yield store
    finally:
        store.close()
        shutil.rmtree(folder)


def form_of(octets: bytes) -> MessageForm:
    """A form that is enough for the store, which never looks into one."""
    return MessageForm(
        size=len(octets),
        header_end=min(len(octets), 20),
        fields=(HeaderField(b"subject", 0, min(len(octets), 18)),),
        envelope=b"(NIL)",
        bodystructure=b"(bs)",
        body=b"(b)",
        parts=PartMapOctets(b"parts"),
        sent=None,
        message_id=b"x@example",
        base_subject="x",
    )
