"""Which secrets are to be replaced with the next mail, because a device that knew them is gone.

Of ours it knew all; of theirs, the one that was given to them.  Functions of this module run
inside a write job.  Spec/admission §1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mx_core.model.ids import Pid
from mx_core.trust.decide import Cause, is_device_gone

if TYPE_CHECKING:
    import sqlalchemy as sa


def heard(connection: sa.Connection, pid: Pid, changes: str, now: int) -> None:
    """Have what *pid* was given replaced, if *changes* say that a device of theirs is gone."""
    if is_device_gone(Cause(word) for word in changes.partition(" ")[2].split(",")):
        grow_stale(connection, now, pid)


def grow_stale(connection: sa.Connection, now: int, pid: Pid | None = None) -> None:
    """Have what *pid* was given, or everybody, replaced with the next mail; inside a write job.

    A device that knew it is gone: one of ours, or one of theirs.
    """
    connection.exec_driver_sql(
        "UPDATE contact_secret SET stale = ? WHERE mine IS NOT NULL AND stale = 0"
        " AND (? IS NULL OR pid = ?)",
        (now, pid, pid),
    )
