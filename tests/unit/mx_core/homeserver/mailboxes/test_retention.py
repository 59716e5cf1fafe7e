"""An envelope goes when every device that counts has acked it, and at least one has."""

from __future__ import annotations

import pytest

from mx_core.homeserver.mailboxes.retention import ActiveDevice, may_delete

NOW = 1_700_000_000
DAY = 86_400
A, B = b"a" * 16, b"b" * 16


@pytest.mark.parametrize(
    ("acked", "active", "deleted"),
    [
        ([A], [ActiveDevice(A, NOW)], True),
        ([], [ActiveDevice(A, NOW)], False),
        ([A], [ActiveDevice(A, NOW), ActiveDevice(B, NOW)], False),
        ([A, B], [ActiveDevice(A, NOW), ActiveDevice(B, NOW)], True),
        ([A], [ActiveDevice(A, NOW), ActiveDevice(B, NOW - 61 * DAY)], True),
        ([A], [ActiveDevice(A, NOW), ActiveDevice(B, NOW - 59 * DAY)], False),
        ([], [ActiveDevice(A, NOW - 61 * DAY)], False),
        ([A], [ActiveDevice(A, NOW - 61 * DAY)], True),
        ([A], [], False),
        ([A], [ActiveDevice(B, NOW - 61 * DAY)], False),
    ],
)
def test_the_deletion_rule(acked: list[bytes], active: list[ActiveDevice], deleted: bool) -> None:
    """Identity §5."""
    assert may_delete(acked, active, NOW) is deleted
