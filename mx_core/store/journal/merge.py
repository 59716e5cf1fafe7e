"""What the journals of several devices come to together: spec/journal §4.  Pure.

The result is a function of the *set* of rows that were taken in, so it can not depend on the
order in which they came or on how often.  A row that names what is not known yet has no effect
until it is; nothing here asks for the time or changes a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from msgspec import Struct, field

from mx_core.model.flags import KEY_CHANGED, NOT_ENCRYPTED, UNVERIFIED, Flag, FlagSet
from mx_core.model.mailbox_name import GATEWAY, INBOX, OUTBOX, REQUESTS, SEND_ORDINARY
from mx_core.store.journal.row import Op, PlaceName, Row

_FIRST: Final = {
    (INBOX, "", ""),
    (REQUESTS, "", ""),
    (GATEWAY, "", ""),
    (OUTBOX, "", ""),
    (SEND_ORDINARY, "", ""),
    ("Archive", "\\Archive", ""),
    ("Drafts", "\\Drafts", ""),
    ("Junk", "\\Junk", ""),
    ("Sent", "\\Sent", ""),
    ("Trash", "\\Trash", ""),
    ("Key changed", "", f"KEYWORD {KEY_CHANGED}"),
    ("Not encrypted", "", f"KEYWORD {NOT_ENCRYPTED}"),
    ("Unverified", "", f"KEYWORD {UNVERIFIED}"),
}  # what every account begins with; merged by name
_NAME_OCTETS_MAX: Final = 1000


class MergedMailbox(Struct):
    """A mailbox and what is in it, in the order it was put there."""

    name: str
    special_use: str
    rule: str = ""  # of a folder, whose places are derived on each device
    messages: dict[PlaceName, bytes] = field(default_factory=dict)  # global id of each
    flags: dict[PlaceName, FlagSet] = field(default_factory=dict)


class Merged(Struct, frozen=True):
    """An account as all its devices will show it; mailboxes by global id."""

    mailboxes: dict[bytes, MergedMailbox]
    subscriptions: frozenset[str]


class Merge:
    """Takes rows in; :meth:`result` is what they come to."""

    def __init__(self) -> None:
        self._rows: dict[tuple[bytes, int], Row] = {}

    def take(self, rows: Iterable[Row]) -> None:
        """Add *rows*, places by name; one that is known already is dropped."""
        for row in rows:
            self._rows.setdefault((row.device, row.device_seq), row)

    def result(self) -> Merged:
        """Return the account; costs the length of the journal."""
        rows = sorted(self._rows.values(), key=lambda row: row.order)
        same = _first_mailboxes(rows)
        boxes = _Boxes(rows, same)
        counts = {row.change: len(row.ids[1]) for row in rows if row.op is Op.ADDED}
        gone = {
            place for row in rows if row.op is Op.EXPUNGED for place in _places(row.ids[0], counts)
        }
        flags = _flags(rows, counts)
        merged: dict[bytes, MergedMailbox] = {}
        for mailbox, name, made in boxes.named():
            merged[mailbox] = MergedMailbox(name, made.ids[1], made.ids.get(2, ""))
        for row in rows:
            box = merged.get(same.get(row.mailbox, row.mailbox))
            if row.op is not Op.ADDED or box is None or boxes.covered(row):
                continue
            for index, message in enumerate(row.ids[1]):
                place = PlaceName(row.change, index)
                if place not in gone:
                    box.messages[place] = message
                    box.flags[place] = flags.get(place, frozenset())
        return Merged(merged, _subscriptions(rows))


class _Boxes:
    """Which mailboxes there are, and what each is called."""

    def __init__(self, rows: list[Row], same: dict[bytes, bytes]) -> None:
        self._same = same
        self._removed: dict[bytes, list[Row]] = {}
        self._made: dict[bytes, Row] = {}  # ascending, the earliest of each
        self._claims: dict[bytes, str] = {}
        self._alive: set[bytes] = set()
        for row in rows:
            mailbox = same.get(row.mailbox, row.mailbox)
            if row.op is Op.REMOVED:
                self._removed.setdefault(mailbox, []).append(row)
            if row.op is Op.MADE:
                self._made.setdefault(mailbox, row)
            if row.op in (Op.MADE, Op.RENAMED) and not (
                # a first mailbox that another device made later says nothing about its name
                row.op is Op.MADE and mailbox in self._claims
            ):
                self._claims[mailbox] = row.ids[0]
        for row in rows:
            if row.op in (Op.MADE, Op.ADDED) and not self.covered(row):
                self._alive.add(same.get(row.mailbox, row.mailbox))

    def covered(self, row: Row) -> bool:
        """Tell whether a removal of its mailbox was written by one who had taken *row* in."""
        mailbox = self._same.get(row.mailbox, row.mailbox)
        return any(_had_taken_in(removal, row) for removal in self._removed.get(mailbox, ()))

    def named(self) -> Iterator[tuple[bytes, str, Row]]:
        """Yield (global id, name, the row that made it), names without doubles.

        Of several that claim one name the earliest made has it; nobody gets a name that
        somebody claims.
        """
        there = [mailbox for mailbox in self._made if mailbox in self._alive]
        owners: dict[str, bytes] = {}
        for mailbox in there:
            owners.setdefault(self._claims[mailbox], mailbox)
        taken = set(owners)
        for mailbox in there:
            name = self._claims[mailbox]
            if owners[name] != mailbox:
                name = _free_name(name, taken)
                taken.add(name)
            yield mailbox, name, self._made[mailbox]


def _first_mailboxes(rows: list[Row]) -> dict[bytes, bytes]:
    """Return, for each device's first mailboxes, the global id of the earliest made of its kind."""
    firsts: dict[tuple[bytes, str], Row] = {}
    for row in rows:
        if row.op is Op.MADE and (row.ids[0], row.ids[1], row.ids.get(2, "")) in _FIRST:
            kept = firsts.setdefault((row.device, row.ids[0]), row)
            if row.device_seq < kept.device_seq:
                firsts[row.device, row.ids[0]] = row
    earliest: dict[str, Row] = {}
    for (_, name), row in firsts.items():
        kept = earliest.setdefault(name, row)
        if row.order < kept.order:
            earliest[name] = row
    return {row.mailbox: earliest[name].mailbox for (_, name), row in firsts.items()}


