"""Memberships worked out anew from rules and mail, and compared with what is kept.

For ``fsck``, for the tests, and for whoever doubts.  Reads only; `rebuild` repairs.
"""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from mx_core.mime.search_text import body_text, header_text
from mx_core.model.flags import DELETED, SEEN
from mx_core.model.ids import MailboxId, MessageId
from mx_core.store import segment
from mx_core.store.flag_set import FlagSets
from mx_core.store.folders.book import Folder, load
from mx_core.store.folders.facts import Texts
from mx_core.store.folders.judging import Judging, Source
from mx_core.store.folders.member import Member, Members
from mx_core.store.segment import Segment

Key = tuple[int, int]  # mailbox and UID of an original


def differences(connection: sa.Connection, source: Source, now: int) -> list[str]:
    """Return what is wrong with the folders, one sentence each; nothing if all is well.

    *source* reads on *connection*; *now* is unix seconds.  What waits for its text, for the time
    or to be filled for the first time is not wrong.
    """
    book = load(connection)
    flag_sets = FlagSets(connection, {}, fills=True)
    reach = {
        MailboxId(box): segment.load_all(connection, MailboxId(box))
        for box in connection.exec_driver_sql("SELECT id FROM mailbox ORDER BY id").scalars()
        if book.follows(MailboxId(box))
    }
    found: list[str] = []
    for folder in book.folders.values():
        audit = _Audit(connection, folder, reach, flag_sets)
        found += [f"folder {folder.mailbox}: {each}" for each in audit.of_the_map()]
        found += [f"folder {folder.mailbox}: {each}" for each in audit.of_the_rule(source, now)]
        found += [f"folder {folder.mailbox}: {each}" for each in audit.of_the_numbers()]
    homeless = connection.exec_driver_sql(
        "SELECT count(*) FROM folder_member WHERE folder NOT IN (SELECT mailbox FROM folder)"
    ).scalar_one()
    return [*found, f"{homeless} members of no folder"] if homeless else found


class _Audit:
    """One folder."""

    def __init__(
        self,
        connection: sa.Connection,
        folder: Folder,
        reach: dict[MailboxId, Segment],
        flag_sets: FlagSets,
    ) -> None:
        self._connection = connection
        self._folder = folder
        self._flag_sets = flag_sets
        self._shown = segment.load_all(connection, folder.mailbox)
        self._members: list[Member] = Members(connection).all_of(folder.mailbox)
        self._originals: dict[Key, tuple[int, int]] = {
            (box, uid): (message, number)
            for box, places in reach.items()
            for uid, message, number in zip(
                places.uids, places.messages, places.flag_sets, strict=True
            )
        }

    def of_the_map(self) -> Iterator[str]:
        """Compare places and map with each other."""
        shown = list(zip(self._shown.uids, self._shown.messages, strict=True))
        if shown != [(member.uid, member.message) for member in self._members]:
            yield "its places and its map differ"
        if len({(m.mailbox, m.original) for m in self._members}) < len(self._members):
            yield "it shows a place twice"
        if list(self._shown.uids) != sorted(set(self._shown.uids)):
            yield "its UIDs do not rise"

    def of_the_rule(self, source: Source, now: int) -> Iterator[str]:
        """Compare members with what the rule says of the mail."""
        flags = dict(zip(self._shown.uids, self._shown.flag_sets, strict=True))
        members = {(member.mailbox, member.original): member for member in self._members}
        fitting = self._fitting(source, now)
        excused = self._excused(now)
        for key in sorted(members.keys() | fitting):
            if key in members and key not in self._originals:
                yield f"place {key} is gone and still shown"
            elif key in members and self._originals[key][0] != members[key].message:
                yield f"place {key} is another message"
            elif key in members and flags.get(members[key].uid) != self._originals[key][1]:
                yield f"place {key} is shown with other flags"
            elif key in excused:
                continue
            elif key not in members and self._is_complete():
                yield f"place {key} is not shown"
            elif key in members and key not in fitting:
                yield f"place {key} is shown against the rule"

    def of_the_numbers(self) -> Iterator[str]:
        """Compare the kept numbers with the places."""
        row = self._connection.exec_driver_sql(
            "SELECT messages, unseen, deleted, size, uid_next FROM mailbox WHERE id = ?",
            (self._folder.mailbox,),
        ).one()
        sets = self._flag_sets.of_all(self._shown.flag_sets)
        rows = self._connection.exec_driver_sql(
            "SELECT id, size FROM message WHERE id IN"
            " (SELECT message FROM folder_member WHERE folder = ?)",
            (self._folder.mailbox,),
        )
        sizes: dict[int, int] = {each[0]: each[1] for each in rows}
        counted = (
            len(sets),
            sum(SEEN not in each for each in sets),
            sum(DELETED in each for each in sets),
            sum(sizes.get(message, 0) for message in self._shown.messages),
        )
        if tuple(row)[:4] != counted:
            yield f"its numbers are {tuple(row)[:4]}, not {counted}"
        if row[4] <= max(self._shown.uids, default=0):
            yield "a UID of it would be used again"

    def _fitting(self, source: Source, now: int) -> set[Key]:
        judging, rule = Judging(source, now), self._folder.rule
        fitting: set[Key] = set()
        for key, (number_of_message, number) in self._originals.items():
            message = MessageId(number_of_message)
            texts: dict[MessageId, Texts] = {}
            if rule.test.body:
                octets, (form,) = source.octets(message), source.forms([message])
                texts[message] = (header_text(octets, form), body_text(octets, form))
            (verdict,) = judging.verdicts(rule, [(message, self._flag_sets.of(number))], texts)
            if verdict:
                fitting.add(key)
        return fitting

    def _excused(self, now: int) -> set[Key]:
        rows = self._connection.exec_driver_sql(
            "SELECT mailbox, original FROM folder_waiting WHERE folder = ?"
            " UNION SELECT mailbox, original FROM folder_turn WHERE folder = ? AND at <= ?",
            (self._folder.mailbox, self._folder.mailbox, now),
        )
        return {(box, uid) for box, uid in rows}

    def _is_complete(self) -> bool:
        return bool(
            self._connection.exec_driver_sql(
                "SELECT complete FROM folder WHERE mailbox = ?", (self._folder.mailbox,)
            ).scalar_one()
        )
