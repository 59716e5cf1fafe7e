"""Ids of messages and bodies: what may come again and what never does; several stored at once."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import example, given
from hypothesis import strategies as st

from mx_core.db.migrate import migrate
from mx_core.mime.field_match import claims_status
from mx_core.mime.prepare import prepare
from mx_core.model.errors import OverQuota
from mx_core.model.flags import DELETED, SEEN
from mx_core.model.ids import MailboxId
from mx_core.model.mailbox_name import INBOX
from mx_core.ports import MailWriter, NewMail
from mx_core.store.account_store import AccountStore
from mx_core.store.bodies.body import FIRST_OCTETS_MAX
from mx_core.store.mail.message import may_claim_status
from tests.support.stores import START, Clock, form_of, open_store

pytestmark = pytest.mark.anyio


async def inbox_of(store: AccountStore) -> MailboxId:
    return (await store.mail.read(lambda reader: reader.mailbox(INBOX))).id


async def test_the_id_of_the_newest_message_never_comes_again(tmp_path: Path) -> None:
    """What is kept in memory and in the search index goes by these ids."""
    clock = Clock()
    store = open_store(tmp_path, clock)
    inbox = await inbox_of(store)

    async def append() -> int:
        await store.mail.write(lambda w: w.append(inbox, b"x", form_of(b"x"), frozenset({DELETED})))
        return (await store.mail.read(lambda reader: reader.snapshot(inbox))).messages[-1]

    first = await append()
    await store.mail.write(lambda writer: writer.expunge(inbox))
    clock.at += 120
    await store.mail.sweep()
    store.close()
    store = open_store(tmp_path, clock)
    second = await append()
    store.close()

    assert second > first


def test_an_older_store_keeps_its_octets_and_goes_on_counting() -> None:
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        ask = connection.exec_driver_sql
        migrate(connection, "mx_core.store.migrations", "0010")
        ask("INSERT INTO clock VALUES (1, x'00', 5, 1, 3, 9)")
        ask("INSERT INTO body (id, size, octets) VALUES (3, 4, x'01020304')")
        ask("INSERT INTO body (id, size, file, key) VALUES (8, 100000, x'aa', x'bb')")
        for message, body in ((7, 3), (9, 8)):
            ask("INSERT INTO message VALUES (?, x'01', ?, 4, 5, 1)", (message, body))
        ask("DELETE FROM message WHERE id = 9")
        migrate(connection, "mx_core.store.migrations", "0011")

        assert ask("SELECT newest_message, modseq, hybrid FROM clock").one() == (9, 5, 9)
        assert ask("SELECT * FROM message").all() == [(7, b"\1", 3, 4, 5, 1)]
        assert ask("SELECT id, size, octets, file, key FROM body ORDER BY id").all() == [
            (3, 4, b"\1\2\3\4", None, None),
            (8, 100_000, None, b"\xaa", b"\xbb"),
        ]


async def test_messages_stored_at_once_are_as_if_they_came_one_by_one(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    inbox = await inbox_of(store)
    octets = [b"Subject: %d\r\n\r\n" % n + b"x" * n * (FIRST_OCTETS_MAX // 2) for n in range(4)]
    new = [
        NewMail(each, prepare(each), frozenset({SEEN} if n % 2 else ()), n * 10 if n > 1 else None)
        for n, each in enumerate(octets)
    ]
    appended = await store.mail.write(lambda writer: writer.append_all(inbox, new))
    shot = await store.mail.read(lambda reader: reader.snapshot(inbox))

    assert [each.uid for each in appended] == list(shot.uids) == [1, 2, 3, 4]
    assert list(shot.flags) == [each.flags for each in new]
    read = [await store.mail.read(lambda r, m=m: r.octets(m)) for m in shot.messages]  # type: ignore[misc]  # bound now
    dates = await store.mail.read(lambda reader: reader.sizes_and_dates(shot.messages))
    store.close()
    assert read == octets
    assert dates == [(len(each), n * 10 if n > 1 else START) for n, each in enumerate(octets)]


async def test_of_messages_stored_at_once_all_are_there_or_none(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    inbox = await inbox_of(store)
    large = b"x" * (FIRST_OCTETS_MAX + 1)
    new = [NewMail(each, form_of(each), frozenset()) for each in (b"a", large, b"c")]

    def job(writer: MailWriter) -> None:
        writer.append_all(inbox, new)
        raise OverQuota("no room")

    with pytest.raises(OverQuota):
        await store.mail.write(job)
    box = await store.mail.read(lambda reader: reader.mailbox(INBOX))
    files = list((tmp_path / "bodies").iterdir())
    store.close()

    assert (box.messages, box.uid_next, files) == (0, 1, [])


PIECES = st.sampled_from(
    [
        b"mx-status", b"MX-Status", b"MX-STATUS-other", b"mx-", b"status", b"Subject", b":", b" :",
        b" ", b"\t", b"\r\n", b"\n", b"\r", b"\0", b"\xef\xbb\xbf", b"From x@y.example", b"x", b"--b",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n", b"x" * 1_000,
    ]
)  # fmt: skip


@given(octets=st.lists(PIECES, max_size=10).map(b"".join))
@example(b"MX-Status: verified\r\n\r\n")
@example(b"mx-status-other \t:\n")
def test_what_claims_a_status_is_known_before_its_form_is_made(octets: bytes) -> None:
    if claims_status(prepare(octets)):
        assert may_claim_status(octets)


@pytest.mark.parametrize(
    ("octets", "may"),
    [
        (b"MX-STATUS: verified\r\n\r\n", True),
        (b"Subject: x\r\nMX-Status: verified\r\n\r\n", False),
        (b"Subject: x\r\n\r\nMX-Status: verified\r\n", False),
        (b"", False),
    ],
)
def test_a_status_is_claimed_by_how_a_message_begins(octets: bytes, may: bool) -> None:
    assert claims_status(prepare(octets)) is may_claim_status(octets) is may
