"""The gateway of Bob, which nothing has reached yet."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.arriving import Room
from tests.support.people import NOW, make_person
from tests.support.stores import Clock, open_store


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    clock = Clock(NOW)
    bob = make_person("bob@b.example")
    bob.publish_epoch()
    store = open_store(tmp_path, clock)
    yield Room(store, bob, clock)
    store.close()
