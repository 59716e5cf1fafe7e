"""A database of one table, ``thing``: the schema of the tests of ``mx_core.db``."""

from collections.abc import Callable

import sqlalchemy as sa

from mx_core.model.secret import Secret

SCHEMA = "tests.support.fixture_schema"
KEY = Secret(bytes(range(32)))


def put(octets: bytes) -> Callable[[sa.Connection], int]:
    def job(connection: sa.Connection) -> int:
        result = connection.execute(
            sa.text("INSERT INTO thing (octets) VALUES (:octets)"), {"octets": octets}
        )
        return int(result.lastrowid)

    return job


def count(connection: sa.Connection) -> int:
    return int(connection.scalar(sa.text("SELECT count(*) FROM thing")) or 0)
