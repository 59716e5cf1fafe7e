"""Rows: strictly ordered whatever the clock does; numbers folded and unfolded."""

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mx_core.model.mailbox_name import MailboxName
from mx_core.notation import cbor
from mx_core.store.journal import row as journal_row
from mx_core.store.journal.row import Op
from tests.support.stores import START, Clock, form_of, open_store


def test_the_log_goes_on_when_the_clock_goes_back(tmp_path: Path) -> None:
    clock = Clock()

    async def story() -> list[tuple[int, int, bytes]]:
        store = open_store(tmp_path, clock)
        for step in (0, -86_400, 5):
            clock.at = START + step
            name = MailboxName(f"m{step}")
            await store.mail.write(lambda writer, name=name: writer.create(name))  # type: ignore[misc]  # bound now
        rows = await store._database.read(
            lambda connection: connection.exec_driver_sql(
                "SELECT device_seq, hybrid, change FROM journal ORDER BY device_seq"
            ).all()
        )
        store.close()
        return [(row[0], row[1], row[2]) for row in rows]

    rows = asyncio.run(story())
    assert [seq for seq, _, _ in rows] == list(range(1, len(rows) + 1))
    assert all(before[1] < after[1] for before, after in pairwise(rows))
    assert rows[-1][1] >> 16 == (START + 5) * 1000
    assert len({change for _, _, change in rows}) == len(rows)


@pytest.mark.anyio
async def test_a_job_that_fails_leaves_no_row(tmp_path: Path) -> None:
    store = open_store(tmp_path)

    def rows(connection: object) -> int:
        return int(connection.exec_driver_sql("SELECT count(*) FROM journal").scalar())  # type: ignore[attr-defined]  # a Connection

    before = await store._database.read(rows)
    with pytest.raises(ZeroDivisionError):
        await store.mail.write(lambda writer: (writer.create(MailboxName("x")), 1 // 0))

    assert await store._database.read(rows) == before
    store.close()


@pytest.mark.anyio
async def test_a_row_holds_no_octets_of_a_message(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    octets = b"Subject: secret-word\r\n\r\nsecret-word\r\n"
    await store.mail.write(
        lambda w: w.append(
            w.mailbox(MailboxName("Sent")).id, octets, form_of(octets), frozenset(), -5
        )
    )
    op, ids = await store._database.read(
        lambda connection: connection.exec_driver_sql(
            "SELECT op, ids FROM journal ORDER BY device_seq DESC LIMIT 1"
        ).one()
    )
    store.close()

    told = cbor.decode(ids)
    assert Op(op) is Op.ADDED
    assert isinstance(told, dict)
    assert told.keys() == {0, 1, 2, 3, 4}
    assert (told[0], told[2], told[3], told[4]) == ([1, 1], [[]], [0], 9)
    assert b"secret" not in ids


@given(st.lists(st.integers(1, 60), unique=True).map(sorted))
def test_ranges_unfold_to_what_they_were_made_of(uids: list[int]) -> None:
    spans = journal_row.ranges(uids)
    pairs = zip(spans[::2], spans[1::2], strict=True)

    assert [uid for first, last in pairs for uid in range(first, last + 1)] == uids  # type: ignore[arg-type, operator]  # integers


@given(st.integers(-(2**40), 2**40))
def test_a_signed_number_folds_into_an_unsigned_one(number: int) -> None:
    folded = journal_row.signed(number)

    assert folded >= 0
    assert (folded // 2 if folded % 2 == 0 else -(folded + 1) // 2) == number
