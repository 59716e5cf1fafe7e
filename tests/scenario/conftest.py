"""One world for all scenarios that do not break it."""

from collections.abc import Iterator

import pytest

from gateway.demo.world import World


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("world"), log_level="debug") as made:
        yield made
