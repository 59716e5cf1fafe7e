"""A backup is whole or it is refused; a restored folder starts or says why not."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import tempfile
import time
from pathlib import Path

import pytest

from mx_core.db.driver import PAGE_OCTETS
from mx_core.homeserver.config import FILE_NAME, KEY_FILE_NAME, ROLE_KEY_FILE_NAME
from mx_core.homeserver.domain import domain_key
from mx_core.homeserver.domain.domain_key import AlreadyThere
from mx_core.homeserver.mailboxes import appending
from mx_core.homeserver.mailboxes.deliveries import Envelope
from mx_core.homeserver.opening import open_database
from mx_core.homeserver.operating import backup
from mx_core.homeserver.operating.backup import DATABASE_NAME
from mx_core.homeserver.schema import DELIVERY
from mx_core.homeserver.storage import bodies
from mx_core.homeserver.storage.bodies import Body
from mx_core.homeserver.storage.chosen import BLOBS_NAME
from mx_core.homeserver.storage.depot import first_place, new_place
from mx_core.homeserver.storage.files import Files
from mx_core.model.errors import Refused, StoreDamaged
from mx_core.notation.hashing import b2_plain
from tests.support.home_rows import add_member

BODY = b"MXB1" + os.urandom(100_000)
NAME = b2_plain(BODY).hex()
PLACE = new_place(b2_plain(BODY))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with one person for whom one large message waits."""
    folder = tmp_path / "home"
    path = folder / BLOBS_NAME / PLACE
    path.parent.mkdir(parents=True)
    path.write_bytes(BODY)
    domain_key.make(folder / KEY_FILE_NAME)
    domain_key.make(folder / ROLE_KEY_FILE_NAME)
    (folder / FILE_NAME).write_text('domain = "b.example"\n')
    database = open_database(folder)
    bob = add_member(database, "bob@b.example")
    what = Envelope(
        env_id=bytes(32),
        peer_domain="a.example",
        envelope=b"MXE1",
        body=Body(None, bytes.fromhex(NAME), len(BODY)),
        deliver_by=int(time.time()) + 86_400,
        token=b"",
    )
    database.write_at_start(lambda tx: bodies.add(tx, bytes.fromhex(NAME), len(BODY), PLACE, 0.0))
    database.write_at_start(
        lambda tx: appending.append(tx, [appending.row_of(tx, bob.mailbox_id, what)])
    )
    database.close()
    return folder


@pytest.fixture
def copy(home: Path, tmp_path: Path) -> Path:
    to = tmp_path / "copy"
    backup.begin(home, to)
    database = open_database(home)
    named = asyncio.run(database.read(lambda tx: backup.copy_database(tx, to)))
    database.close()
    assert asyncio.run(backup.copy_rest(home, Files(home / BLOBS_NAME), to, named)) == 1
    return to


def test_a_restored_home_has_the_people_the_mail_the_key_and_the_bodies(
    home: Path, copy: Path, tmp_path: Path
) -> None:
    new = tmp_path / "new"

    assert asyncio.run(backup.restore(copy, new)) == 1

    assert (new / BLOBS_NAME / PLACE).read_bytes() == BODY
    for name in (KEY_FILE_NAME, ROLE_KEY_FILE_NAME, FILE_NAME):
        assert (new / name).read_bytes() == (home / name).read_bytes()
    assert new.stat().st_mode & 0o777 == 0o700
    assert (new / KEY_FILE_NAME).stat().st_mode & 0o777 == 0o600
    database = open_database(new)
    boxes = database.write_at_start(lambda tx: appending.boxes(tx, ["bob@b.example"]))
    database.close()
    assert boxes["bob@b.example"].held_octets == 4 + len(BODY)


def test_no_sequence_is_given_twice_after_a_restore(copy: Path, tmp_path: Path) -> None:
    """What was given out after the backup was acked by its number."""
    asyncio.run(backup.restore(copy, tmp_path / "new"))
    with sqlite3.connect(tmp_path / "new" / DATABASE_NAME) as rows:
        [following] = rows.execute("SELECT next_sequence FROM mailbox").fetchone()

    assert following > 1 << 32


def test_neither_a_home_nor_its_backup_holds_what_was_deleted(home: Path, tmp_path: Path) -> None:
    """Not in pages that fell free either: the route of a message says who wrote to whom."""
    mark = b"a canary in an envelope that nobody waits for any more"
    database = open_database(home)
    boxes = database.write_at_start(lambda tx: appending.boxes(tx, ["bob@b.example"]))
    what = Envelope(
        env_id=b"\1" * 32,
        peer_domain="a.example",
        envelope=b"MXE1",
        body=Body.of(mark * 500),
        deliver_by=int(time.time()) + 86_400,
        token=b"",
    )
    bob = boxes["bob@b.example"].mailbox_id
    database.write_at_start(lambda tx: appending.append(tx, [appending.row_of(tx, bob, what)]))
    asyncio.run(database.truncate_log())
    assert mark in (home / DATABASE_NAME).read_bytes()
    database.write_at_start(lambda tx: tx.execute(DELIVERY.delete()))
    asyncio.run(database.truncate_log())
    assert mark not in (home / DATABASE_NAME).read_bytes()
    to = tmp_path / "copy"
    backup.begin(home, to)

    asyncio.run(database.read(lambda tx: backup.copy_database(tx, to)))
    database.close()

    assert mark not in (to / DATABASE_NAME).read_bytes()


