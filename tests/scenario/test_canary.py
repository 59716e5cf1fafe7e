"""A marked message crosses three domains: nobody but its readers may hold a mark, in any form."""

import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest
from google.protobuf.message import Message

from gateway.demo.world import Side
from mx_core.mail_programs.mail_settings import MailSettings
from mx_core.model.address import Address
from mx_core.model.errors import MailError
from mx_core.passport.card import Card
from mx_core.proto.client_pb2 import SubmitRequest
from mx_core.proto.federation_pb2 import Batch, Item, LookUpReply, LookUpRequest
from tests.support.canary import Marks, files_holding, marks_found, planted
from tests.support.clients import messages, smtp, wait_until
from tests.support.worlds import TestedWorld

pytestmark = pytest.mark.fleet

SUBJECT, BODY, FILE_NAME, FILE = (
    b"kumquat7subject",
    b"kumquat7body",
    b"kumquat7name",
    b"kumquat7file",
)
DISPLAY_NAME = b"kumquat7display"
CC, BCC = b"kumquat7cc", b"kumquat7bcc"
IN_THE_MESSAGE = (SUBJECT, BODY, FILE_NAME, FILE, DISPLAY_NAME)
PEOPLE = (CC, BCC)
ALL = (*IN_THE_MESSAGE, *PEOPLE)
DOMAIN_OF_PEOPLE = "c.example"
_BIG = 300 * 1024  # more than a body inside an item may have: this one is a blob


