"""One object store for the tests of a worker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.object_store import ObjectStore


@pytest.fixture(scope="session")
def object_store() -> Iterator[ObjectStore]:
    from tests.support.object_store import running_object_store  # noqa: PLC0415  # half a second

    with running_object_store() as store:
        yield store
