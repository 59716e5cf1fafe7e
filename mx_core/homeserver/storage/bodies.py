"""Where a body's octets are: in the row, or where its blob's row says.  Jobs for ``Database``.

Invariant: a blob row exists only when its body is durable in the depot, whole; ``uses`` counts the
delivery and outgoing rows that name it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import sqlalchemy as sa
from msgspec import Struct

from mx_core.db.upsert import insert_into
from mx_core.homeserver.schema import BLOB
from mx_core.homeserver.storage.depot import blob_of, first_place
from mx_core.model.errors import StoreDamaged, Unavailable

IN_ROW_OCTETS_MAX: Final = 64 * 1024


class BlobMissing(Unavailable):
    """The body was never put here, or was swept; the sender puts it again."""


class Body(Struct, frozen=True):
    """Ciphertext of a message: exactly one of *inline* and *blob_id*."""

    inline: bytes | None
    blob_id: bytes | None
    size: int

    @classmethod
    def of(cls, octets: bytes) -> Body:
        """Return a body that fits into its row."""
        return cls(octets, None, len(octets))

    @classmethod
    def in_row(cls, octets: bytes) -> Body | None:
        """Return a body that needs no file, or None if *octets* are too many for a row."""
        return cls.of(octets) if len(octets) <= IN_ROW_OCTETS_MAX else None

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


def add(
    tx: sa.Connection,
    blob_id: bytes,
    size: int,
    place: str,
    now: float,
    *,
    instead_of: str | None = None,
) -> str:
    """Name a body that is durable at *place*, used by nobody yet; return the place that is named.

    It is another where somebody put the same octets first, unless that is *instead_of*, where
    nothing lies any more.
    """
    named = {} if instead_of is None else {"place": _where_it_is(instead_of, place)}
    found = tx.execute(
        insert_into(BLOB, tx.dialect.name)
        .values(blob_id=blob_id, size=size, uses=0, touched=int(now), place=place)
        .on_conflict_do_update(index_elements=["blob_id"], set_={"touched": int(now), **named})
        .returning(BLOB.c.place)
    ).scalar_one()
    return found or first_place(blob_id)


def _where_it_is(lost: str, place: str) -> sa.Case[str]:
    without = first_place(blob_of(lost) or b"")
    is_lost = BLOB.c.place.is_(None) if lost == without else BLOB.c.place == lost
    return sa.case((is_lost, place), else_=BLOB.c.place)


def touch(tx: sa.Connection, blob_id: bytes, now: float) -> str | None:
    """Return where a known blob lies and protect it from the next sweep."""
    found = tx.execute(
        BLOB.update()
        .where(BLOB.c.blob_id == blob_id)
        .values(touched=int(now))
        .returning(BLOB.c.place)
    ).one_or_none()
    return None if found is None else found[0] or first_place(blob_id)


def place_of(tx: sa.Connection, blob_id: bytes) -> str | None:
    """Return where a known blob lies."""
    query = sa.select(BLOB.c.place).where(BLOB.c.blob_id == blob_id)
    found = tx.execute(query).one_or_none()
    return None if found is None else found[0] or first_place(blob_id)


def forget_unused(tx: sa.Connection, before: float, limit: int) -> list[str]:
    """Remove the rows of some blobs that nobody has used since *before*; return where they lie.

    Crash after the commit: bodies that no row names.
    """
    unused = (BLOB.c.uses == 0, BLOB.c.touched < before)
    some = sa.select(BLOB.c.blob_id).where(*unused).limit(limit)
    gone = tx.execute(
        BLOB.delete()
        .where(*unused, BLOB.c.blob_id.in_(some))
        .returning(BLOB.c.blob_id, BLOB.c.place)
    )
    return [place or first_place(blob_id) for blob_id, place in gone]


def unnamed(tx: sa.Connection, places: Collection[str]) -> list[str]:
    """Return those of *places* that no row names."""
    blob_ids = {blob_of(place) for place in places} - {None}
    query = sa.select(BLOB.c.blob_id, BLOB.c.place).where(BLOB.c.blob_id.in_(blob_ids))
    named = {place or first_place(blob_id) for blob_id, place in tx.execute(query)}
    return [place for place in places if place not in named]


def unused_octets(tx: sa.Connection) -> int:
    """Return what blobs weigh that no row names."""
    query = sa.select(sa.func.coalesce(sa.func.sum(BLOB.c.size), 0)).where(BLOB.c.uses == 0)
    octets: int = tx.execute(query).scalar_one()
    return octets


def known(tx: sa.Connection) -> set[str]:
    """Return where all blobs lie."""
    return {
        place or first_place(blob_id)
        for blob_id, place in tx.execute(sa.select(BLOB.c.blob_id, BLOB.c.place))
    }