class Story:
    """A small and a large message from alice to bob, with Cc and Bcc to people of c.example.

    The large one waits at a.example for a while, because c.example is away; what could be
    found there meanwhile is kept.  All processes have ended after ``play``.
    """

    def __init__(self, world: TestedWorld) -> None:
        self.world = world
        self.cc = world.add_person(self.c, CC.decode())
        self.bcc = world.add_person(self.c, BCC.decode())
        self.received: dict[str, bytes] = {}
        self.waiting_files: dict[Path, Marks] = {}
        self.waiting_cells: dict[str, Marks] = {}
        self.waiting_blobs: list[Path] = []

    @property
    def c(self) -> Side:
        return self.world.sides[2]

    def play(self) -> None:
        world, home = self.world, self.world.alice.home_dir
        self._write(100)
        self._wait_for(1, world.bob.known, self.cc, self.bcc)
        wait_until(self._is_settled)
        self.c.home.stop()
        self._write(_BIG)
        self._wait_for(2, world.bob.known)
        wait_until(lambda: _rows(home / "home.sqlite", "outgoing") == len(PEOPLE))
        self.waiting_files = in_files(world.directory, ALL)
        self.waiting_cells = in_cells(home / "home.sqlite", ALL)
        self.waiting_blobs = list((home / "blobs").rglob("*"))
        self.c.home.start()
        self._wait_for(2, self.cc, self.bcc)
        wait_until(self._is_settled)
        for reader in (world.bob.known, self.cc, self.bcc):
            self.received[reader.address] = b"".join(self._came(reader))
        world.close()

    def _write(self, attached: int) -> None:
        message = EmailMessage()
        message["From"] = self.world.alice.address
        message["To"] = f"{DISPLAY_NAME.decode()} <{self.world.bob.address}>"
        message["Cc"] = self.cc.address
        message["Bcc"] = self.bcc.address
        message["Subject"] = f"about {SUBJECT.decode()}"
        message.set_content(f"{BODY.decode()}\n")
        message.add_attachment(
            ((FILE + b" ") * (attached // len(FILE) + 1)).decode(), filename=FILE_NAME.decode()
        )
        recipients = [self.world.bob.address, self.cc.address, self.bcc.address]
        with smtp(self.world.alice.known) as client:
            client.sendmail(self.world.alice.address, recipients, message.as_bytes(policy=SMTP))

    def _wait_for(self, count: int, *readers: MailSettings) -> None:
        for reader in readers:
            wait_until(lambda reader=reader: len(self._came(reader)) >= count)  # type: ignore[misc]  # bound now

    def _came(self, reader: MailSettings) -> list[bytes]:
        """Return what alice wrote; those of c.example do not know her."""
        known = reader.address == self.world.bob.address
        return messages(reader, "INBOX" if known else "Requests")

    def _is_settled(self) -> bool:
        return not self.world.status(self.world.alice)["accounts"][0]["outbox"]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    cast = (("alice", "a.example"), ("bob", "b.example"), ("carol", DOMAIN_OF_PEOPLE))
    with TestedWorld(
        tmp_path_factory.mktemp("canary"),
        cast=cast,
        log_level="debug",
        home_settings="[log]\nlevel = 'debug'\n",
        recorded=True,
    ) as world:
        told = Story(world)
        told.play()
        yield told


# ── where to look ────────────────────────────────────────────────────────────────────
def in_files(directory: Path, marks: Iterable[bytes]) -> dict[Path, Marks]:
    """Look through every file of every process: databases, logs, blobs, stores, keys."""
    roots = [path for path in directory.iterdir() if not path.name.startswith("rpc-")]
    return {
        path.relative_to(directory): found for path, found in files_holding(marks, roots).items()
    }


def in_cells(database: Path, marks: Iterable[bytes]) -> dict[str, Marks]:
    """Look through every row of a home server's database; a page can cut a mark in two."""
    wanted = tuple(marks)
    found: dict[str, Marks] = {}
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        for (table,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        ).fetchall():
            rows = connection.execute(f'SELECT * FROM "{table}"')
            names = [column[0] for column in rows.description]
            for row in rows:
                for name, cell in zip(names, row, strict=True):
                    octets = cell if isinstance(cell, bytes) else str(cell).encode()
                    for mark, forms in marks_found(octets, wanted).items():
                        place = dict(found.get(f"{table}.{name}", {}))
                        found[f"{table}.{name}"] = place | {mark: place.get(mark, set()) | forms}
    return found


def in_recording(folder: Path, mark: bytes, owner: str) -> dict[str, Marks]:
    """Look through what a server saw, less the routes, look-ups and card of *owner* alone."""
    found = {}
    for path in sorted(folder.glob("*.pb")):
        rest = without_own(path.name.split("-", 1)[1], path.read_bytes(), owner)
        if marks := marks_found(rest, [mark]):
            found[path.name] = marks
    return found


def without_own(name: str, octets: bytes, owner: str) -> bytes:
    """Return a recorded message less the one thing in it that may name *owner*."""
    if name.startswith("Submit-in"):
        submitted = SubmitRequest.FromString(octets)
        _blank_route(submitted.item, owner)
        return submitted.SerializeToString()
    if name.startswith("DeliverBatch-in"):
        batch = Batch.FromString(octets)
        for item in batch.items:
            _blank_route(item, owner)
        return batch.SerializeToString()
    if name.startswith("LookUp-in"):
        asked = LookUpRequest.FromString(octets)
        if asked.address == owner:
            asked.address = ""
        return asked.SerializeToString()
    if name.startswith("LookUp-out"):
        told = LookUpReply.FromString(octets)
        if _address_of(told.card) == owner:
            told.card = b""
        return told.SerializeToString()
    return octets


def _blank_route(item: Item, owner: str) -> None:
    if item.route == owner.encode():
        item.route = b""


def _address_of(card: bytes) -> str:
    try:
        return str(Card.decode(card).address)
    except MailError:
        return ""


def owner_of(mark: bytes) -> str:
    """Return whose own item may show *mark*; nobody's if it stands in the message."""
    return str(Address.parse(f"{mark.decode()}@{DOMAIN_OF_PEOPLE}")) if mark in PEOPLE else ""


def _rows(database: Path, table: str) -> int:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


# ── what must hold ───────────────────────────────────────────────────────────────────
def test_the_readers_have_every_mark_that_was_meant_for_them(story: Story) -> None:
    """Canary, before anything else: the marks did travel, and Bcc is told to nobody."""
    for octets in story.received.values():
        assert set(marks_found(octets, ALL)) == {*IN_THE_MESSAGE, CC}


def test_while_mail_waits_only_its_own_route_names_a_person(story: Story) -> None:
    """Canary: what a.example holds of mail that waits is ciphertext and the route of each item."""
    assert {place: set(found) for place, found in story.waiting_cells.items()} == {
        "outgoing.route": set(PEOPLE)
    }
    assert story.waiting_blobs != []
    databases = {Path("home-a.example"), Path("home-c.example")}
    assert {path.parent for path in story.waiting_files} == databases
    assert {path.name.partition("-")[0] for path in story.waiting_files} == {"home.sqlite"}
    assert {mark for found in story.waiting_files.values() for mark in found} == set(PEOPLE)


def test_after_delivery_no_file_of_any_process_holds_a_mark(story: Story) -> None:
    """Canary: no home-server database, DEBUG log, blob or local store file.

    c.example knows the people of c.example: mailbox, passport, attestation, invite, and its log.
    """
    found = in_files(story.world.directory, ALL)

    assert {path.parent for path in found} == {Path("home-c.example")}
    assert {path.name.partition("-")[0] for path in found} == {"home.sqlite"}
    for side in story.world.sides:
        cells = in_cells(side.home_dir / "home.sqlite", ALL)
        own = {"mailbox.address", "entry.octets", "attestation.octets", "invite.local"}
        own |= {"log_record.binding", "log_record.address"}
        own |= {"log_name.address"}
        assert set(cells) == (own if side is story.c else set())
        assert {mark for marks in cells.values() for mark in marks} <= set(PEOPLE)


def test_no_server_saw_a_mark_but_the_route_of_a_persons_own_item(story: Story) -> None:
    """Canary: every decrypted gRPC message inside the servers, less that route and look-up."""
    for side in story.world.sides[:2]:
        folder = story.world.recording(side)
        assert len(list(folder.glob("*.pb"))) > 20
        for mark in ALL:
            assert in_recording(folder, mark, owner_of(mark)) == {}, side.domain
    for mark in IN_THE_MESSAGE:
        assert in_recording(story.world.recording(story.c), mark, "") == {}
    # b.example has nothing to do with the people of c.example
    for mark in PEOPLE:
        assert in_recording(story.world.recording(story.world.bob), mark, "") == {}


# ── the control ──────────────────────────────────────────────────────────────────────
def test_a_planted_mark_is_found_in_every_place_and_form(story: Story, tmp_path: Path) -> None:
    """Canary's control run: the same search finds what is planted in each place it looks at."""
    copy = tmp_path / "world"
    shutil.copytree(story.world.directory, copy, ignore=shutil.ignore_patterns("*.sock"))
    # a mark of its own for each form, so that one search tells them apart
    forms = list(planted(b"x"))
    mark_of = {form: b"papaya%dplanted" % n for n, form in enumerate(forms)}
    text = b"\n".join(planted(mark)[form] for form, mark in mark_of.items())
    account = next((copy / "alice" / "data" / "accounts").iterdir())
    places = [
        copy / "home-a.example.log",
        copy / "gateway-alice.log",
        copy / "home-a.example" / "blobs" / "planted",
        account / "bodies" / "planted",
        account / "mail.db",
        copy / "alice" / "data" / "planted",
    ]
    for place in places:
        place.parent.mkdir(exist_ok=True)
        with place.open("ab") as file:
            file.write(text)
    database = copy / "home-b.example" / "home.sqlite"
    _plant_in_row(database, text)
    with closing(sqlite3.connect(copy / "home-a.example" / "home.sqlite")) as unfinished:
        # committed, and not yet moved out of the write-ahead log
        assert unfinished.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        unfinished.execute("PRAGMA wal_autocheckpoint = 0")
        unfinished.execute("INSERT INTO known_domain VALUES ('planted', ?)", (text,))
        unfinished.commit()
        found = in_files(copy, mark_of.values())

    places += [database, copy / "home-a.example" / "home.sqlite-wal"]
    assert set(found) == {place.relative_to(copy) for place in places}
    for marks in found.values():
        assert all(form in marks[mark] for form, mark in mark_of.items())
    assert set(in_cells(database, mark_of.values())) == {"known_domain.octets"}


def _plant_in_row(database: Path, text: bytes) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("INSERT INTO known_domain VALUES ('planted', ?)", (text,))
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@pytest.mark.parametrize("form", list(planted(b"x")))
def test_a_planted_mark_is_found_in_what_a_server_saw(form: str, tmp_path: Path) -> None:
    """Canary's control run: in each field, and also where the owner's own route is allowed."""
    text, owner = planted(CC)[form], owner_of(CC)
    own = Item(route=owner.encode())
    recorded: list[tuple[str, Message]] = [
        ("Submit", SubmitRequest(item=Item(route=own.route, envelope=text))),
        ("Submit", SubmitRequest(item=Item(route=own.route, body=text))),
        ("Submit", SubmitRequest(item=Item(route=own.route, token=text))),
        ("Submit", SubmitRequest(item=Item(route=text))),
        ("DeliverBatch", Batch(items=[own, Item(route=own.route + text)])),
        ("DeliverBatch", Batch(items=[own], batch_id=text)),
        ("LookUp", LookUpReply(card=text)),
        ("PutBlob", Item(body=text)),
    ]
    for n, (method, message) in enumerate(recorded):
        way = "out" if isinstance(message, LookUpReply) else "in"
        (tmp_path / f"{n:06}-{method}-{way}-1.pb").write_bytes(message.SerializeToString())
    (tmp_path / "000099-Submit-in-1.pb").write_bytes(SubmitRequest(item=own).SerializeToString())

    found = in_recording(tmp_path, CC, owner)

    assert len(found) == len(recorded)
    assert all(form in marks[CC] for marks in found.values())
