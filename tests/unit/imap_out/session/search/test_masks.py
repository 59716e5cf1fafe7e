"""Masks of what the index found: the same for ids that follow each other and for others."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from imap_out.session.search import masks
from imap_out.session.search.masks import Scene, Stretch
from imap_out.wire.search_keys import InText
from mx_core.model.ids import MessageId, ModSeq, Uid, UidValidity
from mx_core.model.snapshot import Snapshot, snapshot_of
from mx_core.model.text_hits import TextHits

FIRST = 5
ids = st.integers(0, 30).map(MessageId)
of_ids = st.frozensets(ids)
runs = st.integers(1, 20).map(lambda count: range(FIRST, FIRST + count))
worn = st.lists(ids, min_size=1, max_size=20, unique=True).map(lambda some: array("Q", some))


def empty() -> Snapshot:
    return snapshot_of(UidValidity(1), Uid(1), ModSeq(1), (), (), (), ())


@given(runs | worn, of_ids, of_ids, ids)
def test_a_text_is_judged_as_the_index_says_of_each(
    messages: Sequence[MessageId],
    sure: frozenset[MessageId],
    maybe: frozenset[MessageId],
    until: MessageId,
) -> None:
    hits = TextHits(sure, maybe, until)
    key = InText(b"x")
    scene = Scene(empty(), lambda _: False, 0, dict.fromkeys(masks.terms_of(key), hits))
    stretch = Stretch(0, (), messages, None)

    found = masks.prepare(key, scene)(stretch)

    assert list(stretch.places(found.sure)) == [
        at for at, message in enumerate(messages) if hits.verdict(message) is True
    ]
    assert list(stretch.places(found.open)) == [
        at for at, message in enumerate(messages) if hits.verdict(message) is None
    ]


def test_what_the_index_decides_opens_no_transaction() -> None:
    assert not masks.reads(InText(b"x"))
