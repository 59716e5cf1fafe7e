"""Letters about a move: one that was not taken, and an old home server that does not go along.  Pure.

For a person who wants to know whom to write to: what is so, what follows, what to do.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Final

from gateway.writing.note import note
from mx_core.model.address import Address

_NAMED_MAX: Final = 100  # people in one letter


class Wrong(Enum):
    """What an old home server does wrong with a move; in this order it is told."""

    REFUSES = "refuses"
    HIDES = "hides"
    ANOTHER = "another"
    NOBODY = "nobody"
    KEEPS = "keeps"
    SILENT = "silent"


_SAID: Final = {
    Wrong.REFUSES: ("did not take the move, so it leads nobody to your new address",),
    Wrong.HIDES: ("does not show to others that you have moved",),
    Wrong.ANOTHER: (
        "shows keys of somebody else for your old address: who does not know you yet and writes",
        "there, writes to them",
    ),
    Wrong.NOBODY: ("says to others that there is nobody of that name",),
    Wrong.KEEPS: ("gives out nothing of what waits for you there",),
    Wrong.SILENT: ("has not answered for a day",),
}


def not_taken_letter(to: Address, there: Address, why: str, now: int) -> bytes:
    """Return the letter that the move to *there* came to nothing; *now* is unix seconds."""
    return note(
        to,
        f"You have not moved to {there}",
        [
            f"Your move to {there} had begun, and the home server there did not take it:",
            f"  {why}",
            "",
            f"You are {to} as before, and nothing was lost. To try again, with a good invite:",
            f"  mx-gateway account move {to} {there} --invite CODE",
        ],
        now,
    )


def old_home_letter(
    to: Address,
    old: Address,
    wrong: Collection[Wrong],
    known: Sequence[Address],
    until: int,
    now: int,
) -> bytes:
    """Return the letter that the domain of *old* does *wrong*.

    *known*: who should be told; *until*, unix seconds: how long mail is asked for there.
    """
    day = datetime.fromtimestamp(until, UTC).strftime("%d %B %Y")
    lines = [
        f"You have moved from {old} to {to}. Your new address works: keys, mail and",
        f"contacts came with you. But {old.domain}, where you were before,",
    ]
    for one in Wrong:
        if one in wrong:
            first, *more = _SAID[one]
            lines += [f"  - {first}", *(f"    {line}" for line in more)]
    lines += [
        "",
        f"What was on its way to {old} when you moved, and what is still sent there, comes",
        f"to you only as far as that server gives it out. It is asked for until {day}. What it",
        "keeps back can not be had from here, nor can it be read there.",
        "",
        f"What to do: write to those who should know, as {to}. Your first mail brings them the",
        "proof of your move, signed by your recovery sheet. From then on they write to your new",
        "address, whatever is said at the old one. Who wrote lately and has no answer should send",
        "it again.",
    ]
    if known:
        lines += ["", "Those whom you know:", *(f"  {one}" for one in known[:_NAMED_MAX])]
    if len(known) > _NAMED_MAX:
        lines.append(f"  and {len(known) - _NAMED_MAX} more")
    return note(to, f"{old.domain} does not go along with your move", lines, now)
