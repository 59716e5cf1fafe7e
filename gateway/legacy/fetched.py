"""What FETCH says of a message, as values: whatever a server puts there, it is one or it is none.  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeGuard

from gateway.legacy.answers import Atom, Data, Value
from imap_out.wire.dates import parse_date_time
from imap_out.wire.syntax import BadSyntax
from mx_core.model.flags import SYSTEM_FLAGS, FlagSet, canonical_flag

_KEYWORD_OCTETS_MAX: Final = 100


def is_text(value: Value) -> TypeGuard[bytes]:
    """Tell whether a value is a string: nothing that the server itself says."""
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


def content_type_of(items: dict[str, Value]) -> bytes:
    """Return the header that ``BODY[HEADER.FIELDS (CONTENT-TYPE)]<0>`` gives.

    Its name is read as an atom, a list and an atom, and so as two items, of which the second has it.
    """
    value = items.get("]<0>")
    return bytes(value) if is_text(value) else b""


def shared_of(value: Value) -> bytes:
    """Return X-GM-MSGID, 8 octets; b"" if it is none."""
    number = number_of(value, (1 << 64) - 1)
    return b"" if number is None else number.to_bytes(8, "big")


def date_of(value: Value) -> int | None:
    """Return INTERNALDATE in unix seconds; None if it is none."""
    if not is_text(value):
        return None
    try:
        return parse_date_time(value)
    except BadSyntax:
        return None


def sequence_set(numbers: Sequence[int]) -> str:
    """Return numbers as a sequence set, runs as ranges.  RFC 9051 §9."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(f"{a}:{b}" if a != b else str(a) for a, b in runs)
