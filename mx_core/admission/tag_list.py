"""The list that a device gives to its home server: tags of all contacts, hidden among others.

Whoever sees the list learns neither how many contacts there are nor which tags belong together:
what fills it up to a power of two are the tags of contacts that do not exist, and these come and
go by the week as the others do.  Identity §9.  Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Final

from mx_core.admission.token import WEEK_SECONDS, tag_of, week_of
from mx_core.notation.hashing import b2

WEEKS_BACK: Final = 1
WEEKS_AHEAD: Final = 12
TAGS_MIN: Final = 64
TAGS_MAX: Final = 65_536
_WEEKS: Final = WEEKS_BACK + 1 + WEEKS_AHEAD
CONTACTS_MAX: Final = TAGS_MAX // _WEEKS  # 4,681; who is over it pays postage


def tag_list(
    secrets: Sequence[bytes],
    filler: bytes,
    now: float,
    invited: Sequence[tuple[bytes, int]] = (),
) -> list[bytes]:
    """Return the sorted list for the weeks around *now*: a power of two of tags, at least 64.

    *secrets* in order of worth: of more than ``CONTACTS_MAX`` the last are left out.  *filler* is
    32 octets that the device keeps and shows nobody.  *invited*: secrets of invitations, and when
    each ends; they take the room of contacts.
    """
    weeks = range(week_of(now) - WEEKS_BACK, week_of(now) + WEEKS_AHEAD + 1)
    tags = {
        tag_of(secret, week) for secret, ends in invited for week in weeks if week <= week_of(ends)
    }
    room = (TAGS_MAX - len(tags)) // _WEEKS
    tags |= {tag_of(secret, week) for secret in secrets[:room] for week in weeks}
    wanted = size_of(len(tags))
    for number in count():
        nobody = b2("MX1.admit.filler", [number.to_bytes(8, "big")], key=filler)
        for week in weeks:
            if len(tags) == wanted:
                return sorted(tags)
            tags.add(tag_of(nobody, week))
    raise AssertionError("the count does not end")


def size_of(tags: int) -> int:
    """Return the least power of two that holds *tags*, and at least 64."""
    return max(TAGS_MIN, 1 << max(0, tags - 1).bit_length())


def good_until(now: float) -> int:
    """Return until when the list made at *now* knows the tags of the week, in unix seconds."""
    return (week_of(now) + WEEKS_AHEAD + 1) * WEEK_SECONDS
