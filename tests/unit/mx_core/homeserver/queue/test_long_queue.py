"""What a batch costs does not grow with the queue: every statement finds its rows by an index."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa

from mx_core.homeserver.queue import outgoing, taking
from mx_core.homeserver.queue.retry import Relayed, TryAgain
from tests.support.home_rows import home_database, leaving, new_member

NOW = 2_000_000_000.0


def _plans(tx: sa.Connection, asked: list[tuple[str, Any]]) -> list[str]:
    driver: Any = tx.connection.driver_connection
    return [
        row[3]
        for statement, parameters in asked
        for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
    ]


def test_no_statement_about_a_batch_reads_the_whole_queue(tmp_path: Path) -> None:
    asked: list[tuple[str, Any]] = []

    def note(
        _c: Any, _cursor: Any, statement: str, given: Any, _x: Any, many: bool
    ) -> None:  # as SQLAlchemy calls it
        asked.append((statement, given[0] if many else given))

    def work(tx: sa.Connection) -> list[str]:
        people = [new_member(tx, f"p{n}@a.example") for n in range(3)]
        for member in people:
            for _ in range(3):
                taking.submit(tx, [leaving(member, "b.example")])
        sa.event.listen(tx, "before_cursor_execute", note)
        batch = outgoing.due(tx, "b.example", NOW, longest_delay=60.0, limit=6)
        outgoing.next_due(tx, "b.example", NOW)
        outgoing.hurry(tx, NOW, "b.example")
        results = [
            (what, Relayed() if n % 2 else TryAgain(1, "later"), NOW)
            for n, what in enumerate(batch)
        ]
        assert len(outgoing.record(tx, results, NOW)) == 3
        sa.event.remove(tx, "before_cursor_execute", note)
        return _plans(tx, asked)

    with home_database(tmp_path) as database:
        plans = database.write_at_start(work)

    assert any(plan.startswith("SEARCH outgoing") for plan in plans)
    assert [plan for plan in plans if plan.startswith("SCAN outgoing")] == []


def test_a_look_for_a_batch_sorts_nothing_and_goes_to_its_rows_by_their_numbers(
    tmp_path: Path,
) -> None:
    """However much is under way, of which no body is read."""
    run: list[str] = []

    def work(tx: sa.Connection) -> list[str]:
        driver: Any = tx.connection.driver_connection
        one = new_member(tx, "p@a.example")
        taking.submit(tx, [leaving(one, "b.example") for _ in range(6)])
        first = outgoing.due(tx, "b.example", NOW, longest_delay=60.0, limit=2)
        under_way = {(what.mailbox_id, what.env_id) for what in first}
        driver.set_trace_callback(run.append)
        rest = outgoing.due(tx, "b.example", NOW, longest_delay=60.0, limit=3, but=under_way)
        driver.set_trace_callback(None)
        assert under_way.isdisjoint((what.mailbox_id, what.env_id) for what in rest)
        every = outgoing.due(tx, "b.example", NOW, longest_delay=60.0, limit=9)
        assert [*first, *rest] == every[:5]
        return _plans(tx, [(statement, ()) for statement in run])

    with home_database(tmp_path) as database:
        plans = database.write_at_start(work)

    [first, second] = plans
    assert "USING INDEX outgoing_due" in first
    assert "USING INTEGER PRIMARY KEY" in second
