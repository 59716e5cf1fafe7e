"""Backups are made when they are due, open with the sheet, and their absence is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.own.identity import OwnIdentity
from gateway.recovery.backup_file import unpack
from gateway.recovery.backups import DAY_SECONDS, KEPT, Backups
from mx_core.model.errors import NotPermitted, Refused
from mx_core.model.mailbox_name import INBOX
from mx_core.model.secret import Secret
from mx_core.recovery.sheet import Sheet
from mx_core.store.account_store import AccountStore
from mx_core.store.own.keys import OwnKey
from tests.support.people import NOW, make_person
from tests.support.stores import Clock, form_of, open_store

pytestmark = pytest.mark.anyio


@dataclass
class Room:
    store: AccountStore
    backups: Backups
    clock: Clock
    sheet: Sheet
    folder: Path

    async def notes(self) -> int:
        boxes = await self.store.mail.read(lambda reader: reader.mailboxes())
        return next(box.messages for box in boxes if box.name == INBOX)

    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    alice, clock, sheet = make_person(), Clock(NOW), Sheet.new()
    store = open_store(tmp_path / "account", clock)
    own = OwnIdentity(alice.state, alice.first.id, Secret(alice.first.key), store, clock)
    folder = tmp_path / "disk"
    folder.mkdir()
    yield Room(store, Backups(store, own), clock, sheet, folder)
    store.close()


async def know(room: Room) -> None:
    await room.store.keys.put(OwnKey.BACKUP_PUBLIC, Secret(room.sheet.backup_secret.public))


async def test_a_backup_opens_with_the_sheet_and_no_clear_text_stands_in_it(room: Room) -> None:
    await know(room)
    octets = b"Subject: papaya\r\n\r\n" + b"papaya " * 50_000
    form = form_of(octets)
    await room.store.mail.write(
        lambda writer: writer.append(writer.mailbox(INBOX).id, octets, form, frozenset())
    )
    made = await room.backups.make(room.folder / "one")
    manifest = unpack(room.folder / "one", room.sheet, room.folder / "out")

    assert made["octets"] == (room.folder / "one").stat().st_size
    assert b"papaya" not in (room.folder / "one").read_bytes()
    assert (str(manifest.address), len(manifest.bodies)) == ("alice@a.example", 1)
    assert (room.folder / "one").stat().st_mode & 0o777 == 0o600
    assert not (room.store.folder / "backup").exists()


async def test_a_file_that_is_there_is_never_written_over(room: Room) -> None:
    await know(room)
    (room.folder / "one").write_bytes(b"mine")
    with pytest.raises(Refused, match="exists already"):
        await room.backups.make(room.folder / "one")

    assert (room.folder / "one").read_bytes() == b"mine"


async def test_an_account_without_a_known_sheet_says_how_it_becomes_known(room: Room) -> None:
    with pytest.raises(NotPermitted, match="backup --sheet"):
        await room.backups.make(room.folder / "one")
    with pytest.raises(Refused, match="not the present"):
        await room.backups.know_sheet(room.sheet.words)

    assert not (await room.backups.state())["possible"]


async def test_the_sheet_of_the_passport_makes_backups_possible(tmp_path: Path) -> None:
    alice = make_person()
    sheet = Sheet(Secret(bytes(alice.recovery)))
    store = open_store(tmp_path, Clock(NOW))
    try:
        own = OwnIdentity(alice.state, alice.first.id, Secret(alice.first.key), store, Clock(NOW))
        backups = Backups(store, own)
        await backups.know_sheet(sheet.words)
        possible = (await backups.state())["possible"]
    finally:
        store.close()

    assert possible


async def test_one_is_made_each_day_and_the_newest_seven_are_kept(room: Room) -> None:
    await know(room)
    (room.folder / "holiday.mxbackup").write_bytes(b"not ours")
    await room.backups.make_daily(str(room.folder))
    for _ in range(KEPT + 2):
        await room.backups.look()
        await room.backups.look()
        room.clock.at += DAY_SECONDS

    files = room.files()
    assert len(files) == KEPT + 1
    assert "holiday.mxbackup" in files
    assert await room.notes() == 0


async def test_after_a_week_without_one_a_warning_comes_once_a_week(room: Room) -> None:
    await know(room)
    await room.backups.look()
    told = []
    for _ in range(15):
        room.clock.at += DAY_SECONDS
        await room.backups.look()
        told.append(await room.notes())

    assert told == [0] * 6 + [1] * 7 + [2] * 2


async def test_a_folder_that_is_gone_is_told_and_tried_again(room: Room) -> None:
    await know(room)
    await room.backups.make_daily(str(room.folder))
    room.folder.rename(room.folder.with_name("away"))
    await room.backups.look()
    trouble = (await room.backups.state())["trouble"]
    room.folder.with_name("away").rename(room.folder)
    await room.backups.look()

    assert "cannot be written" in trouble
    assert (await room.backups.state())["trouble"] == ""
    assert len(room.files()) == 1


async def test_a_daily_folder_must_be_there(room: Room) -> None:
    with pytest.raises(Refused, match="no folder"):
        await room.backups.make_daily(str(room.folder / "nowhere"))
