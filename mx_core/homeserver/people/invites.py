"""Invites: by one somebody registers, once; the operator hands out its code, and here only the hash is kept.

Jobs for ``Database``, and what a code looks like.
"""

from __future__ import annotations

import secrets
from typing import Final

import sqlalchemy as sa

from mx_core.homeserver.schema import INVITE
from mx_core.model.errors import NotPermitted
from mx_core.notation.hashing import b2

_CODE_OCTETS: Final = 16
_GROUP: Final = 8  # characters between two dashes of a code


def new_code() -> str:
    """Return 128 random bits as 26 base32 characters, in groups."""
    alphabet = "abcdefghijklmnopqrstuvwxyz234567"
    number = int.from_bytes(secrets.token_bytes(_CODE_OCTETS), "big")
    digits = "".join(alphabet[number >> shift & 31] for shift in range(0, _CODE_OCTETS * 8, 5))
    return "-".join(digits[at : at + _GROUP] for at in range(0, len(digits), _GROUP))


def hash_of(code: str) -> bytes:
    """Return what is stored of a code; dashes and case are for the eye only."""
    return b2("MX1.invite", [code.replace("-", "").strip().lower().encode()])


def add(tx: sa.Connection, code_hash: bytes, local: str | None, expires: int) -> None:
    """Remember an invite by the hash of its code; it is for the name *local*, or for any."""
    tx.execute(INVITE.insert().values(code_hash=code_hash, local=local, expires=expires))


def use(tx: sa.Connection, code_hash: bytes, local: str, now: int) -> None:
    """Spend an invite; it never works twice.

    Raises:
        NotPermitted: Unknown, spent, expired or for another name; the same sentence for all.
    """
    spent = tx.execute(
        INVITE.update()
        .where(
            INVITE.c.code_hash == code_hash,
            INVITE.c.used.is_(None),
            INVITE.c.expires > now,
            sa.or_(INVITE.c.local.is_(None), INVITE.c.local == local),
        )
        .values(used=now)
    )
    if spent.rowcount != 1:
        raise NotPermitted("this invite is unknown, used up, too old or for another name")
