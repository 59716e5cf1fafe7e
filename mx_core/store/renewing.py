"""A store that came out of a backup becomes that of a new device.  spec/backup §5.

The old device may still exist, in other hands.  So the journal goes on under a new id, UIDs that
it gave out since mean nothing to mail programs any more (UIDVALIDITY), and nothing leaves by
itself that it may have sent already.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from mx_core.db.driver import copy_rows
from mx_core.db.durable import make_folder
from mx_core.db.failure import translate
from mx_core.model.clock import Now
from mx_core.model.ids import DeviceId
from mx_core.model.secret import Secret
from mx_core.store.account_store import BODIES
from mx_core.store.mail.mail import Mail
from mx_core.store.mail.writer import Writer
from mx_core.store.opening import NAME, open_database
from mx_core.store.outbox import box as outbox_box

if TYPE_CHECKING:
    import sqlalchemy as sa

ASK: Final = (
    "this computer was restored from a backup: the message may have left before;"
    " try it again, or give it up"
)


def renew(
    copy: Path,
    copy_key: Secret[bytes],
    folder: Path,
    key: Secret[bytes],
    device: DeviceId,
    now: Now,
) -> None:
    """Make the store in *folder*, whose body files are there, out of the database *copy*.

    Blocks.  Crash on the way: a folder that nobody looks into; it is removed at the next start.

    Raises:
        SchemaTooNew: A newer version made the backup.
        StoreDamaged, DiskFull: As of any write.
    """
    bodies = folder / BODIES
    make_folder(bodies)
    try:
        copy_rows(copy, copy_key, folder / NAME, key, {})
    except Exception as error:
        failure = translate(error)
        if failure is error:
            raise
        raise failure from error
    database = open_database(folder, key)
    try:
        mail = Mail(database, bodies, now)
        database.write_at_start(lambda connection: _new_device(connection, device, int(now())))
        database.write_at_start(lambda connection: mail.run(connection, _hold_queued))
    finally:
        database.close()


def _new_device(connection: sa.Connection, device: DeviceId, now: int) -> None:
    """Rows of the journal go on under the new id; every UIDVALIDITY is above any there was.

    The old device may have gone on: it counts up by one for each new mailbox, and began at the
    time, so the time is above all of its numbers.
    """
    connection.exec_driver_sql("UPDATE journal SET device = ?", (device,))
    [newest] = connection.exec_driver_sql("SELECT uid_validity FROM clock").all()[0]
    validity = max(newest, now)
    for mailbox in connection.exec_driver_sql("SELECT id FROM mailbox ORDER BY id").scalars().all():
        validity += 1
        connection.exec_driver_sql(
            "UPDATE mailbox SET uid_validity = ? WHERE id = ?", (validity, mailbox)
        )
    connection.exec_driver_sql("UPDATE clock SET device = ?, uid_validity = ?", (device, validity))
    # what was opened once is not taken again for as long as the first epoch of this device lives;
    # its number is the next one
    connection.exec_driver_sql(
        "UPDATE seen_msg_id SET epoch = 1 +"
        " ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'own_epoch'), 0)"
    )


def _hold_queued(writer: Writer, connection: sa.Connection) -> None:
    """Nothing leaves by itself; tried again it keeps its msg_id, by which it is known."""
    connection.exec_driver_sql(
        "UPDATE outbox_recipient SET state = 'held', reason = ?"
        " WHERE state IN ('queued', 'sealed', 'sent')",
        (ASK,),
    )
    queued = connection.exec_driver_sql(
        "SELECT DISTINCT queue_id FROM outbox_recipient WHERE state = 'held'"
    )
    for queue_id in queued.scalars().all():
        outbox_box.show(writer, connection, queue_id)
