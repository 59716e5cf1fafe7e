"""The running demo that real mail programs are turned on."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator

import pytest

from gateway.demo.world import Settings
from tests.interop.witness import Witness


@pytest.fixture(scope="session")
def settings() -> Iterator[dict[str, Settings]]:
    """What to type into a mail program, for alice and bob.

    ``MX_INTEROP_SERVER`` may name another program that prints the same line and stays until
    SIGTERM: a driver is first proven against a server that others wrote.
    """
    default = shlex.join([sys.executable, "-m", "gateway", "demo", "--json"])
    command = shlex.split(os.environ.get("MX_INTEROP_SERVER", default))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            line = server.stdout.readline()
            assert line, f"the server ended with status {server.wait()}"
            yield {name: Settings(**told) for name, told in json.loads(line).items()}
        finally:
            server.terminate()
            server.wait(timeout=60)


@pytest.fixture
def alice(settings: dict[str, Settings]) -> Witness:
    return Witness(settings["alice"])


@pytest.fixture
def bob(settings: dict[str, Settings]) -> Witness:
    return Witness(settings["bob"])
