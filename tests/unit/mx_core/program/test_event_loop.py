"""A program's loop: threads of its own do not keep it from answering."""

import sys

from mx_core.program.event_loop import TURN_SECONDS, runner


def test_whoever_computes_gives_the_interpreter_away_in_time() -> None:
    before = sys.getswitchinterval()

    async def told() -> float:
        return sys.getswitchinterval()

    try:
        with runner() as running:
            assert abs(running.run(told()) - TURN_SECONDS) < 1e-5
    finally:
        sys.setswitchinterval(before)
