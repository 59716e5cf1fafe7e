"""What changed between two snapshots of a mailbox; costs as much as changed.  Pure."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from itertools import compress
from operator import ne
from typing import cast

from mx_core.model.ids import Uid
from mx_core.model.part import Part
from mx_core.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Difference:
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
    by_column = {id(part.uids): part for part in left}
    rest: list[Part] = []
    for part in fresh:
        before = by_column.pop(id(part.uids), None)
        if before is None:
            rest.append(part)
        elif min(part.modseqs) > before.max_modseq:  # all of them
            reflagged += part.uids
        else:  # the same messages with other flags
            reflagged.extend(compress(part.uids, map(ne, before.modseqs, part.modseqs)))
    was = _modseqs(list(by_column.values()))
    now = _modseqs(rest)
    others = [uid for uid, modseq in now.items() if was.get(uid, modseq) != modseq]
    if others:
        reflagged = array("I", sorted([*reflagged, *others]))
    gone = [uid for uid in was if uid not in now]
    # UIDs as they are, without a call for each
    return Difference(cast("list[Uid]", gone), reflagged)


def _modseqs(parts: list[Part]) -> dict[int, int]:
    return {
        uid: modseq for part in parts for uid, modseq in zip(part.uids, part.modseqs, strict=True)
    }
