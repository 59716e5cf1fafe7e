"""Mail of a removed device.  Spec/card §5."""

import pytest

from mx_core.model.ids import DeviceId
from mx_core.passport.op import Device, Kind, Reason
from mx_core.passport.state import DeviceRecord, Removal
from mx_core.trust.device import Standing, judge_device
from tests.support.people import DAY, NOW

DEVICE = Device(DeviceId(bytes(16)), bytes(32), Kind.FULL)
GOOD, REMOVED = Standing.GOOD, Standing.REMOVED


def record(reason: Reason, since: int | None = None) -> DeviceRecord:
    return DeviceRecord(DEVICE, 0, Removal(3, NOW, reason, since))


def test_an_active_device_is_good_at_any_time() -> None:
    active = DeviceRecord(DEVICE, 0)

    assert judge_device(active, created=0, received=2**40, knew_at=None) is GOOD


@pytest.mark.parametrize(
    ("received", "standing"), [(NOW + 6 * DAY, GOOD), (NOW + 6 * DAY + 1, REMOVED)]
)
def test_a_retired_one_is_good_for_six_days(received: int, standing: Standing) -> None:
    retired = record(Reason.RETIRED)

    assert judge_device(retired, created=NOW, received=received, knew_at=NOW) is standing


@pytest.mark.parametrize("reason", [Reason.LOST, Reason.STOLEN])
@pytest.mark.parametrize(
    ("created", "received", "knew_at", "standing"),
    [
        (NOW - 1, NOW, None, GOOD),  # before the loss, and nobody had told us
        (NOW, NOW, None, REMOVED),  # made after the loss
        (NOW - 1, NOW + 4, NOW + 5, GOOD),
        (NOW - 1, NOW + 5, NOW + 5, REMOVED),  # a thief may write any `created`
    ],
)
def test_a_lost_or_stolen_one_is_good_only_before_the_loss_and_before_we_knew(
    reason: Reason, created: int, received: int, knew_at: int | None, standing: Standing
) -> None:
    gone = record(reason, since=NOW)

    assert judge_device(gone, created=created, received=received, knew_at=knew_at) is standing
