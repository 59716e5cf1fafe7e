"""What a folder shows, held against its map, its rule and the mail: all of it is derived.

So a repair lets go of what is shown wrongly, under a tombstone, and has the folder judge all mail
again; what is right keeps its UID, what was missing comes under a new one (spec/folders §6).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from msgspec import Struct, field

from mx_core.mime.search_text import body_text, header_text
from mx_core.model.errors import MailError
from mx_core.model.ids import MailboxId, MessageId
from mx_core.store.folders.book import Book, Folder, load
from mx_core.store.folders.facts import Texts
from mx_core.store.folders.judging import Judging
from mx_core.store.folders.member import Members
from mx_core.store.fsck.finding import Damage, Report
from mx_core.store.fsck.state import BoxState, FullPlace
from mx_core.store.mail.reader import Reader

if TYPE_CHECKING:
    import sqlalchemy as sa

Key = tuple[int, int]  # mailbox and UID of an original
_TABLES = ("folder_member", "folder_turn", "folder_waiting")


def check_strays(connection: sa.Connection, report: Report, *, repair: bool) -> None:
    """Look for what is kept for folders that are none."""
    for table in _TABLES:
        chosen = f"FROM {table} WHERE folder NOT IN (SELECT mailbox FROM folder)"  # noqa: S608  # one of three literals
        count = connection.exec_driver_sql(f"SELECT count(*) {chosen}").scalar_one()
        if count:
            report.mendable(Damage.FOLDER, f"{count} rows of {table} belong to no folder")
            if repair:
                connection.exec_driver_sql(f"DELETE {chosen}")


class Shelves(Struct):
    """All folders of an account; *boxes* are the mailboxes with mail of their own, judged.

    With *deep* also rules that ask for more than flags are followed.
    """

    connection: sa.Connection
    report: Report
    reader: Reader
    now_seconds: int
    deep: bool
    boxes: list[BoxState] = field(default_factory=list)  # ascending, all before the first folder
    _mail: dict[Key, FullPlace] | None = None

    def judge(self, folder: BoxState) -> tuple[bool, list[int]]:
        """Leave in *folder* what it shows rightly; return whether it must judge anew, and UIDs lost."""
        book = load(self.connection)
        mail = self._in_reach(book)
        shows, wrong = self._by_the_map(folder, mail)
        asks_anew = bool(wrong)
        for uid, why in wrong.items():
            self.report.mendable(Damage.FOLDER, f"UID {uid} of folder {folder.id} {why}")
        for key, why in self._by_the_rule(folder, book, mail, shows):
            asks_anew = True
            self.report.mendable(Damage.FOLDER, f"folder {folder.id}: place {key} {why}")
            if key in shows:
                wrong[shows[key]] = why
        lost = [place.uid for place in folder.places if place.uid in wrong]
        folder.places = [place for place in folder.places if place.uid not in wrong]
        return asks_anew, lost

    def _in_reach(self, book: Book) -> dict[Key, FullPlace]:
        """Return what folders may show, ascending; the same for all of them, so gathered once."""
        if self._mail is None:
            self._mail = {
                (box.id, place.uid): place
                for box in self.boxes
                if book.follows(MailboxId(box.id))
                for place in box.places
            }
        return self._mail

    def _by_the_map(
        self, folder: BoxState, mail: dict[Key, FullPlace]
    ) -> tuple[dict[Key, int], dict[int, str]]:
        """Return which place each sound UID shows, and what is wrong with the others."""
        places = {place.uid: place for place in folder.places}
        shows: dict[Key, int] = {}
        wrong = dict.fromkeys(places, "stands for no place")
        for member in Members(self.connection).all_of(MailboxId(folder.id)):
            key = (member.mailbox, member.original)
            shown, original = places.get(member.uid), mail.get(key)
            if shown is None:
                wrong[member.uid] = "is in the map and not shown"
            elif original is None:
                wrong[member.uid] = "stands for a place that is gone"
            elif original.message != shown.message or member.message != shown.message:
                wrong[member.uid] = "shows another message than its own"
            elif original.flags != shown.flags:
                wrong[member.uid] = "shows other flags than its own"
            elif member.uid not in wrong:
                wrong[member.uid] = "stands for two places"
            else:
                shows[key] = member.uid
                del wrong[member.uid]
        return shows, wrong

    def _by_the_rule(
        self, folder: BoxState, book: Book, mail: dict[Key, FullPlace], shows: dict[Key, int]
    ) -> Iterator[tuple[Key, str]]:
        known = book.folders[MailboxId(folder.id)]
        complete, waiting, turns = self._owed(folder.id)
        for key, turn in self._turning(known, mail) if complete else ():
            if turns.get(key, turn + 1) > turn:
                yield key, "is not judged again when time turns the verdict"
        verdicts = self._verdicts(known, mail.values())
        for key, verdict in zip(mail, verdicts, strict=True):
            due = key in waiting or turns.get(key, self.now_seconds + 1) <= self.now_seconds
            if verdict is None or due or verdict == (key in shows):
                continue
            if verdict and complete:
                yield key, "is not shown"
            elif not verdict:
                yield key, "is shown against the rule"

    def _owed(self, folder: int) -> tuple[bool, set[Key], dict[Key, int]]:
        """Return whether all was judged once, what waits for its text, and when time comes."""
        run = self.connection.exec_driver_sql
        complete = run("SELECT complete FROM folder WHERE mailbox = ?", (folder,)).scalar_one()
        asked = "SELECT mailbox, original FROM folder_waiting WHERE folder = ?"
        waiting = {(box, uid) for box, uid in run(asked, (folder,))}
        asked = (
            "SELECT mailbox, original, min(at) FROM folder_turn WHERE folder = ?"
            " GROUP BY mailbox, original"
        )
        return bool(complete), waiting, {(box, uid): at for box, uid, at in run(asked, (folder,))}

    def _turning(self, known: Folder, mail: dict[Key, FullPlace]) -> Iterator[tuple[Key, int]]:
        for key, place in mail.items() if known.rule.test.turns else ():
            turn = known.rule.next_turn(place.internal_date, self.now_seconds)
            if turn is not None:
                yield key, turn

    def _verdicts(self, known: Folder, places: Collection[FullPlace]) -> list[bool | None]:
        judging = Judging(self.reader, self.now_seconds)
        if known.rule.flags_only:
            sets = {place.flags for place in places}
            holds = {flags: judging.holds_for_flags(known.rule, flags) for flags in sets}
            return [holds[place.flags] for place in places]
        if not self.deep:
            return [None] * len(places)
        verdicts: list[bool | None] = []
        for place in places:
            message = MessageId(place.message)
            try:
                texts = {message: self._texts(message)} if known.rule.test.body else None
                verdicts += judging.verdicts(known.rule, [(message, place.flags)], texts)
            except MailError:
                verdicts.append(None)  # what can not be read is a finding of its own
        return verdicts

    def _texts(self, message: MessageId) -> Texts:
        octets, (form,) = self.reader.octets(message), self.reader.forms([message])
        return header_text(octets, form), body_text(octets, form)
