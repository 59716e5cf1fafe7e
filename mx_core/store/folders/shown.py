"""What is in a folder, as packed places like those of any mailbox, but derived.

No change here is journalled, and a folder's places are no uses of a message: octets live as long
as the places they are shown from.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from mx_core.model.change import Change, MessagesAdded
from mx_core.model.errors import OverQuota
from mx_core.model.flags import DELETED, SEEN, FlagSet
from mx_core.model.ids import GlobalId, MailboxId, MessageId, ModSeq, Uid
from mx_core.store.folders.book import Shelf
from mx_core.store.journal.journal import Journal
from mx_core.store.journal.row import Op, Value
from mx_core.store.places import saved, segment
from mx_core.store.places.flag_set import FlagSetId, FlagSetWriter
from mx_core.store.places.places import Places

if TYPE_CHECKING:
    import sqlalchemy as sa

_FEW: Final = 4
_NAMELESS: Final = GlobalId(b"")
_UID_MAX: Final = (1 << 32) - 1


class _Silent(Journal):
    """The counters of the job's journal, and no rows."""

    def __init__(self, log: Journal) -> None:
        self._log = log

    @property
    @override
    def newest(self) -> ModSeq:
        return self._log.newest

    @property
    @override
    def moment(self) -> int:
        return self._log.moment

    @override
    def next_modseq(self) -> ModSeq:
        return self._log.next_modseq()

    @override
    def write(self, op: Op, mailbox: GlobalId | bytes, ids: dict[int, Value]) -> None:
        """Write nothing: memberships are derived."""


class ShownPlaces(Places):
    """See the module."""

    def __init__(
        self,
        connection: sa.Connection,
        log: Journal,
        flag_sets: FlagSetWriter,
        changes: list[Change],
        now_seconds: int,
        shelf: Shelf,
    ) -> None:
        super().__init__(connection, _Silent(log), flag_sets, changes, now_seconds)
        self._shelf = shelf

    @override
    def global_id(self, mailbox: MailboxId) -> GlobalId:
        return _NAMELESS  # nothing is journalled

    def show(
        self, folder: MailboxId, rows: Sequence[tuple[MessageId, FlagSetId, int]]
    ) -> list[Uid]:
        """Put (message, flag set, size) at the end of *folder*; return their new UIDs."""
        if len(rows) > _FEW:
            return self.add(folder, [(m, _NAMELESS, number, size) for m, number, size in rows])
        return [self.show_one(folder, *row) for row in rows]

    def show_one(self, folder: MailboxId, message: MessageId, number: FlagSetId, size: int) -> Uid:
        """As ``add`` for one, in as few statements as can be: every arrival pays for it."""
        ask = self._connection.exec_driver_sql
        modseq = self._log.next_modseq()
        flags: FlagSet = self._flag_sets.of(number)
        # two plain statements cost half of one that returns what it wrote
        uid = Uid(ask("SELECT uid_next FROM mailbox WHERE id = ?", (folder,)).scalar_one())
        if uid >= _UID_MAX:
            raise OverQuota("the folder has had more messages than UIDs exist")
        ask(
            "UPDATE mailbox SET uid_next = ?, highest_modseq = ?, messages = messages + 1,"
            " recent = recent + 1, unseen = unseen + ?, deleted = deleted + ?, size = size + ?"
            " WHERE id = ?",
            (uid + 1, modseq, int(SEEN not in flags), int(DELETED in flags), size, folder),
        )
        if self._shelf.is_news(folder, self._now_seconds, self._log.moment):
            saved.note(self._connection, folder, uid, self._now_seconds)
        segment.append(self._connection, folder, (uid, modseq, number, message))
        self._changes.append(MessagesAdded(folder, modseq, (uid,), (message,), (flags,)))
        return uid

    @override
    def _release(self, messages: Sequence[int]) -> int:
        """Return the sum of sizes; nothing is released."""
        rows = self._connection.exec_driver_sql(
            "SELECT id, size FROM message WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(sorted(set(messages))),),
        )
        sizes = {row[0]: int(row[1]) for row in rows}
        return sum(sizes[message] for message in messages)
