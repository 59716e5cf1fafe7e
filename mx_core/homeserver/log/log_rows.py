"""Rows of the domain's log.  Jobs for ``Database``.

A Binding waits from the commit that makes it; ``keep`` moves what waited into the log, with the
leaves, in one commit.  Invariant: leaf indexes have no gaps, and a leaf is never changed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from mx_core.homeserver.schema import (
    ENTRY,
    LOG_LEAF,
    LOG_NAME,
    LOG_RECORD,
    LOG_WAITING,
    MAILBOX,
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A Binding that is to be logged."""

    number: int
    address: str
    binding: bytes


@dataclass(frozen=True, slots=True)
class Name:
    """What stands for an address in the log."""

    address: str
    label: bytes
    vrf_proof: bytes


@dataclass(frozen=True, slots=True)
class Record:
    """What one leaf hides."""

    address: str
    version: int
    leaf_index: int
    opening: bytes
    binding: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """What is added in one commit; *leaves* begin at *first* and end in a root leaf."""

    numbers: tuple[int, ...]
    names: tuple[Name, ...]
    records: tuple[Record, ...]
    first: int
    leaves: tuple[bytes, ...]


def enqueue(tx: sa.Connection, address: str, binding: bytes) -> None:
    """Let *binding* wait, in the transaction that makes it true."""
    tx.execute(LOG_WAITING.insert().values(address=address, binding=binding))


def waiting(tx: sa.Connection, limit: int) -> list[Waiting]:
    """Return what waits, oldest first."""
    rows = tx.execute(
        sa.select(LOG_WAITING.c.number, LOG_WAITING.c.address, LOG_WAITING.c.binding)
        .order_by(LOG_WAITING.c.number)
        .limit(limit)
    )
    return [Waiting(number, address, binding) for number, address, binding in rows]


def names(tx: sa.Connection, addresses: Collection[str]) -> dict[str, Name]:
    """Return those of *addresses* that have a label."""
    rows = tx.execute(
        sa.select(LOG_NAME.c.address, LOG_NAME.c.label, LOG_NAME.c.vrf_proof).where(
            LOG_NAME.c.address.in_(sorted(addresses))
        )
    )
    return {address: Name(address, label, proof) for address, label, proof in rows}


def some_name(tx: sa.Connection) -> Name | None:
    """Return any address with its label: to see whether the keys are still the same."""
    row = tx.execute(
        sa.select(LOG_NAME.c.address, LOG_NAME.c.label, LOG_NAME.c.vrf_proof).limit(1)
    ).one_or_none()
    return None if row is None else Name(row[0], row[1], row[2])


def keep(tx: sa.Connection, batch: Batch) -> bool:
    """Add *batch*, all of it or nothing; return False if another process was first."""
    if _end(tx) != batch.first:
        return False
    if batch.names:
        tx.execute(
            LOG_NAME.insert(),
            [
                {"address": one.address, "label": one.label, "vrf_proof": one.vrf_proof}
                for one in batch.names
            ],
        )
    if batch.records:
        tx.execute(
            LOG_RECORD.insert(),
            [
                {
                    "address": one.address,
                    "version": one.version,
                    "leaf_index": one.leaf_index,
                    "opening": one.opening,
                    "binding": one.binding,
                }
                for one in batch.records
            ],
        )
    tx.execute(
        LOG_LEAF.insert(),
        [
            {"leaf_index": index, "octets": octets}
            for index, octets in enumerate(batch.leaves, batch.first)
        ],
    )
    if batch.numbers:
        tx.execute(
            LOG_WAITING.delete().where(LOG_WAITING.c.number == sa.bindparam("done")),
            [{"done": number} for number in batch.numbers],
        )
    return True


def leaves(tx: sa.Connection, first: int, count: int) -> list[bytes]:
    """Return at most *count* leaves from *first* on."""
    rows = tx.execute(
        sa.select(LOG_LEAF.c.octets)
        .where(LOG_LEAF.c.leaf_index >= first, LOG_LEAF.c.leaf_index < first + count)
        .order_by(LOG_LEAF.c.leaf_index)
    )
    return list(rows.scalars())


def _end(tx: sa.Connection) -> int:
    """Return the size of the log; two batches that begin there cannot both be committed."""
    last = tx.execute(sa.select(sa.func.max(LOG_LEAF.c.leaf_index))).scalar_one()
    return 0 if last is None else last + 1


def has_begun(tx: sa.Connection) -> bool:
    """Tell whether anything was ever logged."""
    return tx.execute(sa.select(LOG_LEAF.c.leaf_index).limit(1)).one_or_none() is not None


def proof_parts(tx: sa.Connection, address: str) -> tuple[Name, Record] | None:
    """Return the name and the newest record of *address*."""
    row = tx.execute(
        sa.select(
            LOG_NAME.c.label,
            LOG_NAME.c.vrf_proof,
            LOG_RECORD.c.version,
            LOG_RECORD.c.leaf_index,
            LOG_RECORD.c.opening,
            LOG_RECORD.c.binding,
        )
        .join_from(LOG_NAME, LOG_RECORD, LOG_NAME.c.address == LOG_RECORD.c.address)
        .where(LOG_NAME.c.address == address)
        .order_by(LOG_RECORD.c.version.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    label, vrf_proof, version, index, opening, binding = row
    return Name(address, label, vrf_proof), Record(address, version, index, opening, binding)


def history(tx: sa.Connection, address: str) -> list[Record]:
    """Return everything that was logged of *address*, in order of version."""
    rows = tx.execute(
        sa.select(
            LOG_RECORD.c.version,
            LOG_RECORD.c.leaf_index,
            LOG_RECORD.c.opening,
            LOG_RECORD.c.binding,
        )
        .where(LOG_RECORD.c.address == address)
        .order_by(LOG_RECORD.c.version)
    )
    return [Record(address, *row) for row in rows]


def chains(tx: sa.Connection) -> list[tuple[str, list[bytes]]]:
    """Return every address with its signed entries: what a log that begins late starts with."""
    rows = tx.execute(
        sa.select(MAILBOX.c.address, ENTRY.c.octets)
        .join_from(MAILBOX, ENTRY, MAILBOX.c.mailbox_id == ENTRY.c.mailbox_id)
        .order_by(MAILBOX.c.mailbox_id, ENTRY.c.seq)
    )
    found: dict[str, list[bytes]] = {}
    for address, octets in rows:
        found.setdefault(address, []).append(octets)
    return list(found.items())
