"""Deliveries and outgoing rows on a real database: once in, once out, nothing lost between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from mx_core.db.postgres import PostgresDatabase
from mx_core.homeserver.mailboxes import appending, deliveries
from mx_core.homeserver.mailboxes.deliveries import Envelope, Notice
from mx_core.homeserver.opening import MIGRATIONS
from mx_core.homeserver.people import accounts
from mx_core.homeserver.people.accounts import Member, NewDevice, NewEpoch
from mx_core.homeserver.queue import keeping, outgoing, taking
from mx_core.homeserver.queue.outgoing import Leaving
from mx_core.homeserver.queue.retry import AsksPostage, Failed, Relayed, TryAgain
from mx_core.homeserver.queue.taking import Taken
from mx_core.homeserver.schema import METADATA
from mx_core.homeserver.storage import bodies
from mx_core.homeserver.storage.bodies import BlobMissing, Body
from mx_core.homeserver.storage.depot import new_place
from mx_core.model.errors import NotPermitted, Refused
from tests.support.home_rows import home_database

T = TypeVar("T")
Do = Callable[[Callable[[sa.Connection], T]], T]

NOW = 1_700_000_000
DAY = 86_400
A, B = b"a" * 16, b"b" * 16
BLOB = b"\x07" * 32
PLACE = new_place(BLOB)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Do[object]]:
    """Give what runs a job on each of the two databases; each rule holds on both."""
    if request.param == "sqlite":
        with home_database(tmp_path_factory.mktemp("rows")) as opened:
            yield opened.write_at_start
        return
    with asyncio.Runner() as runner:
        url = request.getfixturevalue("postgres").make("rows")
        server = runner.run(PostgresDatabase.open(url, migrations=MIGRATIONS, connections=1))
        yield lambda job: runner.run(server.write(job))
        runner.run(server.close())


@pytest.fixture
def do(database: Do[object]) -> Do[object]:
    database(_empty)
    return database


def _empty(tx: sa.Connection) -> None:
    for table in METADATA.sorted_tables:
        tx.execute(table.delete())


@pytest.fixture
def bob(do: Do[Member]) -> Member:
    return do(lambda tx: _register(tx, "bob@b.example", [A, B]))


def _register(tx: sa.Connection, address: str, devices: list[bytes]) -> Member:
    return accounts.create(
        tx,
        address,
        address.encode().ljust(32, b"\0"),
        signed_entries=[b"entry 0"],
        devices=[NewDevice(device, device * 2) for device in devices],
        epochs=[NewEpoch(device, 1, device + b" 1") for device in devices],
        now=NOW,
    )


def _envelope(name: bytes, body: Body | None = None) -> Envelope:
    return Envelope(
        env_id=name.ljust(32, b"\0"),
        peer_domain="a.example",
        envelope=b"MXE1" + name,
        body=body or Body.of(b"MXB1" + name),
        deliver_by=NOW + DAY,
        token=b"",
    )


def _arrive(tx: sa.Connection, member: Member, what: Envelope) -> bool:
    """Do what a receiver does with one envelope."""
    if not appending.remember(tx, [(member.mailbox_id, what)]):
        return False
    appending.append(tx, [appending.row_of(tx, member.mailbox_id, what)])
    return True


def _held(tx: sa.Connection, member: Member) -> int:
    return appending.boxes(tx, [member.address])[member.address].held_octets


def _leaving(member: Member, name: bytes, body: Body | None = None) -> Leaving:
    return Leaving(
        mailbox_id=member.mailbox_id,
        device_id=A,
        env_id=name.ljust(32, b"\0"),
        destination="c.example",
        route=b"carol@c.example",
        envelope=b"MXE1" + name,
        body=body or Body.of(b"MXB1" + name),
        token=b"",
        deliver_by=NOW + DAY,
        submitted=NOW,
    )


def _sequences(tx: sa.Connection, member: Member, device: bytes, after: int = 0) -> list[int]:
    return [row.sequence for row in deliveries.waiting(tx, member.mailbox_id, device, after, 100)]


def test_the_migrations_make_exactly_the_tables_that_the_code_names(do: Do[object]) -> None:
    assert do(lambda tx: compare_metadata(MigrationContext.configure(tx), METADATA)) == []


# ── people ───────────────────────────────────────────────────────────────────────────
def test_an_invite_works_once(do: Do[None]) -> None:
    do(lambda tx: accounts.add_invite(tx, b"h", None, NOW + 1))
    do(lambda tx: accounts.use_invite(tx, b"h", "bob", NOW))

    with pytest.raises(NotPermitted):
        do(lambda tx: accounts.use_invite(tx, b"h", "bob", NOW))


@pytest.mark.parametrize(
    ("local", "expires", "asked"), [("bob", 1, "eve"), (None, 0, "bob"), ("bob", -1, "bob")]
)
def test_an_invite_for_another_or_too_old_is_refused(
    do: Do[None], local: str | None, expires: int, asked: str
) -> None:
    do(lambda tx: accounts.add_invite(tx, b"h", local, NOW + expires))

    with pytest.raises(NotPermitted):
        do(lambda tx: accounts.use_invite(tx, b"h", asked, NOW))


@pytest.mark.usefixtures("bob")
def test_an_address_has_one_owner(do: Do[Member]) -> None:
    with pytest.raises(Refused, match="taken"):
        do(lambda tx: _register(tx, "bob@b.example", [A]))


def test_a_device_has_two_epochs_at_most_and_numbers_only_grow(do: Do[object], bob: Member) -> None:
    for n in (2, 3):
        do(lambda tx, n=n: accounts.put_epoch(tx, bob.mailbox_id, NewEpoch(A, n, b"new %d" % n)))

    assert do(lambda tx: accounts.epochs(tx, bob.mailbox_id)) == [b"new 2", b"new 3", B + b" 1"]
    do(lambda tx: accounts.put_epoch(tx, bob.mailbox_id, NewEpoch(A, 3, b"new 3")))  # again: fine
    with pytest.raises(Refused, match="epoch 3"):
        do(lambda tx: accounts.put_epoch(tx, bob.mailbox_id, NewEpoch(A, 3, b"other")))
    with pytest.raises(Refused, match="epoch 1"):
        do(lambda tx: accounts.put_epoch(tx, bob.mailbox_id, NewEpoch(A, 1, b"older")))


def test_a_device_that_is_gone_takes_its_acks_notices_and_epochs_along(
    do: Do[object], bob: Member
) -> None:
    do(lambda tx: _arrive(tx, bob, _envelope(b"1")))
    do(lambda tx: appending.notify(tx, [(bob.mailbox_id, Notice(B, b"x", True, "2.0.0", ""))]))
    do(lambda tx: deliveries.acknowledge(tx, bob.mailbox_id, A, [1], NOW))

    def remove(tx: sa.Connection) -> None:
        gone = accounts.append_entry(
            tx,
            bob.mailbox_id,
            seq=1,
            signed_entry=b"entry 1",
            active=[NewDevice(A, A * 2)],
            now=NOW,
        )
        assert gone == {B}
        deliveries.forget_device(tx, bob.mailbox_id, B, NOW)

    do(remove)

    # the one device left has acked, so the envelope went with the removal
    assert do(lambda tx: _sequences(tx, bob, A)) == []
    assert do(lambda tx: _held(tx, bob)) == 0
    assert do(lambda tx: accounts.device_key(tx, bob.mailbox_id, B)) is None
    assert do(lambda tx: accounts.epochs(tx, bob.mailbox_id)) == [A + b" 1"]


# ── arriving ─────────────────────────────────────────────────────────────────────────
def test_an_envelope_arrives_once_even_after_it_was_deleted(do: Do[object], bob: Member) -> None:
    assert do(lambda tx: _arrive(tx, bob, _envelope(b"1"))) is True
    assert do(lambda tx: _arrive(tx, bob, _envelope(b"1"))) is False
    for device in (A, B):
        do(lambda tx, d=device: deliveries.acknowledge(tx, bob.mailbox_id, d, [1], NOW))

    assert do(lambda tx: _arrive(tx, bob, _envelope(b"1"))) is False
    assert do(lambda tx: _sequences(tx, bob, A)) == []


def test_a_tombstone_outlives_deliver_by_for_a_day(do: Do[object], bob: Member) -> None:
    do(lambda tx: _arrive(tx, bob, _envelope(b"1")))

    assert do(lambda tx: deliveries.forget_tombstones(tx, NOW + 2 * DAY)) == 0
    assert do(lambda tx: deliveries.forget_tombstones(tx, NOW + 2 * DAY + 1)) == 1


def test_every_device_gets_an_envelope_and_the_last_ack_deletes_it(
    do: Do[object], bob: Member
) -> None:
    for name in (b"1", b"2"):
        do(lambda tx, n=name: _arrive(tx, bob, _envelope(n)))

    assert do(lambda tx: deliveries.acknowledge(tx, bob.mailbox_id, A, [1], NOW)) == 0
    assert do(lambda tx: _sequences(tx, bob, A)) == [2]
    assert do(lambda tx: _sequences(tx, bob, B)) == [1, 2]
    assert do(lambda tx: deliveries.acknowledge(tx, bob.mailbox_id, B, [1, 1, 99], NOW)) == 1
    assert do(lambda tx: _sequences(tx, bob, B)) == [2]


def test_a_notice_reaches_only_the_device_that_submitted(do: Do[object], bob: Member) -> None:
    do(lambda tx: appending.notify(tx, [(bob.mailbox_id, Notice(A, b"x", True, "2.0.0", ""))]))

    assert do(lambda tx: _sequences(tx, bob, A)) == [1]
    assert do(lambda tx: _sequences(tx, bob, B)) == []
    assert do(lambda tx: deliveries.acknowledge(tx, bob.mailbox_id, B, [1], NOW)) == 0
    assert do(lambda tx: deliveries.acknowledge(tx, bob.mailbox_id, A, [1], NOW)) == 1


def test_nobody_acks_for_another_mailbox(do: Do[object], bob: Member) -> None:
    eve = do(lambda tx: _register(tx, "eve@b.example", [B]))
    do(lambda tx: _arrive(tx, bob, _envelope(b"1")))

    do(lambda tx: deliveries.acknowledge(tx, eve.mailbox_id, B, [1], NOW))

    assert do(lambda tx: _sequences(tx, bob, B)) == [1]


def test_a_device_asleep_for_sixty_days_is_not_waited_for(do: Do[object], bob: Member) -> None:
    do(lambda tx: _arrive(tx, bob, _envelope(b"1")))
    later = NOW + 61 * DAY

    assert do(lambda tx: deliveries.acknowledge(tx, bob.mailbox_id, A, [1], later)) == 1


def test_a_sequence_is_never_used_again(do: Do[object], bob: Member) -> None:
    do(lambda tx: _arrive(tx, bob, _envelope(b"1")))
    for device in (A, B):
        do(lambda tx, d=device: deliveries.acknowledge(tx, bob.mailbox_id, d, [1], NOW))
    do(lambda tx: _arrive(tx, bob, _envelope(b"2")))

    assert do(lambda tx: _sequences(tx, bob, A)) == [2]


# ── bodies in files ──────────────────────────────────────────────────────────────────
def test_a_row_is_never_made_without_the_blob_that_it_names(do: Do[object], bob: Member) -> None:
    body = Body(None, BLOB, 10)

    with pytest.raises(BlobMissing):
        do(lambda tx: _arrive(tx, bob, _envelope(b"1", body)))
    assert do(lambda tx: taking.submit(tx, [_leaving(bob, b"1", body)])) == [Taken.NO_BODY]

    # and the failure is not remembered as an arrival, or as a submission
    do(lambda tx: bodies.add(tx, BLOB, 10, PLACE, NOW))
    assert do(lambda tx: _arrive(tx, bob, _envelope(b"1", body))) is True
    assert do(lambda tx: taking.submit(tx, [_leaving(bob, b"1", body)])) == [Taken.NEW]


def test_a_blob_goes_when_its_last_row_is_gone_for_an_hour(do: Do[object], bob: Member) -> None:
    body = Body(None, BLOB, 10)
    do(lambda tx: bodies.add(tx, BLOB, 10, PLACE, NOW))
    do(lambda tx: _arrive(tx, bob, _envelope(b"1", body)))
    do(lambda tx: taking.submit(tx, [_leaving(bob, b"2", body)]))
    for device in (A, B):
        do(lambda tx, d=device: deliveries.acknowledge(tx, bob.mailbox_id, d, [1], NOW))

    assert do(lambda tx: bodies.forget_unused(tx, NOW + DAY, 9)) == []
    leaving = _leaving(bob, b"2", body)
    do(lambda tx: outgoing.record(tx, [(leaving, Relayed(), 0.0)], NOW))
    assert do(lambda tx: bodies.forget_unused(tx, NOW, 9)) == []
    assert do(lambda tx: bodies.forget_unused(tx, NOW + 1, 9)) == [PLACE]


def test_a_mailbox_may_fetch_only_what_waits_for_it(do: Do[object], bob: Member) -> None:
    eve = do(lambda tx: _register(tx, "eve@b.example", [B]))
    do(lambda tx: bodies.add(tx, BLOB, 10, PLACE, NOW))
    do(lambda tx: _arrive(tx, bob, _envelope(b"1", Body(None, BLOB, 10))))

    assert do(lambda tx: deliveries.holds_blob(tx, bob.mailbox_id, BLOB)) == 10
    assert do(lambda tx: deliveries.holds_blob(tx, eve.mailbox_id, BLOB)) is None


# ── leaving ──────────────────────────────────────────────────────────────────────────
def _due(tx: sa.Connection, now: float = NOW) -> list[bytes]:
    rows = outgoing.due(tx, "c.example", now, longest_delay=4 * 3600.0, limit=10)
    return [row.env_id.rstrip(b"\0") for row in rows]


def test_a_submission_is_taken_once_even_after_it_has_left(do: Do[object], bob: Member) -> None:
    leaving = _leaving(bob, b"1")

    assert do(lambda tx: taking.submit(tx, [leaving])) == [Taken.NEW]
    assert do(lambda tx: taking.submit(tx, [leaving])) == [Taken.KNOWN]
    do(lambda tx: outgoing.record(tx, [(leaving, Relayed(), 0.0)], NOW))
    assert do(lambda tx: taking.submit(tx, [leaving])) == [Taken.KNOWN]
    assert do(_due) == []


def test_a_submission_ends_in_exactly_one_notice(do: Do[object], bob: Member) -> None:
    leaving = _leaving(bob, b"1")
    do(lambda tx: taking.submit(tx, [leaving]))
    result = (leaving, Failed("5.1.1", "No."), 0.0)

    assert do(lambda tx: outgoing.record(tx, [result], NOW)) == [(bob.mailbox_id, A)]
    assert do(lambda tx: outgoing.record(tx, [result], NOW)) == []
    [row] = do(lambda tx: deliveries.waiting(tx, bob.mailbox_id, A, 0, 10))
    assert row.what == Notice(A, leaving.env_id, False, "5.1.1", "No.")


def test_what_must_be_paid_for_goes_back_once_and_may_be_submitted_again(
    do: Do[object], bob: Member
) -> None:
    leaving = _leaving(bob, b"1")
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
    do: Do[object], bob: Member
) -> None:
    small = _leaving(bob, b"1")
    large = _leaving(bob, b"2", Body(None, BLOB, 10))
    do(lambda tx: bodies.add(tx, BLOB, 10, PLACE, NOW))
    for what in (small, large):
        do(lambda tx, w=what: taking.submit(tx, [w]))
        do(lambda tx, w=what: outgoing.record(tx, [(w, Relayed(body_stays=True), 0.0)], NOW))
    end = NOW + keeping.KEEP_SECONDS

    for what in (small, large):
        name = keeping.body_name(what.body)
        assert do(lambda tx, n=name: keeping.find(tx, "c.example", n, end - 1)) == what.body
        assert do(lambda tx, n=name: keeping.find(tx, "d.example", n, end - 1)) is None
        assert do(lambda tx, n=name: keeping.find(tx, "c.example", n, end)) is None
    more = [_leaving(bob, b"3"), _leaving(bob, b"4")]  # what is kept counts as waiting
    assert do(lambda tx: taking.submit(tx, more, at_most=3)) == [Taken.NEW, Taken.NO_ROOM]
    assert do(lambda tx: keeping.forget_old(tx, end - 1)) == 0
    assert do(lambda tx: bodies.forget_unused(tx, end + DAY, 9)) == []
    assert do(lambda tx: keeping.forget_old(tx, end)) == 2
    assert do(lambda tx: bodies.forget_unused(tx, end + 1, 9)) == [PLACE]


def test_what_could_not_leave_waits_and_comes_again(do: Do[object], bob: Member) -> None:
    leaving = _leaving(bob, b"1")
    do(lambda tx: taking.submit(tx, [leaving]))
    do(lambda tx: outgoing.record(tx, [(leaving, TryAgain(0, "later"), NOW + 60.0)], NOW))

    assert do(lambda tx: _due(tx, NOW + 59)) == []
    assert do(lambda tx: _due(tx, NOW + 60)) == [b"1"]
    assert do(lambda tx: outgoing.next_due(tx, "c.example", NOW)) == NOW + 60.0
    [row] = do(
        lambda tx: outgoing.due(tx, "c.example", NOW + 60.0, longest_delay=4 * 3600.0, limit=9)
    )
    assert row.attempts == 1


def test_a_clock_that_jumped_back_a_year_does_not_hold_mail(do: Do[object], bob: Member) -> None:
    leaving = _leaving(bob, b"1")
    do(lambda tx: taking.submit(tx, [leaving]))
    do(lambda tx: outgoing.record(tx, [(leaving, TryAgain(0, "later"), NOW + 60.0)], NOW))

    assert do(lambda tx: _due(tx, NOW - 365 * DAY)) == [b"1"]


def test_everything_is_due_at_once_after_a_restart(do: Do[object], bob: Member) -> None:
    leaving = _leaving(bob, b"1")
    do(lambda tx: taking.submit(tx, [leaving]))
    do(lambda tx: outgoing.record(tx, [(leaving, TryAgain(0, "later"), NOW + 9999.0)], NOW))
    do(lambda tx: taking.submit(tx, [_leaving(bob, b"2")]))  # due already

    assert do(lambda tx: outgoing.hurry(tx, NOW)) == 1
    assert sorted(do(_due)) == [b"1", b"2"]
    assert do(outgoing.destinations) == ["c.example"]


def test_what_is_under_way_is_not_due_again(do: Do[object], bob: Member) -> None:
    for name in (b"1", b"2"):
        do(lambda tx, name=name: taking.submit(tx, [_leaving(bob, name)]))
    under_way = {(bob.mailbox_id, b"1".ljust(32, b"\0"))}

    rows = do(
        lambda tx: outgoing.due(tx, "c.example", NOW, longest_delay=9.0, limit=9, but=under_way)
    )

    assert [row.env_id.rstrip(b"\0") for row in rows] == [b"2"]


def test_what_one_process_has_in_hand_is_nobody_elses_until_its_claim_runs_out(
    do: Do[object], bob: Member
) -> None:
    for name in (b"1", b"2", b"3"):
        do(lambda tx, name=name: taking.submit(tx, [_leaving(bob, name)]))

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


def test_what_is_put_off_is_in_nobodys_hand(do: Do[object], bob: Member) -> None:
    do(lambda tx: taking.submit(tx, [_leaving(bob, b"1")]))
    [row] = do(lambda tx: outgoing.claim(tx, "c.example", NOW, longest_delay=9.0, limit=2))
    do(lambda tx: outgoing.record(tx, [(row, TryAgain(0, "later"), NOW + 5.0)], NOW))

    assert do(lambda tx: outgoing.next_due(tx, "c.example", NOW)) == NOW + 5.0
    assert do(lambda tx: _due(tx, NOW + 5.0)) == [b"1"]


def test_a_batch_weighs_what_it_may_and_takes_no_more_in_hand(do: Do[object], bob: Member) -> None:
    for name in (b"1", b"2", b"3"):
        do(lambda tx, name=name: taking.submit(tx, [_leaving(bob, name)]))
    weight = _leaving(bob, b"1").octets

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


def test_of_a_batch_each_item_ends_once_whatever_else_is_in_it(do: Do[object], bob: Member) -> None:
    first, second = _leaving(bob, b"1"), _leaving(bob, b"2")
    for leaving in (first, second):
        do(lambda tx, leaving=leaving: taking.submit(tx, [leaving]))
    do(lambda tx: outgoing.record(tx, [(first, Relayed(), 0.0)], NOW))

    both = [(first, Relayed(), 0.0), (second, Failed("5.1.1", "no"), 0.0)]

    assert do(lambda tx: outgoing.record(tx, both, NOW)) == [(bob.mailbox_id, A)]
    assert do(lambda tx: _sequences(tx, bob, A)) == [1, 2]


def test_a_notice_for_a_removed_device_is_nobodys(do: Do[object], bob: Member) -> None:
    notice = Notice(b"?" * 16, b"x", True, "2.0.0", "")
    do(lambda tx: appending.notify(tx, [(bob.mailbox_id, notice)]))

    assert do(lambda tx: _held(tx, bob)) == 0
