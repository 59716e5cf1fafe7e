r"""Which names LIST and LSUB show, and with which attributes.  RFC 5258, RFC 6154, RFC 3501 §6.3.8.

Pure: from the mailboxes and subscriptions of one moment to lines.  Wildcards match in time
proportional to name × pattern, whatever the pattern is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct, field

from mx_core.model.mailbox_name import DELIMITER, INBOX, MailboxName, parents
from mx_core.ports import MailboxInfo


class Entry(Struct):
    """One name to show."""

    name: MailboxName
    info: MailboxInfo | None  # None: the name is subscribed, or above others, and no mailbox
    subscribed: bool = False
    has_children: bool = False
    child_info: list[bytes] = field(default_factory=list)  # selection options a child meets


def matches(pattern: str, name: str) -> bool:
    """Tell whether *name* matches: "*" any octets, "%" any but the delimiter.  RFC 9051 §6.3.9.

    Where in the name the pattern so far can have come is one number, a bit for each place, so
    that no pattern costs more than its length in such numbers.
    """
    if pattern.split(DELIMITER, 1)[0].upper() == INBOX:
        pattern = INBOX + pattern[len(INBOX) :]
    if len(pattern) - pattern.count("*") - pattern.count("%") > len(name):
        return False
    places = (1 << (len(name) + 1)) - 1
    inside = _bits(name, lambda sign: sign != DELIMITER)
    literal: dict[str, int] = {}
    reached = 1
    previous = ""
    for sign in pattern:
        if sign == "*":
            reached = places & -(reached & -reached)  # from the first place on, all
        elif sign == "%":
            # adding carries each place through its level to the next delimiter
            reached |= ((reached & inside) + inside) ^ inside if previous != "%" else 0
        else:
            if sign not in literal:
                literal[sign] = _bits(name, sign.__eq__)
            reached = (reached & literal[sign]) << 1
        if not reached:
            return False
        previous = sign
    return bool(reached >> len(name) & 1)


def _bits(name: str, test: Callable[[str], object]) -> int:
    return int("0" + "".join("1" if test(sign) else "0" for sign in reversed(name)), 2)


def tree(mailboxes: Sequence[MailboxInfo], subscriptions: Iterable[MailboxName]) -> list[Entry]:
    """Return every name there is, in order, with the names above them."""
    subscribed = set(subscriptions)
    entries = {box.name: Entry(box.name, box, box.name in subscribed) for box in mailboxes}
    for name in subscribed:
        entries.setdefault(name, Entry(name, None, subscribed=True))
    for name in list(entries):
        above = parents(name)
        for parent in above:
            entry = entries.setdefault(parent, Entry(parent, None))
            if entries[name].info is not None:
                entry.has_children = True
    return [entries[name] for name in sorted(entries, key=_order)]


def _order(name: MailboxName) -> tuple[bool, str]:
    return (name != INBOX, name)


def chosen(
    entries: Sequence[Entry], patterns: Sequence[str], selecting: frozenset[bytes]
) -> list[Entry]:
    """Return the entries that a LIST shows.  RFC 5258 §3."""
    shown: dict[MailboxName, Entry] = {}
    for entry in entries:
        if not _selected(entry, selecting):
            continue
        if any(matches(pattern, entry.name) for pattern in patterns):
            shown[entry.name] = entry
    if b"RECURSIVEMATCH" in selecting:
        _add_parents(entries, patterns, selecting, shown)
    return [entry for entry in entries if entry.name in shown]


def _selected(entry: Entry, selecting: frozenset[bytes]) -> bool:
    if b"SUBSCRIBED" in selecting and not entry.subscribed:
        return False
    if b"SPECIAL-USE" in selecting and not (entry.info and entry.info.special_use):
        return False
    if b"SUBSCRIBED" in selecting:
        return True
    return entry.info is not None


def _add_parents(
    entries: Sequence[Entry],
    patterns: Sequence[str],
    selecting: frozenset[bytes],
    shown: dict[MailboxName, Entry],
) -> None:
    # RFC 5258 §3.5: a name that matches is shown for the sake of a selected name below it.
    # Only subscription has a word in CHILDINFO; a special use below shows the name without it.
    by_name = {entry.name: entry for entry in entries}
    child_info = [b"SUBSCRIBED"] if b"SUBSCRIBED" in selecting else []
    themselves = set(shown)
    for entry in entries:
        if not _selected(entry, selecting):
            continue
        if entry.name in themselves:
            continue  # it speaks for itself; imaptest holds servers to that
        for parent in parents(entry.name):
            if any(matches(pattern, parent) for pattern in patterns):
                above = by_name[parent]
                above.child_info = child_info
                shown[parent] = above


def attributes(
    entry: Entry, *, extended: bool, selecting: frozenset[bytes], returning: frozenset[bytes]
) -> list[bytes]:
    r"""Return the attributes of one line.

    ``\HasChildren``, ``\HasNoChildren`` and the special uses stand in every LIST: plain LIST is
    all that old clients send, and RFC 6154 §2 allows it.
    """
    found: list[bytes] = []
    if entry.info is None:
        # RFC 5258 §3: \NonExistent says \Noselect too; old clients know only the latter
        found.append(b"\\NonExistent" if extended else b"\\Noselect")
    if entry.subscribed and (b"SUBSCRIBED" in selecting or b"SUBSCRIBED" in returning):
        found.append(b"\\Subscribed")
    found.append(b"\\HasChildren" if entry.has_children else b"\\HasNoChildren")
    if entry.info is not None and entry.info.special_use:
        found.append(entry.info.special_use.encode())
    return found


def lsub(entries: Sequence[Entry], pattern: str) -> list[tuple[MailboxName, list[bytes]]]:
    r"""Return the names of an LSUB; a name above a subscribed one stands for it with ``\Noselect``.

    RFC 3501 §6.3.9: only where the pattern ends in ``%`` and so hides the name below.
    """
    shown: dict[MailboxName, list[bytes]] = {}
    for entry in entries:
        if not entry.subscribed:
            continue
        if matches(pattern, entry.name):
            shown[entry.name] = []
        elif pattern.endswith("%"):
            for parent in parents(entry.name):
                if matches(pattern, parent):
                    shown.setdefault(parent, [b"\\Noselect"])
    return [(name, shown[name]) for name in sorted(shown, key=_order)]
