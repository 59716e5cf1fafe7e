"""Tokens by which a locked device collects: one for each device, by hash, for thirty days at most.

A token opens Collect, Acknowledge and GetBlob, nothing else, and only while its device is active.
A new one replaces the old one; asking for no time at all revokes it.  spec/client §3.
"""

from __future__ import annotations

import secrets
from typing import Final

import sqlalchemy as sa

from mx_core.db.transactions import Transactions
from mx_core.homeserver.schema import COLLECT_TOKEN, DEVICE
from mx_core.notation.hashing import b2

TOKEN_OCTETS: Final = 32
SECONDS_MAX: Final = 30 * 86_400


def hash_of(token: bytes) -> bytes:
    """Return what is stored of a token."""
    return b2("MX1.collect", [token])


async def give(
    database: Transactions, device: tuple[int, bytes], seconds: int, now: int
) -> tuple[bytes, int]:
    """Return a token of *device* (its mailbox and its id), and when it ends: *seconds* from *now*, or the most.

    0 seconds: b"" and 0, and the last one holds no more.
    """
    lasts = min(seconds, SECONDS_MAX)
    token = secrets.token_bytes(TOKEN_OCTETS) if lasts else b""
    expires = now + lasts if lasts else 0
    await database.write(lambda tx: replace(tx, *device, token, expires))
    return token, expires


def replace(
    tx: sa.Connection, mailbox_id: int, device_id: bytes, token: bytes, expires: int
) -> None:
    """Let *token* be the one of the device until *expires*; an empty one: none is."""
    tx.execute(
        COLLECT_TOKEN.delete().where(
            COLLECT_TOKEN.c.mailbox_id == mailbox_id, COLLECT_TOKEN.c.device_id == device_id
        )
    )
    if token:
        tx.execute(
            COLLECT_TOKEN.insert().values(
                mailbox_id=mailbox_id,
                device_id=device_id,
                token_hash=hash_of(token),
                expires=expires,
            )
        )


def device_of(tx: sa.Connection, token: bytes, now: int) -> tuple[int, bytes, int] | None:
    """Return mailbox, device and end of a token that holds; None for every other."""
    row = tx.execute(
        sa.select(COLLECT_TOKEN.c.mailbox_id, COLLECT_TOKEN.c.device_id, COLLECT_TOKEN.c.expires)
        .join(
            DEVICE,
            sa.and_(
                DEVICE.c.mailbox_id == COLLECT_TOKEN.c.mailbox_id,
                DEVICE.c.device_id == COLLECT_TOKEN.c.device_id,
                DEVICE.c.active,
            ),
        )
        .where(COLLECT_TOKEN.c.token_hash == hash_of(token), COLLECT_TOKEN.c.expires > now)
    ).one_or_none()
    return None if row is None else (row[0], bytes(row[1]), row[2])
