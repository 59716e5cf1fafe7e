"""What is asked of mail for a person: who is let in by a token, what strangers pay, what the door takes.

Rows of ``tag`` and the part of ``mailbox`` that a profile decides.  Jobs for ``Database``.  A tag
is found by the first octets of a token, through its key; nothing here knows whose tag it is.
spec/admission.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import sqlalchemy as sa
from msgspec import Struct

from mx_core.admission.tag_list import TAGS_MAX, TAGS_MIN, good_until
from mx_core.admission.token import hint_range, is_sorted_list
from mx_core.db.bulk import twofold
from mx_core.db.prepared import Prepared
from mx_core.homeserver.mailboxes.holding import hold
from mx_core.homeserver.schema import MAILBOX, TAG
from mx_core.model.errors import Refused
from mx_core.passport.op import Profile

AFTER_MOVE_SECONDS: Final = 90 * 86_400  # mail to the old address still comes in, identity §7

_DOORS: Final = twofold(
    lambda among: sa.select(
        MAILBOX.c.address,
        MAILBOX.c.mailbox_id,
        MAILBOX.c.closed,
        MAILBOX.c.postage_bits,
        MAILBOX.c.tags_until,
        MAILBOX.c.moved,
    ).where(among(MAILBOX.c.address, "addresses"))
)
_HINTED: Final = sa.select(TAG.c.tag).where(
    TAG.c.mailbox_id == sa.bindparam("mailbox"),
    TAG.c.tag.between(sa.bindparam("least"), sa.bindparam("greatest")),
)
_HINTING: Final = (
    sa.func.unnest(
        *(
            sa.bindparam(name, type_=sa.ARRAY(kind))
            for name, kind in (
                ("mailboxes", TAG.c.mailbox_id.type),
                ("leasts", TAG.c.tag.type),
                ("greatests", TAG.c.tag.type),
            )
        )
    )
    .table_valued(
        sa.column("mailbox_id", TAG.c.mailbox_id.type),
        sa.column("least", TAG.c.tag.type),
        sa.column("greatest", TAG.c.tag.type),
        with_ordinality="place",
    )
    .render_derived(name="hinting")
)
_HINTED_EACH: Final = (
    Prepared(  # a look by the key for each, whatever the planner knows of the table
        sa.select(
            sa.func.array(
                sa.select(TAG.c.tag)
                .where(
                    TAG.c.mailbox_id == _HINTING.c.mailbox_id,
                    TAG.c.tag.between(_HINTING.c.least, _HINTING.c.greatest),
                )
                .correlate(_HINTING)
                .scalar_subquery()
            )
        )
        .select_from(_HINTING)
        .order_by(_HINTING.c.place)
    )
)

_OPENED: Final = twofold(
    lambda among: sa.select(MAILBOX.c.address).where(
        among(MAILBOX.c.address, "addresses"), MAILBOX.c.door
    )
)


class Door(Struct, frozen=True):
    """One person's door; times in unix seconds.

    *tags_until*: 0, or when the list of tags runs out; *moved*: 0, or when they moved away.
    """

    mailbox_id: int
    closed: bool
    postage_bits: int
    tags_until: int
    moved: int = 0

    def lets_in(self, now: float) -> bool:
        """Tell whether mail still comes in here."""
        return not self.moved or now < self.moved + AFTER_MOVE_SECONDS


def doors(tx: sa.Connection, addresses: Collection[str]) -> dict[str, Door]:
    """Return the doors of those of the canonical *addresses* that are somebody's."""
    rows = _DOORS.rows(tx, {"addresses": sorted(addresses)})
    return {row[0]: Door(row[1], bool(row[2]), row[3], row[4], row[5]) for row in rows}


