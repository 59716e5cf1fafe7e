"""The index leaves the interpreter to others, and more of it while mail is being stored."""

from __future__ import annotations

import time

from mx_core.store.text_index.pace import Pace


def _work(seconds: float) -> None:
    ends = time.thread_time() + seconds
    while time.thread_time() < ends:
        pass


def test_nothing_is_rested_before_two_milliseconds_of_work_and_half_of_it_after() -> None:
    rests: list[float] = []
    pace = Pace(rests.append)
    _work(0.003)
    pace()
    rests.clear()  # what the thread had worked before there was a pace
    pace()
    assert not rests
    _work(0.003)
    pace()
    assert 0.0015 <= rests[0] <= 0.01


def test_while_mail_is_stored_most_of_the_time_is_rest() -> None:
    rests: list[float] = []
    pace = Pace(rests.append)
    _work(0.003)
    pace.step_aside()
    pace()
    assert rests[0] >= 0.02


def test_a_while_after_the_last_change_it_goes_on_as_before() -> None:
    rests: list[float] = []
    pace = Pace(rests.append)
    pace.step_aside()
    time.sleep(0.11)
    _work(0.003)
    pace()
    assert rests[0] <= 0.01
