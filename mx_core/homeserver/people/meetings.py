"""Where a new device and one that is there meet, to become one person's: boxes that nobody here opens.

A device in a session opens a meeting by its id, one at a time for a mailbox; whoever knows the id
may answer.  Ten minutes later it is gone.  Jobs for ``Database``.  spec/link §4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from mx_core.db.transactions import Transactions
from mx_core.homeserver.mailboxes.holding import hold
from mx_core.homeserver.schema import MEETING
from mx_core.model.errors import Refused
from mx_core.passport.linking.channel import LIFE_SECONDS, RENDEZVOUS_OCTETS, Side

OCTETS_MAX: Final = 64 * 1024  # of what is said at once; a passport has 36 KiB at most
WORDS_MAX: Final = 8  # of each side

_OPENED: Final = 0  # stands in the place of a side


@dataclass(frozen=True, slots=True)
class Word:
    """What one side says, or nothing, as its word *number*; *listen*: which of the other's it wants."""

    rendezvous: bytes
    number: int
    octets: bytes
    listen: int


async def meet(database: Transactions, owner: int | None, word: Word, now: int) -> bytes | None:
    """Keep *word* and return the other side's, b"" until it is said; None: no meeting is open.

    *owner* is the mailbox of a device in a session, which opens the meeting; None: the new device.

    Raises:
        Refused: As ``open_for`` and ``say``.
    """
    mine, other = (Side.NEW, Side.PRESENT) if owner is None else (Side.PRESENT, Side.NEW)

    def listen(tx: sa.Connection) -> bytes | None:
        if _owner(tx, word.rendezvous, now) is None:
            return None
        return heard(tx, word.rendezvous, other, word.listen, now) or b""

    def speak(tx: sa.Connection) -> bytes | None:
        if owner is not None:
            open_for(tx, owner, word.rendezvous, now)
        if word.octets:
            say(tx, word.rendezvous, mine, word.number, word.octets, now)
        return listen(tx)

    # who is not in a session writes nothing where no meeting is open
    found = await database.read_few(listen)
    if (owner is None and found is None) or (found is not None and not word.octets):
        return found
    return await database.write(speak)


def open_for(tx: sa.Connection, mailbox_id: int, rendezvous: bytes, now: int) -> None:
    """Open a meeting for a device of the mailbox, unless it is open; it ends an older one.

    Crash before the commit: none is open, and the device asks again.

    Raises:
        Refused: It is no id, or somebody else's.
    """
    if len(rendezvous) != RENDEZVOUS_OCTETS:
        raise Refused(f"the id of a meeting has {RENDEZVOUS_OCTETS} octets")
    hold(tx, [mailbox_id])
    owner = _owner(tx, rendezvous, now)
    if owner == mailbox_id:
        return
    if owner is not None:
        raise Refused("this meeting is somebody else's: begin again with a new code")
    forget_old(tx, now)
    tx.execute(MEETING.delete().where(MEETING.c.mailbox_id == mailbox_id))
    _put(tx, (rendezvous, _OPENED, 0), mailbox_id, b"", now + LIFE_SECONDS)


def say(
    tx: sa.Connection, rendezvous: bytes, side: Side, number: int, octets: bytes, now: int
) -> bool:
    """Keep word *number* of *side* for the other one; False: no such meeting is open.

    Crash before the commit: it is said again, which changes nothing.

    Raises:
        Refused: It is too long, too many, or another one than was said before.
    """
    if not 0 < len(octets) <= OCTETS_MAX or not 0 <= number < WORDS_MAX:
        raise Refused(f"a meeting has {WORDS_MAX} words a side, of 1 to {OCTETS_MAX} octets")
    owner = _owner(tx, rendezvous, now)
    if owner is None:
        return False
    hold(tx, [owner])
    known = heard(tx, rendezvous, side, number, now)
    if known is None:
        ends = tx.execute(
            sa.select(MEETING.c.expires).where(
                MEETING.c.rendezvous == rendezvous, MEETING.c.side == _OPENED
            )
        ).scalar_one()
        _put(tx, (rendezvous, side, number), owner, octets, ends)
    elif known != octets:
        raise Refused("this was said otherwise before: begin again with a new code")
    return True


def heard(tx: sa.Connection, rendezvous: bytes, side: Side, number: int, now: int) -> bytes | None:
    """Return word *number* of *side*, if it was said."""
    found = tx.execute(
        sa.select(MEETING.c.octets).where(
            MEETING.c.rendezvous == rendezvous,
            MEETING.c.side == side,
            MEETING.c.number == number,
            MEETING.c.expires > now,
        )
    ).scalar_one_or_none()
    return None if found is None else bytes(found)


def forget_old(tx: sa.Connection, now: int) -> None:
    """Delete what is over; derived from the rows, so a crash only makes it late."""
    tx.execute(MEETING.delete().where(MEETING.c.expires <= now))


def _owner(tx: sa.Connection, rendezvous: bytes, now: int) -> int | None:
    return tx.execute(
        sa.select(MEETING.c.mailbox_id).where(
            MEETING.c.rendezvous == rendezvous,
            MEETING.c.side == _OPENED,
            MEETING.c.expires > now,
        )
    ).scalar_one_or_none()


def _put(
    tx: sa.Connection, place: tuple[bytes, int, int], mailbox_id: int, octets: bytes, expires: int
) -> None:
    rendezvous, side, number = place
    tx.execute(
        MEETING.insert().values(
            rendezvous=rendezvous,
            side=side,
            number=number,
            mailbox_id=mailbox_id,
            octets=octets,
            expires=expires,
        )
    )
