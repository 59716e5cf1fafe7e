"""A mailbox as a check sees it: its row, and its places with all that is known of each."""

from __future__ import annotations

from msgspec import Struct, field

from mx_core.model.flags import DELETED, SEEN, FlagSet


class FullPlace(Struct):
    """One message in one mailbox, with what other tables say of it."""

    uid: int
    modseq: int
    flag_set: int
    flags: FlagSet
    message: int
    global_id: bytes
    size: int
    internal_date: int


class BoxState(Struct):
    """One mailbox; *kept* are the numbers in its row, by column."""

    id: int
    name: str
    global_id: bytes
    special_use: str
    kept: dict[str, int]
    rule: str = ""  # of a folder that shows mail of other mailboxes: its places are derived
    places: list[FullPlace] = field(default_factory=list)  # UIDs ascending

    def flags(self) -> dict[int, FlagSet]:
        """Return the flags of each UID."""
        return {place.uid: place.flags for place in self.places}

    def numbers(self, last_uid: int) -> dict[str, int]:
        """Return what the row should keep; *last_uid* was the greatest that anything tells of."""
        highest = max((place.uid for place in self.places), default=0)
        uid_next = max(self.kept["uid_next"], highest + 1, last_uid + 1)
        first_recent = min(self.kept["first_recent"], uid_next)
        return {
            "uid_next": uid_next,
            "highest_modseq": max(
                [self.kept["highest_modseq"], *(place.modseq for place in self.places)]
            ),
            "first_recent": first_recent,
            "messages": len(self.places),
            "unseen": sum(SEEN not in place.flags for place in self.places),
            "deleted": sum(DELETED in place.flags for place in self.places),
            "recent": sum(place.uid >= first_recent for place in self.places),
            "size": sum(place.size for place in self.places),
        }
