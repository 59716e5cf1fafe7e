"""Folders with a rule, in memory: the whole membership worked out anew after each change.

As plain as it can be, so that it can be the measure of the real one.
"""

from __future__ import annotations

from collections.abc import Sequence

from mx_core.mime.search_text import body_text, header_text
from mx_core.model.change import FlagsChanged, MessagesAdded, MessagesExpunged, NameChanged
from mx_core.model.errors import NotPermitted
from mx_core.model.flags import DELETED, FlagSet
from mx_core.model.ids import MailboxId, Uid
from mx_core.model.mailbox_name import MailboxName, parents
from mx_core.model.message import MessageForm
from mx_core.ports import Appended, Copied, FlagChange, MailboxInfo
from mx_core.store.folders.facts import Facts, Loaded
from mx_core.store.folders.parse_rule import parse
from tests.support.memory_boxes import Box, Row
from tests.support.memory_job import Job
from tests.support.memory_mail import MemoryMail


class FolderJob(Job):
    def add_folder(self, name: MailboxName, rule: str) -> MailboxInfo:
        rule = parse(rule).text
        self.create(name)
        self._named(name).rule = rule
        self.names[-1] = NameChanged(None, name, by_rule=True)
        self._derive()
        return self.mailbox(name)

    def finish(self) -> None:
        self._derive()

    # ── what a folder does otherwise ────────────────────────────────────────────────
    def create(self, name: MailboxName, special_use: str = "") -> MailboxInfo:
        self._refuse_below(name)
        return super().create(name, special_use)

    def rename(self, old: MailboxName, new: MailboxName) -> None:
        self._refuse_below(new)
        super().rename(old, new)

    def append(
        self,
        mailbox: MailboxId,
        octets: bytes,
        form: MessageForm,
        flags: FlagSet,
        internal_date: int | None = None,
    ) -> Appended:
        self._refuse(self._box(mailbox))
        return super().append(mailbox, octets, form, flags, internal_date)

    def store_flags(
        self, mailbox: MailboxId, uids: Sequence[Uid], change: FlagChange, flags: FlagSet
    ) -> None:
        for box, originals in self._shown(mailbox, uids):
            super().store_flags(box, originals, change, flags)
        self._derive()

    def expunge(self, mailbox: MailboxId, uids: Sequence[Uid] | None = None) -> tuple[Uid, ...]:
        box = self._box(mailbox)
        if not box.rule:
            return super().expunge(mailbox, uids)
        doomed = [r.uid for r in box.rows if DELETED in r.flags and (uids is None or r.uid in uids)]
        trash = next((b for b in self._boxes() if b.special_use == "\\Trash"), None)
        if doomed and trash is None:
            raise NotPermitted("there is no Trash")
        if trash is not None:
            moved = self.move(mailbox, doomed, trash.name)
            self.store_flags(trash.id, moved.target, FlagChange.REMOVE, frozenset({DELETED}))
        return tuple(doomed)

    def copy(self, mailbox: MailboxId, uids: Sequence[Uid], target: MailboxName) -> Copied:
        self._refuse(self._named(target))
        return super().copy(mailbox, uids, target)

    def move(self, mailbox: MailboxId, uids: Sequence[Uid], target: MailboxName) -> Copied:
        shown = self._shown(mailbox, uids)
        copied = self.copy(mailbox, uids, target)
        for box_id, originals in shown:
            box = self._box(box_id)
            self._drop(box, [row for row in box.rows if row.uid in originals])
        self._derive()
        return copied

    def _shown(self, mailbox: MailboxId, uids: Sequence[Uid]) -> list[tuple[MailboxId, list[Uid]]]:
        box = self._box(mailbox)
        if not box.rule:
            return [(mailbox, list(uids))]
        by_box: dict[MailboxId, list[Uid]] = {}
        for place, original in (box.shows[uid] for uid in uids if uid in box.shows):
            by_box.setdefault(place, []).append(original)
        return sorted(by_box.items())

    def _refuse(self, box: Box) -> None:
        if box.rule:
            raise NotPermitted("nothing can be put into a folder")

    def _refuse_below(self, name: MailboxName) -> None:
        for box in self._boxes():
            if box.name in parents(name):
                self._refuse(box)

    # ── who is in a folder ──────────────────────────────────────────────────────────
    def _boxes(self) -> list[Box]:
        return list(self._state.boxes.values())

    def _derive(self) -> None:
        for box in self._boxes():
            if box.rule:
                self._derive_one(box)

    def _derive_one(self, box: Box) -> None:
        fitting = {
            (other.id, row.uid): row
            for other in self._boxes()
            if not other.rule and not self._is_apart(other)
            for row in other.rows
            if self._holds(box.rule, row)
        }
        gone = tuple(row.uid for row in box.rows if box.shows[row.uid] not in fitting)
        for uid in gone:
            del box.shows[uid]
        box.rows = [row for row in box.rows if row.uid not in gone]
        if gone:
            box.vanished.update(dict.fromkeys(gone, self._tick(box)))
            self.changes.append(MessagesExpunged(box.id, box.modseq, gone))
        for row in box.rows:
            flags = fitting[box.shows[row.uid]].flags
            if row.flags != flags:
                turns = {row.flags: flags}
                row.flags, row.modseq = flags, self._tick(box)
                self.changes.append(FlagsChanged(box.id, row.modseq, [row.uid], turns))
        there = set(box.shows.values())
        for place, row in sorted(fitting.items(), key=lambda item: item[0]):
            if place not in there:
                made = self._add(box, row.message, row.flags, row.date, row.global_id)
                box.shows[made.uid] = place
                self.changes.append(
                    MessagesAdded(box.id, made.modseq, (made.uid,), (made.message,), (made.flags,))
                )

    def _is_apart(self, box: Box) -> bool:
        tops = [b.name for b in self._boxes() if b.special_use in {"\\Junk", "\\Trash"}]
        return any(box.name == top or box.name.startswith(top + "/") for top in tops)

    def _holds(self, rule: str, row: Row) -> bool:
        octets, form, date = self._mail.kept(row.message)
        facts = Facts(
            row.flags,
            arrived=date,
            size=form.size,
            now=self._mail.now(),
            load=lambda: Loaded(form, octets),
            texts=(header_text(octets, form), body_text(octets, form)),
        )
        return bool(parse(rule).test.judge(facts))


class FolderMail(MemoryMail):
    """`MemoryMail` with folders."""

    job_kind = FolderJob
