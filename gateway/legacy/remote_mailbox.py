"""Mailboxes of an ordinary IMAP server, as it tells of them: names, UIDs, sizes, flags, octets.

Values and the commands that ask for them; every number that the server names is checked
against what can be before anything is made of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeGuard

from msgspec import Struct

from gateway.legacy.answers import Atom, BadAnswer, Data, Status, Value
from gateway.legacy.client import ImapClient, quoted
from gateway.legacy.guard import LITERAL_OCTETS
from imap_out.wire import utf7
from imap_out.wire.dates import parse_date_time
from imap_out.wire.syntax import BadSyntax
from mx_core.model.flags import SYSTEM_FLAGS, FlagSet, canonical_flag

_UID_MAX: Final = (1 << 32) - 1
_MESSAGES_MAX: Final = 5_000_000
_MAILBOXES_MAX: Final = 10_000
_SPARE: Final = 1_000
PART_OCTETS: Final = 1024 * 1024  # a larger message is asked for in parts
_MODSEQ_MAX: Final = (1 << 63) - 1
_CODES_MAX: Final = 50
_KEYWORD_OCTETS_MAX: Final = 100
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
    content_type: bytes = b""  # a header of that field alone, where it was asked for


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


async def rows(
    client: ImapClient, wanted: Sequence[int], *, content_types: bool = False
) -> list[Row]:
    """Return what the server tells of *wanted*, ascending; those that are gone are missing.

    *content_types*: also what each says that it is, for which a server may have to read its header.
    """
    asked = set(wanted)
    found: dict[int, Row] = {}

    def take(data: Data) -> None:
        if data.name != "FETCH":
            return
        items = items_of(data)
        uid = number_of(items.get("UID"), _UID_MAX)
        size = number_of(items.get("RFC822.SIZE"), 1 << 40)
        if uid in asked and size is not None:
            found[uid] = Row(
                uid, size, flags_of(items.get("FLAGS")), _date(items.get("INTERNALDATE")),
                _shared(items.get("X-GM-MSGID")), _header(items),
            )  # fmt: skip

    more = " X-GM-MSGID" if "X-GM-EXT-1" in client.capabilities else ""
    if content_types:  # a part of it: nobody's field can be longer than the answer may be
        more += f" BODY.PEEK[HEADER.FIELDS (CONTENT-TYPE)]<0.{_FIELD_OCTETS}>"
    await client.ask(
        f"UID FETCH {sequence_set(wanted)} (UID RFC822.SIZE FLAGS INTERNALDATE{more})",
        take,
        octets=len(wanted) * 2 * _FIELD_OCTETS if content_types else LITERAL_OCTETS,
        answers=2 * len(wanted) + _SPARE,
    )
    return [found[uid] for uid in sorted(found)]


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
            if uid in asked and _is_text(body):
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


def flags_of(value: Value) -> FlagSet:
    r"""Return the flags of a list of atoms, without \Recent and what is no flag of ours."""
    if not isinstance(value, list):
        return frozenset()
    found = set()
    for each in value:
        if isinstance(each, Atom) and len(each) <= _KEYWORD_OCTETS_MAX and each.isascii():
            flag = canonical_flag(each.decode())
            if not flag.startswith("\\") or flag in SYSTEM_FLAGS:
                found.add(flag)
    return frozenset(found)


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
            if number_of(items.get("UID"), _UID_MAX) == uid and _is_text(body):
                found.append(bytes(body))

    asked = f"UID FETCH {uid} (UID BODY.PEEK[]<{start}.{PART_OCTETS}>)"
    await client.ask(asked, take, octets=2 * PART_OCTETS, answers=_SPARE)
    return found[-1] if found else None


def _is_text(value: Value) -> TypeGuard[bytes]:
    return isinstance(value, bytes) and not isinstance(value, Atom)


def items_of(data: Data) -> dict[str, Value]:
    """Return the items of a FETCH by name; only atoms are names."""
    if not data.values or not isinstance(data.values[0], list):
        return {}
    listed = data.values[0]
    return {
        bytes(name).decode("ascii", "replace").upper(): value
        for name, value in zip(listed[::2], listed[1::2], strict=False)
        if isinstance(name, Atom)
    }


def number_of(value: Value, most: int) -> int | None:
    """Return the number that an atom spells; None: it is none, or more than *most*."""
    if not isinstance(value, Atom) or not value.isdigit() or len(value) > 20:  # noqa: PLR2004  # digits
        return None
    number = int(value)
    return number if number <= most else None


def _header(items: dict[str, Value]) -> bytes:
    """Return the header that ``BODY[HEADER.FIELDS (CONTENT-TYPE)]<0>`` gives.

    Its name is read as an atom, a list and an atom, and so as two items, of which the second has it.
    """
    value = items.get("]<0>")
    return bytes(value) if _is_text(value) else b""


def _shared(value: Value) -> bytes:
    number = number_of(value, (1 << 64) - 1)
    return b"" if number is None else number.to_bytes(8, "big")


def _date(value: Value) -> int | None:
    if not _is_text(value):
        return None
    try:
        return parse_date_time(value)
    except BadSyntax:
        return None


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


def sequence_set(numbers: Sequence[int]) -> str:
    """Return numbers as a sequence set, runs as ranges.  RFC 9051 §9."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(f"{a}:{b}" if a != b else str(a) for a, b in runs)
