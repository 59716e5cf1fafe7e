"""Temporary stores: ``open_store(tmp_path)`` on the disk, ``memory_store()`` in RAM."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mx_core.model.clock import Now
from mx_core.model.message import HeaderField, MessageForm, PartMapOctets
from mx_core.model.secret import Secret
from mx_core.store.account_store import AccountStore

STORE_KEY = Secret(bytes(range(32)))
START = 1_800_000_000


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self, at: float = START) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


def open_store(
    folder: Path, now: Now | None = None, key: Secret[bytes] = STORE_KEY
) -> AccountStore:
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
