"""How long a sealed parcel serves; what is inside one is told by whoever opens it."""

import pytest

from gateway.sending.sealing import DELIVER_BY_SECONDS, is_past
from mx_core.carrier_port import Parcel
from mx_core.model.address import Address
from mx_core.model.ids import EnvId
from tests.support.people import DAY, NOW

BOB = Address.parse("bob@b.example")


@pytest.mark.parametrize(
    ("seconds", "past"), [(0, False), (DAY, False), (DAY + 1, True), (6 * DAY, True)]
)
def test_a_parcel_that_was_not_handed_over_within_a_day_is_sealed_anew(
    seconds: int, *, past: bool
) -> None:
    parcel = Parcel(BOB, EnvId(b"e" * 32), b"e", b"b", NOW + DELIVER_BY_SECONDS)

    assert is_past(parcel, NOW + seconds) is past
