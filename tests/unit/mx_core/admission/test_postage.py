"""Work for one item, and for no other."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mx_core.admission.postage import is_paid, search

ROUTE, ENV_ID, DELIVER_BY = b"bob@b.example", bytes(32), 1_800_000_000


def _paid(bits: int) -> bytes:
    found = search(bits, route=ROUTE, env_id=ENV_ID, deliver_by=DELIVER_BY, start=0, tries=1 << 20)
    assert found is not None
    return found


def _is_paid(postage: bytes, bits: int = 8, **changes: object) -> bool:
    item: dict[str, object] = {"route": ROUTE, "env_id": ENV_ID, "deliver_by": DELIVER_BY}
    return is_paid(postage, bits, **{**item, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("bits", [1, 7, 8, 9, 13])
def test_what_was_searched_is_paid(bits: int) -> None:
    assert _is_paid(_paid(bits), bits)


def test_it_pays_for_no_other_mailbox_envelope_or_date_and_not_for_more() -> None:
    paid = _paid(12)

    assert _is_paid(paid, 12)
    assert not _is_paid(paid, 12, route=b"eve@b.example")
    assert not _is_paid(paid, 12, env_id=os.urandom(32))
    assert not _is_paid(paid, 12, deliver_by=DELIVER_BY + 1)
    assert not _is_paid(paid, 40)


@given(st.binary(max_size=40).filter(lambda octets: len(octets) != 8))
def test_octets_of_another_length_pay_nothing(postage: bytes) -> None:
    assert not _is_paid(postage, 1)


def test_a_search_that_finds_nothing_says_so_and_goes_on_from_anywhere() -> None:
    first = int.from_bytes(_paid(12), "big")
    item = {"route": ROUTE, "env_id": ENV_ID, "deliver_by": DELIVER_BY}

    assert search(12, **item, start=0, tries=first) is None  # type: ignore[arg-type]
    assert search(12, **item, start=first, tries=1) == first.to_bytes(8, "big")  # type: ignore[arg-type]
