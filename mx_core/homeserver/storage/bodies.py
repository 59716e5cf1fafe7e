"""Where a body's octets are: in the row, or in a file that the row names.  Jobs for ``Database``.

Invariant: a blob row exists only when its file is on the disk, whole; ``uses`` counts the
delivery and outgoing rows that name it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert  # SQLite has the same syntax

from mx_core.homeserver.schema import BLOB
from mx_core.model.errors import StoreDamaged, Unavailable


class BlobMissing(Unavailable):
    """The body was never put here, or was swept; the sender puts it again."""


@dataclass(frozen=True, slots=True)
class Body:
    """Ciphertext of a message: exactly one of *inline* and *blob_id*."""

    inline: bytes | None
    blob_id: bytes | None
    size: int

    @classmethod
    def of(cls, octets: bytes) -> Body:
        """Return a body that fits into its row."""
        return cls(octets, None, len(octets))

    @classmethod
    def stored(cls, inline: bytes | None, blob_id: bytes | None, blob_size: int | None) -> Body:
        """Return the body that a row describes; raises StoreDamaged if it describes none."""
        if blob_id is not None and blob_size is not None:
            return cls(None, blob_id, blob_size)
        if inline is None:
            raise StoreDamaged("a row has neither a body nor the name of one")
        return cls.of(inline)


def take(tx: sa.Connection, body: Body) -> None:
    """Count one more row that names *body*.

    Raises:
        BlobMissing: No such blob; the row must not be made.
    """
    if body.blob_id is None:
        return
    found = tx.execute(
        BLOB.update()
        .where(BLOB.c.blob_id == body.blob_id, BLOB.c.size == body.size)
        .values(uses=BLOB.c.uses + 1)
    )
    if found.rowcount != 1:
        raise BlobMissing("the body of this message has not been put here")


def release(tx: sa.Connection, blob_id: bytes, now: float) -> None:
    """Count one row less; the file goes when the sweep finds it unused for long enough."""
    tx.execute(
        BLOB.update()
        .where(BLOB.c.blob_id == blob_id)
        .values(uses=BLOB.c.uses - 1, touched=int(now))
    )


def add(tx: sa.Connection, blob_id: bytes, size: int, now: float) -> None:
    """Name a file that is on the disk; nobody uses it yet."""
    tx.execute(
        insert(BLOB)
        .values(blob_id=blob_id, size=size, uses=0, touched=int(now))
        .on_conflict_do_update(index_elements=["blob_id"], set_={"touched": int(now)})
    )


def touch(tx: sa.Connection, blob_id: bytes, now: float) -> int | None:
    """Return the size of a known blob and protect it from the next sweep."""
    return tx.execute(
        BLOB.update()
        .where(BLOB.c.blob_id == blob_id)
        .values(touched=int(now))
        .returning(BLOB.c.size)
    ).scalar_one_or_none()


def forget_unused(tx: sa.Connection, before: float, limit: int) -> list[bytes]:
    """Remove the rows of some blobs that nobody has used since *before*; their files come after.

    Crash after the commit: the files are orphans, and the sweep at the next start removes them.
    """
    unused = (BLOB.c.uses == 0, BLOB.c.touched < before)
    some = sa.select(BLOB.c.blob_id).where(*unused).limit(limit)
    return list(
        tx.execute(
            BLOB.delete().where(*unused, BLOB.c.blob_id.in_(some)).returning(BLOB.c.blob_id)
        ).scalars()
    )


def adopt(tx: sa.Connection, found: Collection[tuple[bytes, int]], now: float) -> None:
    """Name files that a crash left without a row, (name, size) each, as unused since *now*."""
    rows = [
        {"blob_id": blob_id, "size": size, "uses": 0, "touched": int(now)}
        for blob_id, size in found
    ]
    if rows:
        tx.execute(insert(BLOB).on_conflict_do_nothing(), rows)


def unused_octets(tx: sa.Connection) -> int:
    """Return what blobs weigh that no row names."""
    query = sa.select(sa.func.coalesce(sa.func.sum(BLOB.c.size), 0)).where(BLOB.c.uses == 0)
    octets: int = tx.execute(query).scalar_one()
    return octets


def known(tx: sa.Connection) -> set[bytes]:
    """Return the names of all blobs."""
    return set(tx.execute(sa.select(BLOB.c.blob_id)).scalars())
