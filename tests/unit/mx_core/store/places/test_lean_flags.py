"""What a change of flags writes: few pages, and each set of flags once."""

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa

from mx_core.db.engine import writer_engine
from mx_core.db.migrate import migrate
from mx_core.model.errors import NotPermitted
from mx_core.model.flags import FLAGGED, SEEN, Flag, FlagSet
from mx_core.model.ids import MailboxId, Uid
from mx_core.model.mailbox_name import INBOX, MailboxName
from mx_core.ports import FlagChange, MailWriter, NewMail
from mx_core.store.account_store import AccountStore
from mx_core.store.fsck.check import check_store
from mx_core.store.fsck.finding import Damage
from mx_core.store.mail.mail import Mail
from mx_core.store.mail.writer import Writer
from mx_core.store.opening import MIGRATIONS
from mx_core.store.places.flag_set import FlagSetWriter, KnownSets
from mx_core.store.places.packed import pack, unpack_runs
from tests.support.stores import STORE_KEY, Clock, form_of, memory_store, open_store

pytestmark = pytest.mark.anyio
_MANY = 640


async def _filled(store: AccountStore, count: int) -> MailboxId:
    inbox = (await store.mail.read(lambda reader: reader.mailbox(INBOX))).id
    new = [NewMail(b"x", form_of(b"x"), frozenset()) for _ in range(count)]
    await store.mail.write(lambda writer: writer.append_all(inbox, new))
    return inbox


async def _sets(store: AccountStore) -> list[str]:
    def ask(_writer: Writer, connection: sa.Connection) -> list[str]:
        return list(connection.exec_driver_sql("SELECT flags FROM flag_set ORDER BY id").scalars())

    return await store.mail.write_with(ask)


async def test_two_full_segments_lie_on_one_page() -> None:
    with memory_store() as store:
        await _filled(store, _MANY)
        sizes = await store.mail.write_with(
            lambda _writer, connection: (
                connection.exec_driver_sql(
                    "SELECT length(uids) + length(modseqs) + length(flag_sets) + length(messages)"
                    " FROM segment"
                )
                .scalars()
                .all()
            )
        )
        assert len(sizes) == 2
        assert sum(sizes) < 8_000


async def test_a_set_is_made_once_whoever_meets_it() -> None:
    with memory_store() as store:
        inbox = await _filled(store, 3)
        given = [frozenset({SEEN}), frozenset({Flag("$a")}), frozenset({SEEN}), frozenset({SEEN})]

        async def flag(uid: int, flags: FlagSet) -> None:
            await store.mail.write(
                lambda w: w.store_flags(inbox, [Uid(uid)], FlagChange.REPLACE, flags)
            )

        # those that wait together are one transaction: none has heard what the one before made
        await asyncio.gather(*(flag(n % 3 + 1, flags) for n, flags in enumerate(given)))
        await flag(2, frozenset({SEEN}))
        made = await _sets(store)
        assert len(made) == len(set(made))
        assert {"\\Seen", "$a"} <= set(made)


async def test_a_set_of_a_job_that_was_undone_is_made_by_the_next() -> None:
    with memory_store() as store:
        inbox = await _filled(store, 2)

        def fails(writer: MailWriter) -> None:
            writer.store_flags(inbox, [Uid(1)], FlagChange.ADD, frozenset({FLAGGED}))
            raise NotPermitted("after all")

        before = await _sets(store)
        with pytest.raises(NotPermitted):
            await store.mail.write(fails)
        assert await _sets(store) == before
        await store.mail.write(
            lambda w: w.store_flags(inbox, [Uid(2)], FlagChange.ADD, frozenset({SEEN}))
        )
        await store.mail.write(
            lambda w: w.store_flags(inbox, [Uid(1)], FlagChange.ADD, frozenset({FLAGGED}))
        )
        shot = await store.mail.read(lambda reader: reader.snapshot(inbox))
        assert list(shot.flags) == [frozenset({FLAGGED}), frozenset({SEEN})]
        assert await _sets(store) == [*before, "\\Seen", "\\Flagged"]


async def test_a_keyword_is_spelled_as_it_was_first_committed() -> None:
    with memory_store() as store:
        inbox = await _filled(store, 3)

        def add(writer: MailWriter, uid: int, spelling: str) -> None:
            flags = frozenset({Flag(spelling)})
            writer.store_flags(inbox, [Uid(uid)], FlagChange.ADD, flags)

        def fails(writer: MailWriter) -> None:
            add(writer, 1, "$LATER")
            raise NotPermitted("after all")

        with pytest.raises(NotPermitted):
            await store.mail.write(fails)
        for uid, spelling in enumerate(("$Later", "$LATER", "$Later"), 1):
            await store.mail.write(lambda w, uid=uid, spelling=spelling: add(w, uid, spelling))  # type: ignore[misc]
        shot = await store.mail.read(lambda reader: reader.snapshot(inbox))
        assert set(shot.flags) == {frozenset({"$Later"})}


async def test_sets_are_made_once_after_a_restart(tmp_path: Path) -> None:
    async def flag(mail: Mail, inbox: MailboxId, flags: FlagSet) -> None:
        await mail.write(lambda w: w.store_flags(inbox, [Uid(1)], FlagChange.REPLACE, flags))

    for _ in range(3):
        store = open_store(tmp_path)
        try:
            inbox = await _filled(store, 1)
            for flags in (frozenset({SEEN}), frozenset({FLAGGED}), frozenset({SEEN, FLAGGED})):
                await flag(store.mail, inbox, flags)
            made = await _sets(store)
        finally:
            store.close()
    assert sorted(made) == sorted({"", "\\Seen", "\\Flagged", "\\Flagged \\Seen"})


