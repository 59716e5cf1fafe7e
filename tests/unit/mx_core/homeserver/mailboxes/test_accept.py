"""What is taken, judged from the outside of an envelope alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mx_core.homeserver.mailboxes.accept import (
    DELIVER_BY_AHEAD_SECONDS,
    Sizes,
    judge,
    route_address,
)
from mx_core.proto import federation_pb2
from mx_core.proto.federation_pb2 import (
    ACCEPTED,
    EXPIRED,
    NOT_AVAILABLE,
    TOO_LARGE,
    UNREADABLE,
    BlobRef,
    Item,
)

NOW = 1_700_000_000.5
SIZES = Sizes(envelope=64, inline_body=128, blob=1024)


def _item(**changes: Any) -> Item:
    fields: dict[str, Any] = {
        "route": b"bob@b.example",
        "envelope": b"MXE1" + bytes(20),
        "body": b"MXB1" + bytes(20),
        "deliver_by": int(NOW) + 86_400,
    }
    return Item(**{**fields, **changes})


def _status(**changes: Any) -> int:
    return judge(_item(**changes), sizes=SIZES, now=NOW).status


def test_a_well_formed_item_is_taken_for_its_recipient() -> None:
    judged = judge(_item(), sizes=SIZES, now=NOW)

    assert judged.status == ACCEPTED
    assert str(judged.recipient) == "bob@b.example"


@pytest.mark.parametrize(
    "route",
    [b"", b"bob", b"Bob@b.example", b"bob+tag@b.example", b"bob@B.example", b"\xff@b.example"]
    + [b"a" * 400 + b"@b.example", b"bob@b.example\n", b'"bob"@b.example'],
)
def test_a_route_that_is_no_canonical_address_is_not_available(route: bytes) -> None:
    assert _status(route=route) == NOT_AVAILABLE


@pytest.mark.parametrize(
    ("seconds", "status"),
    [
        (-1, EXPIRED),
        (0, EXPIRED),
        (1, ACCEPTED),
        (DELIVER_BY_AHEAD_SECONDS, ACCEPTED),
        (DELIVER_BY_AHEAD_SECONDS + 1, EXPIRED),
    ],
)
def test_deliver_by_lies_ahead_but_not_more_than_six_days(seconds: int, status: int) -> None:
    """Identity §5."""
    assert _status(deliver_by=int(NOW) + seconds) == status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"envelope": b"MXE1" + bytes(60)}, ACCEPTED),
        ({"envelope": b"MXE1" + bytes(61)}, TOO_LARGE),
        ({"envelope": b"MXE2" + bytes(20)}, UNREADABLE),
        ({"envelope": b""}, UNREADABLE),
        ({"body": b"MXB1" + bytes(124)}, ACCEPTED),
        ({"body": b"MXB1" + bytes(125)}, TOO_LARGE),
        ({"body": b"hello"}, UNREADABLE),
        ({"body": b""}, UNREADABLE),
        ({"body": b"", "body_ref": BlobRef(id=bytes(32), size=1024)}, ACCEPTED),
        ({"body": b"", "body_ref": BlobRef(id=bytes(32), size=1025)}, TOO_LARGE),
        ({"body": b"", "body_ref": BlobRef(id=bytes(31), size=10)}, UNREADABLE),
        ({"body": b"", "body_ref": BlobRef(id=bytes(32), size=0)}, UNREADABLE),
        ({"body_ref": BlobRef(id=bytes(32), size=10)}, UNREADABLE),
        ({"token": bytes(24)}, ACCEPTED),
        ({"token": bytes(23)}, UNREADABLE),
    ],
)
def test_sizes_and_forms(changes: dict[str, Any], status: int) -> None:
    assert _status(**changes) == status


@given(st.binary(max_size=400))
def test_any_octets_are_a_canonical_route_or_none(route: bytes) -> None:
    address = route_address(route)

    assert address is None or str(address).encode() == route


@given(
    st.builds(
        Item,
        route=st.binary(max_size=40),
        envelope=st.binary(max_size=80),
        body=st.binary(max_size=200),
        deliver_by=st.integers(0, 2**64 - 1),
        token=st.binary(max_size=30),
    )
)
def test_any_item_gets_a_verdict(item: Item) -> None:
    assert judge(item, sizes=SIZES, now=NOW).status in federation_pb2.Status.values()
