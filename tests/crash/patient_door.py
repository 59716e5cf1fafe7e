"""The door of the side-by-side runs, on a disk that may be as slow as it is: ``python -m tests.crash.patient_door FOLDER``.

A lone change is never taken from the loop because the last ones took long, and nothing is done at rest, so
that what the redo log has when the process is killed does not depend on the machine.
"""

from bench.side_by_side import own_door
from mx_core.db import lone, writer

_EVER = 3_600.0  # seconds


def main() -> None:
    lone.HELD_SECONDS = lone.JOB_SECONDS = _EVER  # type: ignore[misc]  # final but here
    writer._IDLE_SECONDS = _EVER  # type: ignore[misc]
    own_door.main()


if __name__ == "__main__":
    main()
