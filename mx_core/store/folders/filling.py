"""Judging what was there before: a new folder filled, and mailboxes that came into or out of reach.

Within a write job, and bounded: what a large account has more is left to ``upkeep``.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from mx_core.model.ids import MailboxId
from mx_core.store.folders.book import Book
from mx_core.store.folders.following import FollowedPlaces
from mx_core.store.places.places import Place

AT_ONCE: Final = 2_000  # places judged in the job that asks for it
_SLICE: Final = 500


def fill(places: FollowedPlaces, folder: MailboxId) -> None:
    """Judge for *folder* all that is in reach; leave it incomplete if that is too much for a job."""
    boxes = reach(places)
    if sum(count for _, count in boxes) > AT_ONCE:
        places.owes = True
        return
    for mailbox, _ in boxes:
        fill_from(places, folder, mailbox)
    mark_complete(places, folder)


def fill_from(
    places: FollowedPlaces, folder: MailboxId, mailbox: MailboxId, after: int = 0, most: int = 0
) -> int | None:
    """Judge up to *most* (0: all) places of *mailbox* above UID *after*.

    Return the last UID judged, or None if there is nothing more.
    """
    book = places.book
    waiting = (place for place in places.find(mailbox, None) if place.uid > after)
    last: int | None = None
    judged = 0
    for batch in _batches(waiting):
        places.settle(book.folders[folder], mailbox, batch)
        last = batch[-1].uid
        judged += len(batch)
        if most and judged >= most:
            return last
    return None


def mend(places: FollowedPlaces, folder: MailboxId) -> None:
    """Let go of what stands for nothing any more; everything else keeps its UID.

    Finds something only after damage.
    """
    members = places.members.all_of(folder)
    alive: dict[tuple[MailboxId, int], Place] = {}
    for mailbox in sorted({member.mailbox for member in members}):
        if places.book.follows(mailbox):
            originals = [member.original for member in members if member.mailbox == mailbox]
            found = places.find(mailbox, originals)
            alive.update({(mailbox, place.uid): place for place in found})
    gone = []
    for member in members:
        place = alive.get((member.mailbox, member.original))
        if place is None or place.message != member.message:
            gone.append(member)
    if gone:
        places.let_go(gone)


def reach(places: FollowedPlaces) -> list[tuple[MailboxId, int]]:
    """Return the mailboxes whose mail may be in folders, with their numbers of messages."""
    rows = places.connection.exec_driver_sql("SELECT id, messages FROM mailbox ORDER BY id")
    return [(MailboxId(box), count) for box, count in rows if places.book.follows(MailboxId(box))]


def mark_complete(places: FollowedPlaces, folder: MailboxId) -> None:
    """Note that everything has been judged."""
    places.connection.exec_driver_sql("UPDATE folder SET complete = 1 WHERE mailbox = ?", (folder,))


def names_changed(places: FollowedPlaces, before: Book) -> None:
    """After a rename: mail that went below the Trash leaves the folders, what came out is judged."""
    for mailbox in sorted(places.book.apart - before.apart - places.book.folders.keys()):
        places.leave_all(mailbox, places.find(mailbox, None))
    for mailbox in sorted(before.apart - places.book.apart):
        for folder in places.book.folders:
            fill_from(places, folder, mailbox)


def _batches(found: Iterator[Place]) -> Iterator[list[Place]]:
    while batch := list(islice(found, _SLICE)):
        yield batch
