"""Mailboxes of an ordinary IMAP server, as it tells of them: names, UIDs, sizes, flags, octets.

Values and the commands that ask for them; every number that the server names is checked
against what can be before anything is made of it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from msgspec import Struct

from gateway.legacy.answers import Atom, BadAnswer, Data, Status, Value
from gateway.legacy.client import ImapClient, quoted
from gateway.legacy.fetched import (
    content_type_of,
    date_of,
    flags_of,
    is_text,
    items_of,
    number_of,
    sequence_set,
    shared_of,
)
from gateway.legacy.guard import LITERAL_OCTETS
from imap_out.wire import utf7
from mx_core.model.flags import FlagSet

_UID_MAX: Final = (1 << 32) - 1
_SIZE_MAX: Final = 1 << 40
_MESSAGES_MAX: Final = 5_000_000
_MAILBOXES_MAX: Final = 10_000
_SPARE: Final = 1_000
PART_OCTETS: Final = 1024 * 1024  # a larger message is asked for in parts
_MODSEQ_MAX: Final = (1 << 63) - 1
_CODES_MAX: Final = 50
_FIELD_OCTETS: Final = 2 * 1024


class RemoteName(Struct, frozen=True):
    """One line of LIST; *raw* is the name as the server spells it."""

    raw: bytes
    levels: tuple[str, ...]
    attributes: frozenset[str]  # lower case

    @property
    def can_be_opened(self) -> bool:
        """Tell whether it may hold mail."""
        return not self.attributes & {"\\noselect", "\\nonexistent"}


class Opened(Struct, frozen=True):
    """A mailbox as it was when it was opened."""

    uid_validity: int
    messages: int
    uid_next: int = 0  # 0: the server does not say
    modseq: int = 0  # 0: it does not count changes (RFC 7162 §3.1.2.2)
    keeps: FlagSet | None = None  # flags that may be changed for good; None: it does not say
    makes: bool = False  # and any keyword besides (PERMANENTFLAGS \\*)


class Row(Struct, frozen=True):
    """One message, without its octets."""

    uid: int
    size: int
    flags: FlagSet
    received: int | None  # unix seconds
    shared: bytes  # X-GM-MSGID, or b""


class Size(Struct, frozen=True):
    """One message, weighed."""

    uid: int
    octets: int
    content_type: bytes  # a header of that field alone, where it was asked for


async def names(client: ImapClient) -> list[RemoteName]:
    """Return all mailboxes that the server lists."""
    found: list[RemoteName] = []

    def take(data: Data) -> None:
        if data.name == "LIST" and len(data.values) >= 3:  # noqa: PLR2004  # attributes, delimiter, name
            attributes, delimiter, name = data.values[:3]
            if isinstance(name, bytes) and isinstance(attributes, list):
                found.append(_name(attributes, delimiter, name))

    special = " RETURN (SPECIAL-USE)" if "SPECIAL-USE" in client.capabilities else ""
    extended = special if "LIST-EXTENDED" in client.capabilities else ""
    await client.ask(f'LIST "" "*"{extended}', take, answers=_MAILBOXES_MAX)
    return found


async def open_read_only(client: ImapClient, raw: bytes) -> Opened:
    """EXAMINE a mailbox: nothing in it changes by being read.  RFC 9051 §6.3.3."""
    return await _open(client, "EXAMINE", raw)


async def open_to_write(client: ImapClient, raw: bytes) -> Opened:
    """SELECT a mailbox."""
    return await _open(client, "SELECT", raw)


async def uids(client: ImapClient, opened: Opened, first: int = 1) -> list[int]:
    """Return the UIDs of the open mailbox from *first* on, ascending."""
    found: set[int] = set()
    if not opened.messages:
        return []

    def take(data: Data) -> None:
        if data.name == "FETCH" and (uid := number_of(items_of(data).get("UID"), _UID_MAX)):
            found.add(uid)

    await client.ask(f"UID FETCH {first}:* (UID)", take, answers=opened.messages + _SPARE)
    # of n:* the last message is told, whatever its UID   RFC 9051 §9 (sequence-set)
    return sorted(uid for uid in found if uid >= first)


async def sizes(client: ImapClient, wanted: Sequence[int], *, content_types: bool) -> list[Size]:
    """Return how large *wanted* are, ascending; those that are gone are missing.

    *content_types*: also what each says that it is, for which a server may have to read its header.
    """
    asked = set(wanted)
    found: dict[int, Size] = {}

    def take(data: Data) -> None:
        if (told := _sized(data, asked)) is not None:
            uid, size, items = told
            found[uid] = Size(uid, size, content_type_of(items))

    # a part of the field: nobody's can be longer than the answer may be
    more = f" BODY.PEEK[HEADER.FIELDS (CONTENT-TYPE)]<0.{_FIELD_OCTETS}>" if content_types else ""
    await client.ask(
        f"UID FETCH {sequence_set(wanted)} (UID RFC822.SIZE{more})",
        take,
        octets=len(wanted) * 2 * _FIELD_OCTETS if content_types else LITERAL_OCTETS,
        answers=2 * len(wanted) + _SPARE,
    )
    return [found[uid] for uid in sorted(found)]


async def rows(client: ImapClient, wanted: Sequence[int]) -> list[Row]:
    """Return what the server tells of *wanted*, ascending; those that are gone are missing."""
    asked = set(wanted)
    found: dict[int, Row] = {}

    def take(data: Data) -> None:
        if (told := _sized(data, asked)) is not None:
            uid, size, items = told
            found[uid] = Row(
                uid, size, flags_of(items.get("FLAGS")), date_of(items.get("INTERNALDATE")),
                shared_of(items.get("X-GM-MSGID")),
            )  # fmt: skip

    more = " X-GM-MSGID" if "X-GM-EXT-1" in client.capabilities else ""
    await client.ask(
        f"UID FETCH {sequence_set(wanted)} (UID RFC822.SIZE FLAGS INTERNALDATE{more})",
        take,
        answers=2 * len(wanted) + _SPARE,
    )
    return [found[uid] for uid in sorted(found)]


def _sized(data: Data, asked: Collection[int]) -> tuple[int, int, dict[str, Value]] | None:
    """Return UID, size and all items that *data* tells of one of *asked*; None: it does not."""
    if data.name != "FETCH":
        return None
    items = items_of(data)
    uid = number_of(items.get("UID"), _UID_MAX)
    size = number_of(items.get("RFC822.SIZE"), _SIZE_MAX)
    return None if uid is None or uid not in asked or size is None else (uid, size, items)


async def octets(client: ImapClient, wanted: Sequence[Row]) -> dict[int, bytes]:
    """Return the octets of *wanted* by UID; those that the server does not give are missing.

    Together they should be a few MiB; a server that sends more than it said ends the connection.
    """
    asked = {row.uid for row in wanted}
    found: dict[int, bytes] = {}

    def take(data: Data) -> None:
        if data.name == "FETCH":
            items = items_of(data)
            uid, body = number_of(items.get("UID"), _UID_MAX), items.get("BODY[]")
            if uid in asked and is_text(body):
                found[uid] = bytes(body)

    # some servers are wrong about sizes by a few percent; RFC 9051 §2.3.4 notwithstanding
    room = 2 * sum(row.size for row in wanted) + PART_OCTETS
    await client.ask(
        f"UID FETCH {sequence_set([row.uid for row in wanted])} (UID BODY.PEEK[])",
        take,
        octets=room,
        answers=2 * len(wanted) + _SPARE,
    )
    return found


async def in_parts(client: ImapClient, uid: int, octets_max: int) -> bytes | None:
    """Return a large message, asked for part by part; None if it is gone or larger than it may be."""
    whole = bytearray()
    while True:
        part = await _part(client, uid, len(whole))
        if part is None:
            return None
        whole += part
        if len(whole) > octets_max:
            return None
        if len(part) < PART_OCTETS:
            return bytes(whole)


async def _open(client: ImapClient, verb: str, raw: bytes) -> Opened:
    exists = 0
    codes: dict[bytes, bytes] = {}

    def take(data: Data) -> None:
        nonlocal exists
        if data.name == "EXISTS" and data.number is not None:
            exists = data.number

    def told(status: Status) -> None:
        name, _, value = status.code.partition(b" ")
        if len(codes) < _CODES_MAX:
            codes[name.upper()] = value

    counts = " (CONDSTORE)" if "CONDSTORE" in client.capabilities else ""
    await client.ask(f"{verb} {quoted(raw.decode('ascii'))}{counts}", take, told=told)
    if exists > _MESSAGES_MAX:
        raise BadAnswer(f"{client.server.name} says that a mailbox holds {exists} messages")
    validity = number_of(Atom(codes.get(b"UIDVALIDITY", b"")), _UID_MAX)
    if not validity:
        raise BadAnswer(f"{client.server.name} opens a mailbox without a UIDVALIDITY")
    kept = codes.get(b"PERMANENTFLAGS", b"").strip(b"()").split()
    return Opened(
        validity,
        exists,
        number_of(Atom(codes.get(b"UIDNEXT", b"")), _UID_MAX) or 0,
        number_of(Atom(codes.get(b"HIGHESTMODSEQ", b"")), _MODSEQ_MAX) or 0,
        flags_of([Atom(each) for each in kept]) if b"PERMANENTFLAGS" in codes else None,
        rb"\*" in kept,
    )


async def _part(client: ImapClient, uid: int, start: int) -> bytes | None:
    found: list[bytes] = []

    def take(data: Data) -> None:
        if data.name == "FETCH":
            items = items_of(data)
            body = items.get(f"BODY[]<{start}>")
            if number_of(items.get("UID"), _UID_MAX) == uid and is_text(body):
                found.append(bytes(body))

    asked = f"UID FETCH {uid} (UID BODY.PEEK[]<{start}.{PART_OCTETS}>)"
    await client.ask(asked, take, octets=2 * PART_OCTETS, answers=_SPARE)
    return found[-1] if found else None


def _name(attributes: list[Value], delimiter: Value, name: bytes) -> RemoteName:
    text = utf7.decode(bytes(name))
    sign = utf7.decode(bytes(delimiter)) if isinstance(delimiter, bytes) and delimiter else ""
    levels = tuple(text.split(sign)) if sign else (text,)
    told = {
        bytes(each).decode("ascii", "replace").lower()
        for each in attributes
        if isinstance(each, Atom)
    }
    return RemoteName(
        bytes(name), tuple(level for level in levels if level) or (text,), frozenset(told)
    )