async def test_a_store_made_before_keeps_its_places_and_sets(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    try:
        inbox = await _filled(store, 1_000)
        some = [Uid(uid) for uid in range(5, 900, 7)]
        await store.mail.write(
            lambda w: w.store_flags(inbox, some, FlagChange.ADD, frozenset({SEEN, Flag("$k")}))
        )
        await store.mail.write(lambda w: w.create(MailboxName("b")))
        await store.mail.write(lambda w: w.move(inbox, some[:50], MailboxName("b")))
        boxes = [inbox, (await store.mail.read(lambda r: r.mailbox(MailboxName("b")))).id]
        before = [await store.mail.read(lambda r, box=box: r.snapshot(box)) for box in boxes]  # type: ignore[misc]
    finally:
        store.close()
    _as_before(tmp_path)

    store = open_store(tmp_path)
    try:
        after = [await store.mail.read(lambda r, box=box: r.snapshot(box)) for box in boxes]  # type: ignore[misc]
        assert after == before
        made = await _sets(store)
        await store.mail.write(
            lambda w: w.store_flags(inbox, some, FlagChange.REMOVE, frozenset({SEEN}))
        )
        assert await _sets(store) == [*made, "$k"]
    finally:
        store.close()
    assert check_store(tmp_path, STORE_KEY, Clock()).findings == []


@pytest.mark.parametrize(
    "damage",
    [
        "uids = substr(uids, 1, 4)",
        "uids = CAST(uids || x'0100000001000000' AS BLOB)",
        "messages = x''",
        "messages = CAST(substr(messages, 1, 8) || x'ffffffffffffff7f' AS BLOB)",
        "modseqs = substr(modseqs, 1, 80)",
    ],
)
async def test_a_segment_whose_runs_are_damaged_comes_back_from_the_journal(
    tmp_path: Path, damage: str
) -> None:
    store = open_store(tmp_path)
    try:
        inbox = await _filled(store, 400)
        before = await store.mail.read(lambda reader: reader.snapshot(inbox))
        await store.mail.write_with(
            lambda _writer, connection: connection.exec_driver_sql(
                f"UPDATE segment SET {damage} WHERE entries = 320"
            ).close()
        )
    finally:
        store.close()
    found = check_store(tmp_path, STORE_KEY, Clock(), repair=True).findings
    assert Damage.SEGMENT in {each.damage for each in found}
    assert check_store(tmp_path, STORE_KEY, Clock()).findings == []

    store = open_store(tmp_path)
    try:
        after = await store.mail.read(lambda reader: reader.snapshot(inbox))
        assert list(after.uids) == list(before.uids)
        assert list(after.messages) == list(before.messages)
    finally:
        store.close()


def _as_before(folder: Path) -> None:
    """Let the store be one of revision 0033, from the same rows."""
    engine = writer_engine(folder / "mail.db", STORE_KEY)
    other = writer_engine(folder / "old.db", STORE_KEY)
    with engine.begin() as connection, other.begin() as old:
        migrate(old, MIGRATIONS, "0033")
        shapes: dict[str, str] = dict(
            old.exec_driver_sql(
                "SELECT name, sql FROM sqlite_master"
                " WHERE name IN ('flag_set', 'segment', 'segment_place')"
            ).all()
        )
        for table in ("flag_set", "segment"):
            rows = connection.exec_driver_sql(f"SELECT * FROM {table}").all()
            connection.exec_driver_sql(f"DROP TABLE {table}")
            connection.exec_driver_sql(shapes[table])
            for row in rows:
                marks = ", ".join("?" * len(row))
                plain = tuple(row) if table == "flag_set" else _plain(tuple(row))
                connection.exec_driver_sql(f"INSERT INTO {table} VALUES ({marks})", plain)
        connection.exec_driver_sql(shapes["segment_place"])
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0033'")
    engine.dispose()
    other.dispose()
    (folder / "old.db").unlink()


def _plain(row: tuple[object, ...]) -> tuple[object, ...]:
    """A row of segment whose columns are all numbers as they are."""
    *head, uids, modseqs, flag_sets, messages = row
    size = len(modseqs) // 8  # type: ignore[arg-type]
    numbers = unpack_runs("I", uids, size), unpack_runs("Q", messages, size)  # type: ignore[arg-type]
    return (*head, pack(numbers[0]), modseqs, flag_sets, pack(numbers[1]))


@pytest.mark.parametrize(
    "flags",
    [
        (),
        ("Blue",),
        ("blue", "\\seen"),
        ("Blue", "\\Seen", "\\Recent"),
        ("\\Recent",),
        ("Blue", "Green"),
        ("blue", "Blue"),
    ],
)
async def test_flags_are_spelled_as_they_are_kept_whether_they_were_met_before_or_not(
    flags: tuple[str, ...],
) -> None:
    asked = FlagSet(map(Flag, flags))

    def spelled(_writer: Writer, connection: sa.Connection) -> FlagSet:
        return FlagSetWriter(connection, KnownSets()).canonical(asked)

    with memory_store() as store:
        inbox = await _filled(store, 1)
        first = frozenset({Flag("Blue"), SEEN})
        await store.mail.write(lambda tx: tx.store_flags(inbox, [Uid(1)], FlagChange.ADD, first))
        met = await store.mail.write_with(lambda writer, _: writer.keepable(asked))

        assert met == await store.mail.write_with(spelled)
        assert {Flag("Blue"), SEEN} >= met - {Flag("Green")}
