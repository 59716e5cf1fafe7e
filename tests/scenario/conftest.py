"""One world and home servers for the scenarios of a file: no file finds what another left."""

from collections.abc import Iterator

import pytest

from gateway.demo.world import World
from tests.support.homes import Homes, running_homes


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("world"), log_level="debug") as made:
        yield made


@pytest.fixture(scope="module")
def homes() -> Iterator[Homes]:
    with running_homes() as made:
        yield made
