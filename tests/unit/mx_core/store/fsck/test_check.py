"""Every kind of damage: it is found, mended without a UID changed, and then nothing is wrong."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from mx_core.db import writer
from mx_core.db.database import Database
from mx_core.mime.prepare import prepare
from mx_core.model.errors import Refused
from mx_core.model.flags import DELETED, FLAGGED, SEEN, Flag
from mx_core.model.ids import MailboxId, Uid
from mx_core.model.mailbox_name import INBOX, MailboxName
from mx_core.ports import FlagChange, MailReader, MailWriter
from mx_core.store.fsck.check import check_store
from mx_core.store.fsck.finding import Damage, Report
from mx_core.store.opening import MIGRATIONS
from tests.support.stores import STORE_KEY, Clock, open_store

Shown = dict[str, dict[int, tuple[frozenset[Flag], bytes]]]
OCTETS = [
    b"Subject: m%d\r\nFrom: a@a.example\r\n\r\n%b\r\n" % (n, b"x" * (n * 120_000))
    for n in range(1, 6)
]


@dataclass
class Account:
    """A store at rest, and what it showed before it was damaged."""

    folder: Path
    shown: Shown

    def damage(self, *statements: str) -> None:
        self.change(lambda tx: [tx.exec_driver_sql(statement) for statement in statements])

    def change(self, job: Callable[[sa.Connection], object]) -> None:
        database = Database.open(self.folder / "mail.db", migrations=MIGRATIONS, key=STORE_KEY)
        database.write_at_start(job)
        database.close()

    def check(self, *, repair: bool = False, deep: bool = False) -> Report:
        return check_store(self.folder, STORE_KEY, Clock(), repair=repair, deep=deep)

    def now_shown(self) -> Shown:
        return shown(self.folder)


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Account:
    """Five messages, two of them in files; a copy, flags, a gap of expunged UIDs, a subfolder."""
    # a body that gets its file at leisure is in none here, however long a test takes
    monkeypatch.setattr(writer, "_IDLE_SECONDS", 3_600)
    store = open_store(tmp_path)

    def fill(mail: MailWriter) -> None:
        inbox = mail.mailbox(INBOX).id
        for octets in OCTETS:
            mail.append(inbox, octets, prepare(octets), frozenset({SEEN}))
        mail.create(MailboxName("a/b"))
        mail.copy(inbox, [Uid(1), Uid(2)], MailboxName("a/b"))
        mail.store_flags(inbox, [Uid(2)], FlagChange.ADD, frozenset({FLAGGED, Flag("$Kw")}))
        mail.store_flags(inbox, [Uid(4)], FlagChange.ADD, frozenset({DELETED}))
        mail.expunge(inbox)
        mail.add_folder(MailboxName("Marked"), "FLAGGED")
        mail.add_folder(MailboxName("Fresh"), 'YOUNGER 1000 SUBJECT "m"')

    asyncio.run(store.mail.write(fill))
    store.close()
    open_store(tmp_path).close()  # sweeps what was expunged
    return Account(tmp_path, shown(tmp_path))


def shown(folder: Path) -> Shown:
    store = open_store(folder)
    try:
        return asyncio.run(store.mail.read(_everything))
    finally:
        store.close()


def _everything(reader: MailReader) -> Shown:
    seen = {box.name: reader.snapshot(box.id) for box in reader.mailboxes()}
    return {
        name: {
            uid: (flags, reader.octets(message))
            for uid, message, flags in zip(shot.uids, shot.messages, shot.flags, strict=True)
        }
        for name, shot in seen.items()
    }


INBOX_ID = "(SELECT id FROM mailbox WHERE name = 'INBOX')"
DERIVED: Shown = {"Marked": {}, "Fresh": {}}  # by rules: what was damaged there gets new UIDs
FIRST = "(SELECT min(id) FROM message)"
MARKED = "(SELECT id FROM mailbox WHERE name = 'Marked')"
DAMAGES: dict[str, tuple[Damage, tuple[str, ...]]] = {
    "a counter of a mailbox": (Damage.NUMBERS, ("UPDATE mailbox SET unseen = unseen + 1",)),
    "the next UID": (Damage.NUMBERS, (f"UPDATE mailbox SET uid_next = 2 WHERE id = {INBOX_ID}",)),
    "the highest modseq": (Damage.NUMBERS, ("UPDATE mailbox SET highest_modseq = 1",)),
    "the sum of sizes": (Damage.NUMBERS, ("UPDATE mailbox SET size = 7",)),
    "a segment's count": (Damage.SEGMENT, ("UPDATE segment SET entries = 9",)),
    "a segment's greatest modseq": (Damage.SEGMENT, ("UPDATE segment SET max_modseq = 1",)),
    "a segment that is cut off": (Damage.SEGMENT, ("UPDATE segment SET uids = x'0102'",)),
    "a column shorter than the others": (
        Damage.SEGMENT,
        ("UPDATE segment SET messages = substr(messages, 1, 8)",),
    ),
    "UIDs out of order": (
        Damage.SEGMENT,
        (
            *(
                f"UPDATE segment SET {column} = CAST(substr({column}, 1 + {n}, {n})"
                f" || substr({column}, 1, {n}) || substr({column}, 1 + 2 * {n}) AS BLOB)"
                f" WHERE mailbox = {INBOX_ID}"
                for column, n in (("uids", 4), ("messages", 8), ("flag_sets", 4))
            ),
        ),
    ),
    "a segment's bound": (Damage.SEGMENT, ("UPDATE segment SET first_uid = 4",)),
    "a segment that is gone": (
        Damage.PLACE,
        (f"DELETE FROM segment WHERE mailbox = {INBOX_ID}",),
    ),
    "a place that names another message": (
        Damage.PLACE,
        ("UPDATE segment SET messages = CAST(x'0200000000000000' || substr(messages, 9) AS BLOB)",),
    ),
    "a place that names no message": (
        Damage.PLACE,
        ("UPDATE segment SET messages = CAST(x'ff00000000000000' || substr(messages, 9) AS BLOB)",),
    ),
    "a place that names no set of flags": (
        Damage.PLACE,
        ("UPDATE segment SET flag_sets = CAST(x'ff000000' || substr(flag_sets, 5) AS BLOB)",),
    ),
    "uses of a message, too many": (Damage.USES, ("UPDATE message SET uses = uses + 1",)),
    "uses of a message, too few": (Damage.USES, ("UPDATE message SET uses = 0",)),
    "a message that is shown and waits for removal": (
        Damage.USES,
        (f"INSERT INTO expunged VALUES ({FIRST}, 0)",),
    ),
    "a removal of nothing": (Damage.USES, ("INSERT INTO expunged VALUES (999, 0)",)),
    "the size of a body": (Damage.BODY, ("UPDATE body SET size = 3 WHERE octets NOT NULL",)),
    "the size of a message": (
        Damage.BODY,
        ("UPDATE message SET size = 3", "UPDATE mailbox SET size = 9 WHERE name = 'INBOX'"),
    ),
    "a form that is gone": (Damage.FORM, (f"DELETE FROM form WHERE message = {FIRST}",)),
    "header keys that are gone": (Damage.FORM, ("DELETE FROM form", "DELETE FROM header_text")),
    "a form of no message": (
        Damage.FORM,
        ("INSERT INTO header_text VALUES (999, x'', x'', x'', x'', x'', x'')",),
    ),
    "a tombstone that can not be read": (Damage.TOMBSTONE, ("UPDATE tombstone SET uids = x'01'",)),
    "a tombstone of what is there": (
        Damage.TOMBSTONE,
        ("UPDATE tombstone SET uids = x'0100000004000000'",),
    ),
    "a tombstone of no mailbox": (
        Damage.TOMBSTONE,
        ("INSERT INTO tombstone VALUES (999, 1, x'01000000')",),
    ),
    "a row of the journal that is gone": (
        Damage.JOURNAL,
        ("DELETE FROM journal WHERE device_seq = 13",),
    ),
    "the newest row of the journal": (
        Damage.JOURNAL,
        ("DELETE FROM journal WHERE device_seq = (SELECT max(device_seq) FROM journal)",),
    ),
    "a row of the journal that is no CBOR": (
        Damage.JOURNAL,
        ("UPDATE journal SET ids = x'ff' WHERE device_seq = 13",),
    ),
    "a row of the journal that tells another story": (
        Damage.JOURNAL,
        ("UPDATE mailbox SET name = 'c' WHERE name = 'a/b'",),
    ),
    "a journal without subscriptions": (Damage.JOURNAL, ("DELETE FROM subscription",)),
    "a mailbox whose row is gone": (
        Damage.MAILBOX,
        ("DELETE FROM mailbox WHERE name = 'a/b'",),
    ),
    "a folder whose row is gone": (
        Damage.MAILBOX,
        ("DELETE FROM mailbox WHERE name = 'Marked'",),
    ),
    "a folder's row of its map that is gone": (
        Damage.FOLDER,
        (f"DELETE FROM folder_member WHERE folder = {MARKED}",),
    ),
    "a folder's map that names a place that is gone": (
        Damage.FOLDER,
        (f"UPDATE folder_member SET original = 77 WHERE folder = {MARKED}",),
    ),
    "a folder's map that names what is not shown": (
        Damage.FOLDER,
        (f"UPDATE folder_member SET uid = 1 << 40 WHERE folder = {MARKED}",),
    ),
    "a folder's map that names one UID for two places": (
        Damage.FOLDER,
        ("UPDATE folder_member SET uid = 1",),
    ),
    "a folder that shows against its rule": (
        Damage.FOLDER,
        (f"UPDATE folder SET rule = 'DRAFT' WHERE mailbox = {MARKED}",),
    ),
    "a folder that shows too little": (
        Damage.FOLDER,
        (f"UPDATE folder SET rule = 'SEEN' WHERE mailbox = {MARKED}",),
    ),
    "a verdict that time turns and nobody waits for": (
        Damage.FOLDER,
        ("DELETE FROM folder_turn WHERE original = 3",),
    ),
    "a verdict that is waited for too long": (
        Damage.FOLDER,
        ("UPDATE folder_turn SET at = at + 9",),
    ),
    "a turn of no folder": (Damage.FOLDER, ("INSERT INTO folder_turn VALUES (1, 999, 1, 1)",)),
    "a text that no folder waits for": (
        Damage.FOLDER,
        ("INSERT INTO folder_waiting VALUES (999, 1, 1)",),
    ),
    "dates of saving that are gone": (Damage.SAVED, ("DELETE FROM saved",)),
    "a first date of saving that is gone": (
        Damage.SAVED,
        (f"UPDATE saved SET first_uid = first_uid + 2 WHERE mailbox = {INBOX_ID}",),
    ),
    "a date of saving of a UID yet to come": (
        Damage.SAVED,
        (f"INSERT INTO saved VALUES ({INBOX_ID}, 77, 1)",),
    ),
    "a date of saving of no mailbox": (Damage.SAVED, ("INSERT INTO saved VALUES (999, 1, 1)",)),
    "an empty mailbox whose row is gone": (
        Damage.MAILBOX,
        ("DELETE FROM mailbox WHERE name = 'Trash'",),
    ),
}  # fmt: skip


def test_a_store_that_was_only_used_is_sound(account: Account) -> None:
    report = account.check(deep=True)

    assert report.findings == []
    assert (report.mailboxes, report.messages) == (17, 6)


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_found_mended_and_gone(account: Account, name: str) -> None:
    damage, statements = DAMAGES[name]
    account.damage(*statements)

    found = account.check()
    again = account.check()
    mended = account.check(repair=True)
    after = account.check(deep=True)
    assert damage in {finding.damage for finding in found.findings}
    assert found.findings == again.findings, "a look changed something"
    assert mended.is_sound
    assert not found.is_sound
    assert after.findings == []
    if "another story" not in name:
        assert account.now_shown() | DERIVED == account.shown | DERIVED


@pytest.mark.parametrize("deep", [False, True])
def test_a_compressed_body_that_does_not_open_is_named(account: Account, deep: bool) -> None:
    account.damage("UPDATE body SET octets = substr(octets, 1, 60), size = size + 1 WHERE id = 1")

    [found] = [f for f in account.check(deep=deep).findings if "open" in f.sentence]
    assert (found.damage, found.can_be_mended) == (Damage.BODY, False)


def test_what_a_folder_lost_comes_back_under_a_new_uid(account: Account) -> None:
    account.damage("UPDATE segment SET uids = x'01' WHERE mailbox IN (SELECT mailbox FROM folder)")

    assert account.check(repair=True).is_sound
    assert account.check(deep=True).findings == []
    store = open_store(account.folder)
    asyncio.run(store.folders.catch_up())
    store.close()
    after = account.now_shown()
    assert after["Marked"] == {2: account.shown["Marked"][1]}
    assert after | DERIVED == account.shown | DERIVED


@pytest.mark.parametrize("column", ["envelope", "header"])
def test_a_form_that_is_not_of_its_octets_is_found_by_a_deep_look(
    account: Account, column: str
) -> None:
    account.damage(f"UPDATE form SET {column} = x'4e494c' WHERE message = {FIRST}")

    assert account.check().findings == []
    assert [f.damage for f in account.check(repair=True, deep=True).findings] == [Damage.FORM]
    assert account.check(deep=True).findings == []


def test_a_file_that_no_row_names_is_told_of_before_it_goes(account: Account) -> None:
    stray = account.folder / "bodies" / ("ab" * 16)
    stray.write_bytes(b"sealed")

    assert [f.damage for f in account.check().findings] == [Damage.FILE]
    assert stray.exists()
    assert account.check(repair=True).is_sound
    assert not stray.exists()


@pytest.mark.parametrize("harm", ["missing", "short", "altered"])
def test_octets_that_are_gone_are_named_and_the_place_stays(account: Account, harm: str) -> None:
    [path, *_] = sorted((account.folder / "bodies").iterdir())
    if harm == "missing":
        path.unlink()
    elif harm == "short":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        path.write_bytes(path.read_bytes()[:-1] + b"\0")

    report = account.check(repair=True, deep=True)
    assert [f.damage for f in report.findings] == [Damage.FILE]
    assert not report.is_sound
    assert report.messages == 6


def test_a_message_that_is_lost_is_named_and_its_uid_told_as_gone(account: Account) -> None:
    account.damage(f"DELETE FROM message WHERE id = {FIRST}", "DELETE FROM form WHERE message = 1")

    report = account.check(repair=True)
    lost = [finding for finding in report.findings if not finding.can_be_mended]
    assert [finding.damage for finding in lost] == [Damage.PLACE, Damage.PLACE]
    store = open_store(account.folder)
    gone = asyncio.run(store.mail.read(lambda r: r.vanished_since(r.mailbox(INBOX).id, 0)))
    left = asyncio.run(store.mail.read(lambda r: list(r.snapshot(r.mailbox(INBOX).id).uids)))
    store.close()
    assert set(gone) == {1, 4}
    assert left == [2, 3, 5]
    # its octets are named by nothing now, and are shown again
    recovered = account.now_shown()["Recovered"]
    assert [octets for _, octets in recovered.values()] == [OCTETS[0]]
    assert account.check(deep=True).findings == []


def test_without_a_journal_what_no_segment_holds_is_shown_in_a_mailbox_of_its_own(
    account: Account,
) -> None:
    account.damage(f"DELETE FROM segment WHERE mailbox = {INBOX_ID}", "DELETE FROM journal")

    report = account.check(repair=True)
    assert {f.damage for f in report.findings} >= {Damage.JOURNAL, Damage.LONE}
    assert account.check(deep=True).findings == []
    now = account.now_shown()
    assert now["INBOX"] == {}
    saved = {octets for _, octets in now["Recovered"].values()}
    assert saved == {OCTETS[2], OCTETS[4]}  # the others are in a/b


def test_a_store_in_use_is_refused(account: Account) -> None:
    store = open_store(account.folder)
    try:
        with pytest.raises(Refused):
            account.check()
    finally:
        store.close()


def test_after_a_repair_nothing_is_given_out_twice(account: Account) -> None:
    account.damage(f"UPDATE mailbox SET uid_next = 2, highest_modseq = 1 WHERE id = {INBOX_ID}")
    account.check(repair=True)
    store = open_store(account.folder)

    def append(writer: MailWriter) -> tuple[int, int]:
        box = writer.mailbox(INBOX)
        uid = writer.append(MailboxId(box.id), OCTETS[0], prepare(OCTETS[0]), frozenset()).uid
        return uid, writer.mailbox(INBOX).highest_modseq

    before = max(
        asyncio.run(store.mail.read(lambda r: list(r.snapshot(r.mailbox(INBOX).id).modseqs)))
    )
    uid, modseq = asyncio.run(store.mail.write(append))
    store.close()
    assert uid == 6
    assert modseq > before
