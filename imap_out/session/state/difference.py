"""What changed between two snapshots of a mailbox; costs as much as changed.  Pure."""

from __future__ import annotations

from array import array
from itertools import compress
from operator import ne
from typing import Final, cast

from msgspec import Struct

from mx_core.model.ids import Uid
from mx_core.model.part import Part, apart
from mx_core.model.snapshot import Snapshot

_RUN: Final = 128  # modseqs that are compared at once, as octets


class Difference(Struct, frozen=True):
    """UIDs; what is only in the newer one is not among them."""

    gone: list[Uid]  # in no order
    reflagged: array[int]  # ascending


def difference(old: Snapshot, new: Snapshot) -> Difference:
    """Compare by part: what both share is not looked into."""
    left, fresh = apart(old.parts, new.parts)
    if len(left) == len(fresh) == 1 and fresh[0].uids is left[0].uids and fresh[0].latest:
        # flags of one message: what a mail program changes most
        return Difference([], _reflagged(left[0], fresh[0]))
    reflagged = array("I")
    by_first = {part.uids[0]: part for part in left}
    rest: list[tuple[Part, int]] = []  # parts, and where in them
    for part in fresh:
        before = by_first.get(part.uids[0])
        if before is None or not _begins_with(part.uids, before.uids):
            rest.append((part, 0))
            continue
        del by_first[part.uids[0]]
        if len(part) == len(before) and _all_after(part, before.max_modseq):
            reflagged += part.uids
        else:
            reflagged += _reflagged(before, part)
        if len(part) > len(before):  # behind them stand new ones, or those of another part
            rest.append((part, len(before)))
    if not by_first:  # the rest is new
        return Difference([], reflagged)
    was = _modseqs([(part, 0) for part in by_first.values()])
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
    if now.latest is not None:
        at, rest = now.latest
        if rest <= before.max_modseq < now.max_modseq:
            return before.uids[at : at + 1]  # of none, if it stands behind them
    found = array("I")
    were, are = before.modseqs, now.modseqs
    if len(are) > len(were):  # others came behind them, as a rule alone
        are = are[: len(were)]
        if are == were:
            return found
    for start in range(0, len(were), _RUN):
        end = start + _RUN
        was, is_now = were[start:end], are[start:end]
        if was != is_now:
            found.extend(compress(before.uids[start:end], map(ne, was, is_now)))
    return found


def _modseqs(rest: list[tuple[Part, int]]) -> dict[int, int]:
    found: dict[int, int] = {}
    for part, start in rest:
        found.update(zip(part.uids[start:], part.modseqs[start:], strict=True))
    return found