def test_a_home_whose_pages_were_longer_has_those_of_now_when_it_is_restored(
    home: Path, tmp_path: Path
) -> None:
    with contextlib.closing(sqlite3.connect(home / DATABASE_NAME)) as rows:
        rows.execute("PRAGMA journal_mode = DELETE")
        rows.execute(f"PRAGMA page_size = {4 * PAGE_OCTETS}")
        rows.execute("VACUUM")
    to, new = tmp_path / "copy", tmp_path / "new"
    backup.begin(home, to)
    database = open_database(home)
    named = asyncio.run(database.read(lambda tx: backup.copy_database(tx, to)))
    database.close()
    asyncio.run(backup.copy_rest(home, Files(home / BLOBS_NAME), to, named))

    asyncio.run(backup.restore(to, new))

    lengths = []
    for folder in (home, new):
        with contextlib.closing(sqlite3.connect(folder / DATABASE_NAME)) as rows:
            lengths.append(rows.execute("PRAGMA page_size").fetchone()[0])
            assert rows.execute("SELECT count(*) FROM delivery").fetchone() == (1,)
    assert lengths == [4 * PAGE_OCTETS, PAGE_OCTETS]


def test_a_backup_is_a_new_folder_outside_the_home(home: Path, copy: Path) -> None:
    with pytest.raises(AlreadyThere):
        backup.begin(home, copy)
    for inside in (home / "copy", home / "blobs" / "copy", home / "backups"):
        with pytest.raises(Refused, match="inside"):
            backup.begin(home, inside)


def test_a_server_that_can_write_nowhere_else_backs_up_into_a_folder_of_its_own(
    home: Path,
) -> None:
    backup.begin(home, home / "backups" / "today")

    assert (home / "backups" / "today").is_dir()


def test_a_folder_that_can_not_be_made_is_told_with_one_that_can(
    home: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(Refused, match=f"cannot be made.*{home / 'backups' / 'today'}"):
        backup.begin(home, tmp_path / "file" / "today")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_a_folder_that_the_server_may_not_even_look_into_is_told(home: Path) -> None:
    with tempfile.TemporaryDirectory() as closed:  # for its maker alone
        os.seteuid(4_711)
        try:
            with pytest.raises(Refused, match="cannot be made by the server: Permission denied"):
                backup.begin(home, Path(closed) / "today")
        finally:
            os.seteuid(0)


@pytest.mark.parametrize("name", [DATABASE_NAME, KEY_FILE_NAME, ROLE_KEY_FILE_NAME, FILE_NAME])
def test_a_backup_that_broke_off_is_refused_before_anything_is_made(
    copy: Path, tmp_path: Path, name: str
) -> None:
    (copy / name).unlink()

    with pytest.raises(Refused, match=name):
        asyncio.run(backup.restore(copy, tmp_path / "new"))
    assert not (tmp_path / "new").exists()


def test_a_folder_that_holds_something_is_left_alone(home: Path, copy: Path) -> None:
    with pytest.raises(AlreadyThere):
        asyncio.run(backup.restore(copy, home))


def test_a_damaged_backup_gives_no_home_that_starts(copy: Path, tmp_path: Path) -> None:
    octets = bytearray((copy / DATABASE_NAME).read_bytes())
    octets[16_384:] = os.urandom(len(octets) - 16_384)
    (copy / DATABASE_NAME).write_bytes(octets)

    with pytest.raises(StoreDamaged):
        asyncio.run(backup.restore(copy, tmp_path / "new"))
    assert not (tmp_path / "new" / FILE_NAME).exists()


@pytest.mark.parametrize("octets", [None, b"short"])
def test_a_body_that_is_missing_or_short_is_told(
    copy: Path, tmp_path: Path, octets: bytes | None
) -> None:
    path = copy / BLOBS_NAME / PLACE
    path.unlink()
    if octets is not None:
        path.write_bytes(octets)

    with pytest.raises(StoreDamaged, match=NAME[:16]):
        asyncio.run(backup.restore(copy, tmp_path / "new"))
    assert not (tmp_path / "new" / FILE_NAME).exists()


def test_a_backup_made_before_bodies_had_names_of_their_own_is_restored(
    copy: Path, tmp_path: Path
) -> None:
    place = first_place(bytes.fromhex(NAME))
    (copy / BLOBS_NAME / PLACE).rename(copy / BLOBS_NAME / place)
    with contextlib.closing(sqlite3.connect(copy / DATABASE_NAME, isolation_level=None)) as rows:
        rows.execute("DROP TABLE meeting")  # it came later still
        rows.execute("ALTER TABLE blob DROP COLUMN place")
        rows.execute("UPDATE alembic_version SET version_num = '0010'")

    assert asyncio.run(backup.restore(copy, tmp_path / "new")) == 1

    database = open_database(tmp_path / "new")
    assert asyncio.run(database.read(bodies.known)) == {place}
    database.close()


def test_bodies_are_restored_into_the_folder_that_the_configuration_names(
    copy: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    (copy / FILE_NAME).write_text(f'domain = "b.example"\n[storage]\nblobs = "{elsewhere}"\n')

    assert asyncio.run(backup.restore(copy, tmp_path / "new")) == 1

    assert (elsewhere / PLACE).read_bytes() == BODY
