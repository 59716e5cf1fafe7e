from gateway.config import Sending
from gateway.sending.retry import has_run_out, next_attempt

SENDING = Sending(first_delay_seconds=30, longest_delay_seconds=3600, give_up_seconds=1000)


def test_the_delay_doubles_up_to_the_longest() -> None:
    delays = [next_attempt(0, attempts, SENDING) for attempts in (0, 1, 2, 6, 7, 10_000)]

    assert delays == [30, 60, 120, 1920, 3600, 3600]


def test_time_alone_gives_nothing_up() -> None:
    """A clock that jumps a year ahead expires nothing that was never tried."""
    assert not has_run_out(10**9, 0, 0, SENDING)
    assert has_run_out(1000, 0, 1, SENDING)
    assert not has_run_out(999, 0, 50, SENDING)
