"""Inline or sealed file: the reader of a range can not tell."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
import sqlalchemy as sa

from mx_core.model.errors import StoreDamaged
from mx_core.store.account_store import AccountStore
from mx_core.store.bodies.body import (
    FIRST_OCTETS_MAX,
    INLINE_OCTETS_MAX,
    BodyId,
    BodyReader,
    BodyWriter,
    remove_files,
    remove_orphans,
)

T = TypeVar("T")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "bodies"


def job(store: AccountStore, work: Callable[[sa.Connection], T]) -> T:
    return store._database.write_at_start(work)


SIZES = [
    0,
    1,
    4_000,
    INLINE_OCTETS_MAX,
    INLINE_OCTETS_MAX + 1,
    FIRST_OCTETS_MAX,
    FIRST_OCTETS_MAX + 1,
]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", ["text", "noise"])
def test_every_range_of_every_size_is_what_was_added(
    store: AccountStore, folder: Path, size: int, kind: str
) -> None:
    octets = bytes(n % 251 for n in range(size))
    if kind == "noise":  # nothing makes it shorter
        octets = random.Random(size).randbytes(size)
    body = job(store, lambda connection: BodyWriter(connection, folder).add(octets))

    assert len(list(folder.iterdir())) == (size > FIRST_OCTETS_MAX)
    for start, end in ((0, None), (0, 0), (0, 1), (size // 2, None), (size // 3, size // 2)):
        read = job(
            store,
            lambda c, start=start, end=end: BodyReader(c, folder).octets(body, start, end),  # type: ignore[misc]  # bound now
        )
        assert read == octets[start:end]
    past = job(store, lambda c: BodyReader(c, folder).octets(body, size + 5, size + 9))
    assert past == b""


def test_a_body_of_before_is_read_beside_those_of_now(store: AccountStore, folder: Path) -> None:
    octets = b"A line of usual length.\r\n" * 99

    def both(connection: sa.Connection) -> tuple[BodyId, BodyId]:
        old = connection.exec_driver_sql(
            "INSERT INTO body (size, octets) VALUES (?, ?)", (len(octets), octets)
        ).lastrowid
        return BodyId(old), BodyWriter(connection, folder).add(octets)

    for body in job(store, both):
        for start, end in ((0, None), (7, 90), (90, None)):
            read = job(
                store,
                lambda c, b=body, s=start, e=end: BodyReader(c, folder).octets(b, s, e),  # type: ignore[misc]  # bound now
            )
            assert read == octets[start:end]
    lengths = job(
        store,
        lambda c: c.exec_driver_sql("SELECT length(octets) FROM body ORDER BY id").scalars().all(),
    )
    assert lengths[1] < lengths[0] == len(octets)


def test_dropped_bodies_name_their_files_and_are_gone(store: AccountStore, folder: Path) -> None:
    large = job(store, lambda connection: BodyWriter(connection, folder).add(bytes(300_000)))

    def drop(connection: sa.Connection) -> list[bytes]:
        writer = BodyWriter(connection, folder)
        writer.drop([large, BodyId(999)])
        return writer.dropped

    remove_files(folder, job(store, drop))

    assert list(folder.iterdir()) == []
    with pytest.raises(StoreDamaged):
        job(store, lambda connection: BodyReader(connection, folder).octets(large))


def test_only_orphans_are_removed(store: AccountStore, folder: Path) -> None:
    body = job(store, lambda connection: BodyWriter(connection, folder).add(bytes(300_000)))
    (folder / "orphan").write_bytes(b"x")
    job(store, lambda connection: remove_orphans(connection, folder))

    assert len(list(folder.iterdir())) == 1
    assert len(job(store, lambda c: BodyReader(c, folder).octets(body))) == 300_000


def test_a_missing_file_is_told(store: AccountStore, folder: Path) -> None:
    body = job(store, lambda connection: BodyWriter(connection, folder).add(bytes(300_000)))
    for path in folder.iterdir():
        path.unlink()

    with pytest.raises(StoreDamaged, match="missing"):
        job(store, lambda connection: BodyReader(connection, folder).octets(body, 0, 1))
