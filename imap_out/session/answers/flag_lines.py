"""Lines of flags, for all of a part of a snapshot, from what stands before the flags in each.

That never changes while the part keeps its messages, whatever becomes of their flags: it is
made once, kept on a shelf as one piece, and a STORE of all only puts new flags between.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from imap_out.wire.fetch_items import Attribute
from mx_core.model.flag_column import FlagColumn
from mx_core.model.flags import FlagSet
from mx_core.model.part import Part

_GAP: Final = b"\0"  # where flags come; it stands in no line
_SHAPES: Final = {(Attribute.FLAGS,), (Attribute.UID, Attribute.FLAGS)}
OVERHEAD: Final = 8  # octets a message, of the UIDs that are kept beside the text


def is_kept(live: Sequence[Attribute | int]) -> bool:
    """Tell whether lines with these columns are made here: flags are the last of them."""
    return tuple(live) in _SHAPES


@dataclass(frozen=True, slots=True)
class Heads:
    """What stands before the flags in the lines of one part, and behind them."""

    uids: array[int]  # kept, so that their id means nothing else
    text: bytes
    tail: bytes

    @classmethod
    def of(cls, line: bytes, live: Sequence[Attribute | int], part: Part, start: int) -> Heads:
        """Return those of *part*, whose first message has the index *start*; see ``fetch_pieces.Stretch``."""
        head, tail = line.split(b"%b")
        columns: list[Sequence[int]] = [range(start + 1, start + 1 + len(part))]
        if Attribute.UID in live:
            columns.append(part.uids)
        # all at once take half of the time of one by one
        text = (head + _GAP) * len(part) % tuple(chain.from_iterable(zip(*columns, strict=True)))
        return cls(part.uids, text[: -len(_GAP)], tail)

    def lines(self, column: FlagColumn, spelled: Mapping[FlagSet, bytes]) -> bytes:
        """Return the joined lines of messages with the flags of *column*, of all that the part has."""
        tails = [spelled[kind] + self.tail for kind in column.kinds]
        if len(set(tails)) == 1:
            return self.text.replace(_GAP, tails[0]) + tails[0]
        pieces = [b""] * (2 * len(self.uids))
        pieces[::2] = self.text.split(_GAP)
        pieces[1::2] = list(map(tails.__getitem__, column.which))
        return b"".join(pieces)
