import pytest

from mx_core.store.ledger import batch as import_batch
from tests.support.stores import memory_store

pytestmark = pytest.mark.anyio


async def test_a_batch_costs_what_it_holds_and_not_what_was_brought_before() -> None:
    with memory_store() as store:
        plan = await store._database.read(
            lambda tx: tx.exec_driver_sql(
                f"EXPLAIN QUERY PLAN {import_batch.KNOWN}", ("[]", 1)
            ).all()
        )

    assert plan[0][3].startswith("SCAN asked")
    assert plan[1][3] == "SEARCH imported USING PRIMARY KEY (folder=? AND key=?)"
