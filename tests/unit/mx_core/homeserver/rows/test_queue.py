"""Rows of the queue: what leaves is taken once, in one hand, and ends in one notice."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from msgspec.structs import replace

from mx_core.homeserver.mailboxes import appending, deliveries
from mx_core.homeserver.mailboxes.deliveries import Notice
from mx_core.homeserver.people.accounts import Member
from mx_core.homeserver.queue import keeping, outgoing, taking
from mx_core.homeserver.queue.outgoing import Leaving
from mx_core.homeserver.queue.retry import AsksPostage, Failed, Outcome, Relayed, TryAgain
from mx_core.homeserver.queue.taking import Taken
from mx_core.homeserver.schema import METADATA
from mx_core.homeserver.storage import bodies
from mx_core.homeserver.storage.bodies import Body
from tests.support.queue_rows import BLOB, DAY, NOW, PLACE, A, Do, held_by, leaving_of, sequences


def test_the_migrations_make_exactly_the_tables_that_the_code_names(do: Do[Any]) -> None:
    assert do(lambda tx: compare_metadata(MigrationContext.configure(tx), METADATA)) == []


# ── leaving ──────────────────────────────────────────────────────────────────────────
def _due(tx: sa.Connection, now: float = NOW) -> list[bytes]:
    rows = outgoing.due(tx, "c.example", now, longest_delay=4 * 3600.0, limit=10)
    return [row.env_id.rstrip(b"\0") for row in rows]


def test_a_submission_is_taken_once_even_after_it_has_left(do: Do[Any], bob: Member) -> None:
    leaving = leaving_of(bob, b"1")

    assert do(lambda tx: taking.submit(tx, [leaving])) == [Taken.NEW]
    assert do(lambda tx: taking.submit(tx, [leaving])) == [Taken.KNOWN]
    do(lambda tx: outgoing.record(tx, [(leaving, Relayed(), 0.0)], NOW))
    assert do(lambda tx: taking.submit(tx, [leaving])) == [Taken.KNOWN]
    assert do(_due) == []


def test_a_submission_ends_in_exactly_one_notice(do: Do[Any], bob: Member) -> None:
    leaving = leaving_of(bob, b"1")
    do(lambda tx: taking.submit(tx, [leaving]))
    result = (leaving, Failed("5.1.1", "No."), 0.0)

    assert do(lambda tx: outgoing.record(tx, [result], NOW)) == [(bob.mailbox_id, A)]
    assert do(lambda tx: outgoing.record(tx, [result], NOW)) == []
    [row] = do(lambda tx: deliveries.waiting(tx, bob.mailbox_id, A, 0, 10))
    assert row.what == Notice(A, leaving.env_id, False, "5.1.1", "No.")


def test_what_must_be_paid_for_goes_back_once_and_may_be_submitted_again(
    do: Do[Any], bob: Member
) -> None:
    leaving = leaving_of(bob, b"1")
    do(lambda tx: taking.submit(tx, [leaving]))
    asked = (leaving, AsksPostage(20), 0.0)

    assert do(lambda tx: outgoing.record(tx, [asked], NOW)) == [(bob.mailbox_id, A)]
    assert do(lambda tx: outgoing.record(tx, [asked], NOW)) == []
    [row] = do(lambda tx: deliveries.waiting(tx, bob.mailbox_id, A, 0, 10))
    assert isinstance(row.what, Notice)
    assert (row.what.relayed, row.what.status, row.what.postage_bits) == (False, "5.7.1", 20)

    paid = replace(leaving, postage=b"12345678")
    assert do(lambda tx: taking.submit(tx, [paid])) == [Taken.NEW]
    [waits] = do(lambda tx: outgoing.due(tx, "c.example", NOW, longest_delay=60.0, limit=9))
    assert waits == paid


def test_a_body_that_stays_is_kept_for_that_domain_alone_and_for_thirty_days(
    do: Do[Any], bob: Member
) -> None:
    small = leaving_of(bob, b"1")
    large = leaving_of(bob, b"2", Body(None, BLOB, 10))
    do(lambda tx: bodies.add(tx, BLOB, 10, PLACE, NOW))
    for what in (small, large):
        do(lambda tx, w=what: taking.submit(tx, [w]))  # type: ignore[misc]  # bound now
        do(lambda tx, w=what: outgoing.record(tx, [(w, Relayed(body_stays=True), 0.0)], NOW))  # type: ignore[misc]  # bound now
    end = NOW + keeping.KEEP_SECONDS

    for what in (small, large):
        name = keeping.body_name(what.body)
        assert do(lambda tx, n=name: keeping.find(tx, "c.example", n, end - 1)) == what.body  # type: ignore[misc]  # bound now
        assert do(lambda tx, n=name: keeping.find(tx, "d.example", n, end - 1)) is None  # type: ignore[misc]  # bound now
        assert do(lambda tx, n=name: keeping.find(tx, "c.example", n, end)) is None  # type: ignore[misc]  # bound now
    more = [leaving_of(bob, b"3"), leaving_of(bob, b"4")]  # what is kept counts as waiting
    assert do(lambda tx: taking.submit(tx, more, at_most=3)) == [Taken.NEW, Taken.NO_ROOM]
    assert do(lambda tx: keeping.forget_old(tx, end - 1)) == 0
    assert do(lambda tx: bodies.forget_unused(tx, end + DAY, 9)) == []
    assert do(lambda tx: keeping.forget_old(tx, end)) == 2
    assert do(lambda tx: bodies.forget_unused(tx, end + 1, 9)) == [PLACE]


def test_what_could_not_leave_waits_and_comes_again(do: Do[Any], bob: Member) -> None:
    leaving = leaving_of(bob, b"1")
    do(lambda tx: taking.submit(tx, [leaving]))
    do(lambda tx: outgoing.record(tx, [(leaving, TryAgain(0, "later"), NOW + 60.0)], NOW))

    assert do(lambda tx: _due(tx, NOW + 59)) == []
    assert do(lambda tx: _due(tx, NOW + 60)) == [b"1"]
    assert do(lambda tx: outgoing.next_due(tx, "c.example", NOW)) == NOW + 60.0
    [row] = do(
        lambda tx: outgoing.due(tx, "c.example", NOW + 60.0, longest_delay=4 * 3600.0, limit=9)
    )
    assert row.attempts == 1


def test_a_clock_that_jumped_back_a_year_does_not_hold_mail(do: Do[Any], bob: Member) -> None:
    leaving = leaving_of(bob, b"1")
    do(lambda tx: taking.submit(tx, [leaving]))
    do(lambda tx: outgoing.record(tx, [(leaving, TryAgain(0, "later"), NOW + 60.0)], NOW))

    assert do(lambda tx: _due(tx, NOW - 365 * DAY)) == [b"1"]


def test_everything_is_due_at_once_after_a_restart(do: Do[Any], bob: Member) -> None:
    leaving = leaving_of(bob, b"1")
    do(lambda tx: taking.submit(tx, [leaving]))
    do(lambda tx: outgoing.record(tx, [(leaving, TryAgain(0, "later"), NOW + 9999.0)], NOW))
    do(lambda tx: taking.submit(tx, [leaving_of(bob, b"2")]))  # due already

    assert do(lambda tx: outgoing.hurry(tx, NOW)) == 1
    assert sorted(do(_due)) == [b"1", b"2"]
    assert do(outgoing.destinations) == ["c.example"]


def test_what_is_under_way_is_not_due_again(do: Do[Any], bob: Member) -> None:
    for name in (b"1", b"2"):
        do(lambda tx, name=name: taking.submit(tx, [leaving_of(bob, name)]))  # type: ignore[misc]  # bound now
    under_way = {(bob.mailbox_id, b"1".ljust(32, b"\0"))}

    rows = do(
        lambda tx: outgoing.due(tx, "c.example", NOW, longest_delay=9.0, limit=9, but=under_way)
    )

    assert [row.env_id.rstrip(b"\0") for row in rows] == [b"2"]


def test_what_one_process_has_in_hand_is_nobody_elses_until_its_claim_runs_out(
    do: Do[Any], bob: Member
) -> None:
    for name in (b"1", b"2", b"3"):
        do(lambda tx, name=name: taking.submit(tx, [leaving_of(bob, name)]))  # type: ignore[misc]  # bound now

    def claim(tx: sa.Connection, now: float = NOW) -> list[bytes]:
        rows = outgoing.claim(tx, "c.example", now, longest_delay=9.0, limit=2)
        return [row.env_id.rstrip(b"\0") for row in rows]

    first, second = do(claim), do(claim)

    assert sorted([*first, *second]) == [b"1", b"2", b"3"]
    assert do(claim) == do(_due) == []
    soon = do(lambda tx: outgoing.next_due(tx, "c.example", NOW))
    assert NOW < soon < NOW + 60
    until = NOW + 3600
    assert len(do(lambda tx: _due(tx, until))) == 3
    assert len(do(lambda tx: claim(tx, until))) == 2


def test_nobody_waits_for_the_disk_for_a_claim_and_everybody_for_what_comes_after_it(
    do: Do[Any], bob: Member
) -> None:
    """A claim that a server forgets is a batch that is sent twice, and is known."""
    if do(lambda tx: tx.dialect.name) == "sqlite":
        pytest.skip("a file is not shared, and nothing in it is claimed")
    do(lambda tx: taking.submit(tx, [leaving_of(bob, b"1")]))

    def waits(tx: sa.Connection) -> object:
        return tx.exec_driver_sql("SHOW synchronous_commit").scalar_one()

    def claim(tx: sa.Connection) -> object:
        assert len(outgoing.claim(tx, "c.example", NOW, longest_delay=9.0, limit=2)) == 1
        return waits(tx)

    assert do(claim) == "off"
    assert do(waits) == "on"


def test_what_is_put_off_is_in_nobodys_hand(do: Do[Any], bob: Member) -> None:
    do(lambda tx: taking.submit(tx, [leaving_of(bob, b"1")]))
    [row] = do(lambda tx: outgoing.claim(tx, "c.example", NOW, longest_delay=9.0, limit=2))
    do(lambda tx: outgoing.record(tx, [(row, TryAgain(0, "later"), NOW + 5.0)], NOW))

    assert do(lambda tx: outgoing.next_due(tx, "c.example", NOW)) == NOW + 5.0
    assert do(lambda tx: _due(tx, NOW + 5.0)) == [b"1"]


def test_a_batch_weighs_what_it_may_and_takes_no_more_in_hand(do: Do[Any], bob: Member) -> None:
    for name in (b"1", b"2", b"3"):
        do(lambda tx, name=name: taking.submit(tx, [leaving_of(bob, name)]))  # type: ignore[misc]  # bound now
    weight = leaving_of(bob, b"1").octets

    def claim(tx: sa.Connection, octets: int, at_least: int) -> int:
        return len(
            outgoing.claim(
                tx,
                *("c.example", NOW),
                longest_delay=9.0,
                limit=9,
                octets=octets,
                at_least=at_least,
            )
        )

    assert do(lambda tx: claim(tx, weight - 1, 0)) == 0
    assert do(lambda tx: claim(tx, weight - 1, 1)) == 1
    assert do(lambda tx: claim(tx, 9 * weight, 0)) == 2


def test_of_a_batch_each_item_ends_once_whatever_else_is_in_it(do: Do[Any], bob: Member) -> None:
    first, second = leaving_of(bob, b"1"), leaving_of(bob, b"2")
    for leaving in (first, second):
        do(lambda tx, leaving=leaving: taking.submit(tx, [leaving]))  # type: ignore[misc]  # bound now
    do(lambda tx: outgoing.record(tx, [(first, Relayed(), 0.0)], NOW))

    both: list[tuple[Leaving, Outcome, float]] = [
        (first, Relayed(), 0.0),
        (second, Failed("5.1.1", "no"), 0.0),
    ]

    assert do(lambda tx: outgoing.record(tx, both, NOW)) == [(bob.mailbox_id, A)]
    assert do(lambda tx: sequences(tx, bob, A)) == [1, 2]


def test_a_notice_for_a_removed_device_is_nobodys(do: Do[Any], bob: Member) -> None:
    notice = Notice(b"?" * 16, b"x", True, "2.0.0", "")
    do(lambda tx: appending.notify(tx, [(bob.mailbox_id, notice)]))

    assert do(lambda tx: held_by(tx, bob)) == 0