def hinted(tx: sa.Connection, asked: Sequence[tuple[int, bytes]]) -> list[list[bytes]]:
    """Return, for each (mailbox, token), the tags that may have made it: almost always none, or one."""
    if not asked:
        return []
    ranges = [(mailbox_id, *hint_range(token)) for mailbox_id, token in asked]
    if tx.dialect.name != "sqlite":
        mailboxes, leasts, greatests = map(list, zip(*ranges, strict=True))
        lists = {"mailboxes": mailboxes, "leasts": leasts, "greatests": greatests}
        return [row[0] for row in _HINTED_EACH.rows(tx, lists)]
    return [
        list(
            tx.execute(
                _HINTED, {"mailbox": mailbox_id, "least": least, "greatest": greatest}
            ).scalars()
        )
        for mailbox_id, least, greatest in ranges
    ]


def check_tags(tags: Sequence[bytes], tags_until: int, now: float) -> None:
    """Raise Refused unless *tags* are a list that a device may give."""
    if not TAGS_MIN <= len(tags) <= TAGS_MAX or len(tags).bit_count() != 1:
        raise Refused(f"tags come as a power of two of them, {TAGS_MIN} to {TAGS_MAX}")
    if not is_sorted_list(tags):
        raise Refused("tags are of 32 octets, ascending, and none comes twice")
    if not now < tags_until <= good_until(now):
        raise Refused("a list of tags is good for twelve weeks at most")


def replace_tags(tx: sa.Connection, mailbox_id: int, tags: Sequence[bytes], until: int) -> None:
    """Hold exactly *tags* from now on.

    Crash before the commit: the list before is in force, and the device gives its own again.
    """
    hold(tx, [mailbox_id])
    known = set(tx.execute(sa.select(TAG.c.tag).where(TAG.c.mailbox_id == mailbox_id)).scalars())
    gone, new = known.difference(tags), [tag for tag in tags if tag not in known]
    if gone:
        delete = TAG.delete().where(
            TAG.c.mailbox_id == mailbox_id, TAG.c.tag == sa.bindparam("one")
        )
        tx.execute(delete, [{"one": tag} for tag in gone])
    if new:
        tx.execute(TAG.insert(), [{"mailbox_id": mailbox_id, "tag": tag} for tag in new])
    tx.execute(MAILBOX.update().where(MAILBOX.c.mailbox_id == mailbox_id).values(tags_until=until))


def takes_ordinary(tx: sa.Connection, addresses: Collection[str]) -> set[str]:
    """Return those of the canonical *addresses* whose owner takes ordinary mail at the door."""
    return {row[0] for row in _OPENED.rows(tx, {"addresses": sorted(addresses)})}


def is_open(tx: sa.Connection, mailbox_id: int) -> bool:
    """Tell whether ordinary mail for the mailbox is taken at the door."""
    query = sa.select(MAILBOX.c.door).where(MAILBOX.c.mailbox_id == mailbox_id)
    return bool(tx.execute(query).scalar_one())


def take_ordinary(tx: sa.Connection, mailbox_id: int, *, taken: bool) -> None:
    """Let ordinary mail for the mailbox in at the door from now on, or no more.

    Crash before the commit: it is as it was, and the person was told nothing.
    """
    tx.execute(MAILBOX.update().where(MAILBOX.c.mailbox_id == mailbox_id).values(door=taken))


def move_away(tx: sa.Connection, mailbox_id: int, now: int) -> None:
    """Note that the person lives elsewhere from *now* on, unless it was noted before."""
    tx.execute(
        MAILBOX.update()
        .where(MAILBOX.c.mailbox_id == mailbox_id, MAILBOX.c.moved == 0)
        .values(moved=now)
    )


def take_profile(tx: sa.Connection, mailbox_id: int, profile: Profile) -> None:
    """Do from now on as the newest profile of the passport says."""
    tx.execute(
        MAILBOX.update()
        .where(MAILBOX.c.mailbox_id == mailbox_id)
        .values(closed=not profile.lookup_open, postage_bits=profile.postage_bits)
    )
