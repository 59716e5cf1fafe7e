"""What changed between two snapshots of a mailbox; costs as much as changed.  Pure."""

from __future__ import annotations

from array import array
from itertools import compress
from operator import ne
from typing import Final, cast

from msgspec import Struct

from mx_core.model.ids import Uid
from mx_core.model.part import Part
from mx_core.model.snapshot import Snapshot

_RUN: Final = 128  # modseqs that are compared at once, as octets


class Difference(Struct, frozen=True):
    """UIDs; what is only in the newer one is not among them."""

    gone: list[Uid]  # in no order
    reflagged: array[int]  # ascending


def difference(old: Snapshot, new: Snapshot) -> Difference:
    """Compare by part: what both share is not looked into."""
    known = set(map(id, old.parts))
    there = set(map(id, new.parts))
    left = [part for part in old.parts if id(part) not in there]
    fresh = [part for part in new.parts if id(part) not in known]
    reflagged = array("I")
    by_first = {part.uids[0]: part for part in left}
    rest: list[Part] = []
    for part in fresh:
        before = by_first.get(part.uids[0])
        if before is None or not _begins_with(part.uids, before.uids):
            rest.append(part)
            continue
        del by_first[part.uids[0]]
        if len(part) == len(before) and _all_after(part, before.max_modseq):
            reflagged += part.uids
        else:
            reflagged += _reflagged(before, part)
        if len(part) > len(before):  # behind them stand new ones, or those of another part
            rest.append(part.only(range(len(before), len(part))))
    was = _modseqs(list(by_first.values()))
    now = _modseqs(rest)
    others = [uid for uid, modseq in now.items() if was.get(uid, modseq) != modseq]
    if others:
        reflagged = array("I", sorted([*reflagged, *others]))
    gone = [uid for uid in was if uid not in now]
    # UIDs as they are, without a call for each
    return Difference(cast("list[Uid]", gone), reflagged)


def _begins_with(uids: array[int], first: array[int]) -> bool:
    return uids is first or uids[: len(first)] == first


def _all_after(part: Part, modseq: int) -> bool:
    return part.modseqs[0] > modseq and (part.is_even or min(part.modseqs) > modseq)


def _reflagged(before: Part, now: Part) -> array[int]:
    """Return the UIDs of *before*, which *now* begins with, that changed; equal runs cost a look each."""
    found = array("I")
    for start in range(0, len(before), _RUN):
        run = slice(start, min(start + _RUN, len(before)))
        was, is_now = before.modseqs[run], now.modseqs[run]
        if was != is_now:
            found.extend(compress(before.uids[run], map(ne, was, is_now)))
    return found


def _modseqs(parts: list[Part]) -> dict[int, int]:
    return {
        uid: modseq for part in parts for uid, modseq in zip(part.uids, part.modseqs, strict=True)
    }
