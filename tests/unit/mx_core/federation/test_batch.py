"""The signature of a batch and the window in which it counts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mx_core.federation.batch import BatchWindow, item_digest, sign_batch, verify_batch
from mx_core.model.errors import Busy, Untrusted
from mx_core.proto.federation_pb2 import Batch, BlobRef, Item
from tests.support.certificates import key_of, pk_of

NOW = 1_800_000_000
ITEMS = [
    Item(route=b"bob@b.test", envelope=b"one", body=b"body", deliver_by=NOW + 5, token=b"t"),
    Item(route=b"eve@b.test", envelope=b"two", body_ref=BlobRef(id=b"i" * 32, size=9)),
]


def make_batch(created: int = NOW, items: list[Item] | None = None) -> Batch:
    return sign_batch(
        key_of("a.test"),
        ITEMS if items is None else items,
        sender="a.test",
        receiver="b.test",
        batch_id=b"i" * 16,
        created=created,
    )


def check(batch: Batch, *, sender: str = "a.test", receiver: str = "b.test") -> None:
    verify_batch(batch, sender=sender, receiver=receiver, keys=[pk_of("a.test")], now=NOW)


def test_a_batch_verifies_for_its_two_domains_within_ten_minutes() -> None:
    check(make_batch())
    check(make_batch(NOW - 600))
    check(make_batch(NOW + 600))


def _swap(batch: Batch) -> None:
    first, second = batch.items[0], batch.items[1]
    kept = Item()
    kept.CopyFrom(first)
    first.CopyFrom(second)
    second.CopyFrom(kept)


TAMPERED: dict[str, Callable[[Batch], object]] = {
    "route": lambda batch: batch.items[0].MergeFrom(Item(route=b"eve@b.test")),
    "envelope": lambda batch: batch.items[0].MergeFrom(Item(envelope=b"other")),
    "body": lambda batch: batch.items[0].MergeFrom(Item(body=b"other")),
    "body moved into a reference": lambda batch: batch.items[0].MergeFrom(
        Item(body_ref=BlobRef(id=b"x" * 32, size=4))
    ),
    "size of a body": lambda batch: batch.items[1].body_ref.MergeFrom(BlobRef(size=10)),
    "deliver_by": lambda batch: batch.items[0].MergeFrom(Item(deliver_by=NOW + 6)),
    "token": lambda batch: batch.items[0].MergeFrom(Item(token=b"u")),
    "postage": lambda batch: batch.items[0].MergeFrom(Item(postage=b"p")),
    "an item more": lambda batch: batch.items.append(ITEMS[0]),
    "an item less": lambda batch: batch.items.pop(),
    "order": _swap,
    "batch id": lambda batch: batch.MergeFrom(Batch(batch_id=b"j" * 16)),
    "created": lambda batch: batch.MergeFrom(Batch(created=NOW + 1)),
    "signature": lambda batch: batch.MergeFrom(Batch(signature=bytes(64))),
    "no signature": lambda batch: batch.ClearField("signature"),
}


@pytest.mark.parametrize("case", TAMPERED)
def test_a_tampered_batch_is_refused(case: str) -> None:
    batch = make_batch()
    TAMPERED[case](batch)

    with pytest.raises(Untrusted) as refused:
        check(batch)

    assert refused.value.failure == "bad-signature"


def test_a_batch_between_other_domains_or_by_another_key_is_refused() -> None:
    for sender, receiver in (("c.test", "b.test"), ("a.test", "c.test")):
        with pytest.raises(Untrusted) as refused:
            check(make_batch(), sender=sender, receiver=receiver)
        assert refused.value.failure == "bad-signature"
    with pytest.raises(Untrusted):
        verify_batch(
            make_batch(), sender="a.test", receiver="b.test", keys=[pk_of("c.test")], now=NOW
        )


@pytest.mark.parametrize("created", [NOW - 601, NOW + 601, 0])
def test_a_batch_from_another_time_is_refused(created: int) -> None:
    with pytest.raises(Untrusted) as refused:
        check(make_batch(created))

    assert refused.value.failure == "batch-window"


@pytest.mark.parametrize("items", [[], [Item()] * 65])
def test_a_batch_has_one_to_64_items(items: list[Item]) -> None:
    with pytest.raises(Untrusted) as refused:
        check(make_batch(items=items))

    assert refused.value.failure == "batch-format"


def test_octets_cannot_move_from_one_field_to_the_next() -> None:
    assert item_digest(Item(route=b"ab", envelope=b"c")) != item_digest(
        Item(route=b"a", envelope=b"bc")
    )


def test_a_batch_id_counts_once_for_each_peer_as_long_as_its_time_would_let_it_in() -> None:
    window = BatchWindow()
    window.admit("a.test", b"1", NOW)
    window.admit("c.test", b"1", NOW)
    window.admit("a.test", b"2", NOW)

    for later in (0, 1_199):
        with pytest.raises(Untrusted) as refused:
            window.admit("a.test", b"1", NOW + later)
        assert refused.value.failure == "batch-replayed"
    window.admit("a.test", b"1", NOW + 1_200 + 600)


def test_the_memory_of_batches_is_bounded_and_emptied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mx_core.federation.batch._REMEMBERED_PER_PEER", 2)
    window = BatchWindow()
    window.admit("a.test", b"1", NOW)
    window.admit("a.test", b"2", NOW)

    with pytest.raises(Busy):
        window.admit("a.test", b"3", NOW)
    window.admit("c.test", b"1", NOW + 4_000)

    assert list(window._seen) == ["c.test"]
