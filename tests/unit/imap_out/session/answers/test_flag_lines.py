"""Lines of flags from what stands before the flags: the same as one line after the other."""

import pytest

from imap_out.session.answers.flag_lines import Heads, is_kept
from imap_out.session.fetch.pieces import recipe_of
from imap_out.wire.fetch_items import Attribute
from imap_out.wire.render import FlagSpeller
from mx_core.model.flags import FLAGGED, SEEN, Flag, FlagSet
from mx_core.model.ids import MessageId, ModSeq, Uid, UidValidity
from mx_core.model.part import Part
from mx_core.model.snapshot import Snapshot

SOME: list[FlagSet] = [frozenset({SEEN}), frozenset(), frozenset({Flag("a%b"), FLAGGED})]


def part_of(flags: list[FlagSet]) -> Part:
    uids = [Uid(7 * n) for n in range(1, len(flags) + 1)]
    messages = [MessageId(uid) for uid in uids]
    empty = Snapshot(UidValidity(1), Uid(1), ModSeq(1))
    [part] = empty.with_added(ModSeq(2), uids, messages, flags).parts
    return part


@pytest.mark.parametrize("flags", [SOME, SOME[:1] * 3, SOME[1:2], SOME * 300])
@pytest.mark.parametrize("items", [(Attribute.FLAGS,), (Attribute.UID, Attribute.FLAGS)])
def test_they_are_the_lines_one_by_one(flags: list[FlagSet], items: tuple[Attribute, ...]) -> None:
    part, spell = part_of(flags), FlagSpeller()
    recipe = recipe_of(items)
    assert recipe is not None
    [line] = recipe.stretches
    assert is_kept(line.filling)
    spelled = {kind: spell(kind, recent=False) for kind in part.kinds}
    heads = Heads.of(line.format, line.filling, part, 10)
    wanted = b"".join(
        b"* %d FETCH (" % number
        + (b"UID %d " % uid if len(items) > 1 else b"")
        + b"FLAGS %b)\r\n" % spelled[kind]
        for number, (uid, kind) in enumerate(zip(part.uids, part.flags, strict=True), 11)
    )

    assert heads.lines(part.column, spelled) == wanted


def test_lines_that_tell_something_behind_the_flags_are_not_made_so() -> None:
    for items in ((Attribute.FLAGS, Attribute.UID), (Attribute.FLAGS, Attribute.MODSEQ)):
        recipe = recipe_of(items)
        assert recipe is not None
        assert not is_kept(recipe.stretches[0].filling)
