import pytest

from gateway.migration.pace import Pace


@pytest.mark.parametrize(
    ("pace", "messages", "busy", "pause"),
    [
        (Pace(), 100, 0.2, 0.0),
        (Pace(share=25), 100, 0.2, 0.6),
        (Pace(rate=100), 100, 0.25, 0.75),
        (Pace(rate=100), 10, 0.25, 0.0),
        (Pace(rate=100, share=50), 100, 0.25, 0.75),
    ],
)
def test_rests(pace: Pace, messages: int, busy: float, pause: float) -> None:
    assert pace.pause_seconds(messages, busy) == pytest.approx(pause)
