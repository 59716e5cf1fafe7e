"""Flags and counters of an ordinary IMAP server: what changed there, and changing it there.

Beside ``remote_mailbox``: values and the commands that ask for them.  RFC 7162, RFC 5465.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from gateway.legacy.answers import Atom, Data, Value
from gateway.legacy.client import ImapClient, SaidNo, quoted
from gateway.legacy.fetched import flags_of, items_of, number_of, sequence_set
from gateway.legacy.remote_mailbox import Opened
from mx_core.model.flags import FlagSet

_UID_MAX: Final = (1 << 32) - 1
_MODSEQ_MAX: Final = (1 << 63) - 1
_SPARE: Final = 1_000


class Counters(Struct, frozen=True):
    """What STATUS says of a mailbox; 0: the server does not say."""

    uid_validity: int
    uid_next: int
    modseq: int


async def changed_since(client: ImapClient, opened: Opened, modseq: int) -> dict[int, FlagSet]:
    """Return flags by UID of what changed after *modseq*; of all if the server does not count."""
    found: dict[int, FlagSet] = {}
    if not opened.messages:
        return found

    def take(data: Data) -> None:
        uid, flags = _uid_and_flags(data)
        if uid and flags is not None:
            found[uid] = flags

    since = f" (CHANGEDSINCE {modseq})" if modseq and opened.modseq else ""
    await client.ask(
        f"UID FETCH 1:* (UID FLAGS){since}", take, answers=2 * opened.messages + _SPARE
    )
    return found


async def add_and_remove(
    client: ImapClient, uids: Sequence[int], add: FlagSet, remove: FlagSet
) -> Mapping[int, FlagSet]:
    """Change flags of *uids* in the open mailbox; return what the server says they have now.

    Raises:
        SaidNo: It does not.
    """
    found: dict[int, FlagSet] = {}

    def take(data: Data) -> None:
        uid, flags = _uid_and_flags(data)
        if uid in asked and flags is not None:
            found[uid] = flags
        elif flags is not None:
            client.news = True

    asked = set(uids)
    for sign, flags in (("+", add), ("-", remove)):
        if flags:
            await client.ask(
                f"UID STORE {sequence_set(uids)} {sign}FLAGS ({' '.join(sorted(flags))})",
                take,
                answers=2 * len(uids) + _SPARE,
            )
    return found


async def counters(client: ImapClient, raw: bytes) -> Counters | None:
    """Return what STATUS says of the mailbox *raw*; None: it is not there, or says nothing."""
    found: list[Counters] = []

    def take(data: Data) -> None:
        told = told_of(data)
        if told is not None:
            found.append(told[1])

    more = " HIGHESTMODSEQ" if "CONDSTORE" in client.capabilities else ""
    asked = f"STATUS {quoted(raw.decode('ascii'))} (UIDVALIDITY UIDNEXT{more})"
    try:
        await client.ask(asked, take)
    except SaidNo:
        return None
    return found[-1] if found else None


def told_of(data: Data) -> tuple[bytes, Counters] | None:
    """Return the mailbox of a STATUS answer, and its counters."""
    if data.name != "STATUS" or len(data.values) < 2:  # noqa: PLR2004  # name, items
        return None
    name, listed = data.values[:2]
    if not isinstance(name, bytes) or not isinstance(listed, list):
        return None
    items: dict[bytes, Value] = {
        bytes(key).upper(): value
        for key, value in zip(listed[::2], listed[1::2], strict=False)
        if isinstance(key, Atom)
    }
    return bytes(name), Counters(
        number_of(items.get(b"UIDVALIDITY"), _UID_MAX) or 0,
        number_of(items.get(b"UIDNEXT"), _UID_MAX) or 0,
        number_of(items.get(b"HIGHESTMODSEQ"), _MODSEQ_MAX) or 0,
    )


async def be_told_of_all(client: ImapClient) -> bool:
    """Ask to be told of every mailbox while IDLE lasts; False: the server can not.  RFC 5465."""
    if "NOTIFY" not in client.capabilities:
        return False
    events = "(MessageNew MessageExpunge FlagChange)"
    try:
        await client.ask(f"NOTIFY SET (selected {events}) (personal {events})")
    except SaidNo:
        return False
    return True


def _uid_and_flags(data: Data) -> tuple[int | None, FlagSet | None]:
    if data.name != "FETCH":
        return None, None
    items = items_of(data)
    flags = items.get("FLAGS")
    uid = number_of(items.get("UID"), _UID_MAX)
    return uid, flags_of(flags) if isinstance(flags, list) else None