def _had_taken_in(removal: Row, row: Row) -> bool:
    """Tell whether the device that wrote *removal* knew *row* then (spec/journal §3)."""
    if row.device == removal.device:
        return row.device_seq < removal.device_seq
    return any(
        device == row.device and row.device_seq <= last for device, last in removal.ids.get(0, [])
    )


def _flags(rows: list[Row], counts: dict[bytes, int]) -> dict[PlaceName, FlagSet]:
    """Return the flags of each place: for each flag the latest row that names it wins."""
    flags: dict[PlaceName, dict[str, bool]] = {}
    for row in rows:
        if row.op is Op.ADDED:
            for index, chosen in enumerate(row.ids[3]):
                flags[PlaceName(row.change, index)] = dict.fromkeys(row.ids[2][chosen], True)
    for row in rows:
        for places, added, cleared in row.ids[0] if row.op is Op.FLAGGED else ():
            said = dict.fromkeys(added, True) | dict.fromkeys(cleared, False)
            for place in _places(places, counts):
                flags[place].update(said)
    return {
        place: frozenset(Flag(flag) for flag, is_set in said.items() if is_set)
        for place, said in flags.items()
    }


def _places(spans: list[Any], counts: dict[bytes, int]) -> Iterator[PlaceName]:
    """Yield the places of *spans* that a known change made."""
    for change, first, last in spans:
        for index in range(first, min(last + 1, counts.get(change, 0))):
            yield PlaceName(change, index)


def _subscriptions(rows: list[Row]) -> frozenset[str]:
    told = {row.ids[0]: row.ids[1] for row in rows if row.op is Op.SUBSCRIBED}
    return frozenset(name for name, subscribed in told.items() if subscribed)


def _free_name(name: str, taken: set[str]) -> str:
    number = 2
    while True:
        suffix = f" ({number})"
        stem = name
        while len((stem + suffix).encode()) > _NAME_OCTETS_MAX:
            stem = stem[:-1]
        if stem + suffix not in taken:
            return stem + suffix
        number += 1
