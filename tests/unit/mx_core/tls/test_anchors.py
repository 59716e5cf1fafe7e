"""The set of anchors that a listener lets in."""

from __future__ import annotations

import pytest

from mx_core.model.errors import Untrusted
from mx_core.tls.anchors import AnchorSet
from mx_core.tls.leaf import Leaves
from tests.support.certificates import key_of, pk_of


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def make_set(clock: Clock, live_max: int = 1_000) -> AnchorSet:
    return AnchorSet(
        Leaves("own.test", key_of("own.test"), clock).current, clock, live_max=live_max
    )


def test_the_bundle_is_handed_out_once_per_change() -> None:
    anchors = make_set(Clock())
    assert anchors.fetch() is not None
    assert anchors.fetch() is None

    anchors.put("a.test", [pk_of("a.test")])

    assert anchors.fetch() is not None
    assert anchors.fetch() is None


def test_the_same_keys_again_are_no_change() -> None:
    anchors = make_set(Clock())
    anchors.put("a.test", [pk_of("a.test")])
    version = anchors.version

    anchors.put("a.test", [pk_of("a.test")])

    assert anchors.version == version


def test_the_least_used_domain_goes_first() -> None:
    anchors = make_set(Clock(), live_max=2)
    anchors.put("a.test", [pk_of("a.test")])
    anchors.put("b.test", [pk_of("b.test")])
    assert anchors.keys_of("a.test") == (pk_of("a.test"),)

    anchors.put("c.test", [pk_of("c.test")])

    assert ("a.test" in anchors, "b.test" in anchors, "c.test" in anchors) == (True, False, True)
    assert anchors.keys_of("b.test") == ()
    assert len(anchors) == 2


def test_a_dropped_domain_is_trusted_no_longer() -> None:
    anchors = make_set(Clock())
    anchors.put("a.test", [pk_of("a.test")])
    version = anchors.version

    anchors.drop("a.test")
    anchors.drop("never.test")

    assert anchors.keys_of("a.test") == ()
    assert anchors.version == version + 1


def test_a_renewed_leaf_is_handed_out_without_a_change_of_anchors() -> None:
    clock = Clock()
    anchors = make_set(clock)
    anchors.fetch()

    clock.now += 4 * 86_400

    assert anchors.fetch() is not None


def test_a_big_bundle_is_rebuilt_at_most_once_a_second() -> None:
    clock = Clock()
    anchors = make_set(clock)
    for n in range(101):
        anchors.put(f"d{n}.test", [pk_of("a.test")])
    assert anchors.fetch() is not None
    anchors.put("late.test", [pk_of("late.test")])

    assert anchors.fetch() is None
    clock.now += 1.0
    assert anchors.fetch() is not None


def test_what_is_no_key_is_refused_and_changes_nothing() -> None:
    anchors = make_set(Clock())
    anchors.put("a.test", [pk_of("a.test")])

    with pytest.raises(Untrusted) as refused:
        anchors.put("a.test", [b"short"])

    assert refused.value.failure == "domain-key"
    assert anchors.keys_of("a.test") == (pk_of("a.test"),)
