"""Rows of mailboxes: found, brought back from the journal, and their kept numbers put right.

A mailbox whose row is gone gets its name and its UIDs back, and a new UIDVALIDITY, because
the old one is written nowhere else (RFC 9051 §2.3.1.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mx_core.model.ids import MailboxId
from mx_core.store.fsck.finding import Damage, Report
from mx_core.store.fsck.state import BoxState
from mx_core.store.journal.journal import Journal, new_global_id
from mx_core.store.journal.replay import Replayed, ReplayedMailbox
from mx_core.store.places import segment

if TYPE_CHECKING:
    import sqlalchemy as sa

RECOVERED: Final = "Recovered"
_COLUMNS: Final = (
    "uid_next", "highest_modseq", "first_recent", "messages", "unseen", "deleted", "recent", "size",
)  # fmt: skip


def read(connection: sa.Connection) -> list[BoxState]:
    """Return every mailbox that has a row, without its places."""
    rows = connection.exec_driver_sql(
        f"SELECT id, name, global_id, special_use, {', '.join(_COLUMNS)},"  # noqa: S608  # literals
        " (SELECT rule FROM folder WHERE folder.mailbox = mailbox.id) FROM mailbox ORDER BY id"
    )
    return [
        BoxState(
            row[0],
            row[1],
            row[2],
            row[3],
            dict(zip(_COLUMNS, row[4:-1], strict=True)),
            row[-1] or "",
        )
        for row in rows
    ]


def refill(connection: sa.Connection, box: BoxState) -> list[int]:
    """Have a folder judge all mail again, after its places were damaged; return UIDs that went.

    What it shows is derived, so what its segments lost comes back under new UIDs.
    """
    alive = {place.uid for place in box.places}
    shown = connection.exec_driver_sql(
        "SELECT uid FROM folder_member WHERE folder = ?", (box.id,)
    ).scalars()
    gone = sorted(set(shown) - alive)
    for uid in gone:
        connection.exec_driver_sql(
            "DELETE FROM folder_member WHERE folder = ? AND uid = ?", (box.id, uid)
        )
    connection.exec_driver_sql("UPDATE folder SET complete = 0 WHERE mailbox = ?", (box.id,))
    return gone


def bring_back(
    connection: sa.Connection, report: Report, told: Replayed | None, log: Journal, *, repair: bool
) -> list[BoxState]:
    """Return the mailboxes that have no row any more, with a row if *repair*."""
    boxes = read(connection)
    missing = {} if told is None else dict(told.mailboxes)
    for box in boxes:
        missing.pop(box.global_id, None)
    taken = {box.name for box in boxes}
    made = []
    for number in _without_row(connection):
        global_id = _whose(connection, number, missing)
        known = missing.pop(global_id, ReplayedMailbox(RECOVERED, ""))
        report.mendable(Damage.MAILBOX, f"mailbox {number} has no row")
        made.append(_new_state(number, global_id or new_global_id(), known, taken))
    next_id = max([0, *_ids_ever(connection), *(box.id for box in made)]) + 1
    for number, (global_id, known) in enumerate(missing.items(), next_id):
        report.mendable(
            Damage.MAILBOX,
            f"the journal tells of a mailbox with {len(known.flags)} messages that has no row",
        )
        made.append(_new_state(number, global_id, known, taken))
    for box in made if repair else ():
        _insert(connection, box, log)
    return made


def check_numbers(
    connection: sa.Connection, report: Report, box: BoxState, last_uid: int, *, repair: bool
) -> None:
    """Compare the numbers in the row of *box* with its places."""
    right = box.numbers(last_uid)
    wrong = sorted(name for name, number in right.items() if box.kept[name] != number)
    if not wrong:
        return
    report.mendable(Damage.NUMBERS, f"mailbox {box.id} has wrong numbers: {', '.join(wrong)}")
    if repair:
        connection.exec_driver_sql(
            f"UPDATE mailbox SET {', '.join(f'{name} = ?' for name in wrong)} WHERE id = ?",  # noqa: S608  # our columns
            (*(right[name] for name in wrong), box.id),
        )
        box.kept = right


def _without_row(connection: sa.Connection) -> list[int]:
    return list(
        connection.exec_driver_sql(
            "SELECT mailbox FROM (SELECT mailbox FROM segment UNION SELECT mailbox FROM folder)"
            " WHERE mailbox NOT IN (SELECT id FROM mailbox) ORDER BY mailbox"
        ).scalars()
    )


def _ids_ever(connection: sa.Connection) -> list[int]:
    return list(
        connection.exec_driver_sql(
            "SELECT seq FROM sqlite_sequence WHERE name = 'mailbox'"
        ).scalars()
    )


def _whose(connection: sa.Connection, number: int, missing: dict[bytes, ReplayedMailbox]) -> bytes:
    """Return which of *missing* has most of its places in the segments of *number*; or b"".

    A folder is known by its rule.
    """
    rule = connection.exec_driver_sql(
        "SELECT rule FROM folder WHERE mailbox = ?", (number,)
    ).scalar()
    if rule is not None:
        return next((key for key, known in missing.items() if known.rule == rule), b"")
    uids = {
        uid
        for _, part in segment.load_each(connection, MailboxId(number))
        for uid in (part.uids if part is not None else ())
    }
    shared = {global_id: len(uids & known.messages.keys()) for global_id, known in missing.items()}
    best = max(shared, key=lambda global_id: shared[global_id], default=b"")
    return best if shared.get(best) else b""


def _new_state(number: int, global_id: bytes, known: ReplayedMailbox, taken: set[str]) -> BoxState:
    name, suffix = known.name, 2
    while name in taken:
        name, suffix = f"{known.name} ({suffix})", suffix + 1
    taken.add(name)
    kept = dict.fromkeys(_COLUMNS, 0) | {"uid_next": known.last_uid + 1, "first_recent": 1}
    return BoxState(number, name, global_id, known.special_use, kept, known.rule)


def _insert(connection: sa.Connection, box: BoxState, log: Journal) -> None:
    kept = box.kept
    connection.exec_driver_sql(
        "INSERT INTO mailbox (id, name, global_id, special_use, uid_validity,"  # noqa: S608  # our columns
        f" {', '.join(_COLUMNS)}) VALUES (?, ?, ?, ?, ?, {', '.join('?' * len(_COLUMNS))})",
        (
            box.id,
            box.name,
            box.global_id,
            box.special_use,
            log.next_uid_validity(),
            *(kept[name] for name in _COLUMNS),
        ),
    )
    if box.rule:
        connection.exec_driver_sql(
            "INSERT OR IGNORE INTO folder VALUES (?, ?, 0, 0)", (box.id, box.rule)
        )
