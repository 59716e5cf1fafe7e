"""The demo of a file, that real mail programs are turned on, and the browser for the page."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from mx_core.mail_programs.mail_settings import MailSettings
from tests.interop.chromium.browser import chromium
from tests.interop.witness import Witness


@pytest.fixture(scope="module")
def settings() -> Iterator[dict[str, MailSettings]]:
    """What to type into a mail program, for alice, bob, and carol whom alice does not know.

    ``MX_INTEROP_SERVER`` may name another program that prints the same line and stays until
    SIGTERM: a driver is first proven against a server that others wrote.
    """
    default = shlex.join([sys.executable, "-m", "gateway", "demo", "--json", "--stranger"])
    command = shlex.split(os.environ.get("MX_INTEROP_SERVER", default))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            line = server.stdout.readline()
            assert line, f"the server ended with status {server.wait()}"
            yield {name: MailSettings(**told) for name, told in json.loads(line).items()}
        finally:
            server.terminate()
            server.wait(timeout=60)


@pytest.fixture
def alice(settings: dict[str, MailSettings]) -> Witness:
    return Witness(settings["alice"])


@pytest.fixture
def carol(settings: dict[str, MailSettings], alice: Witness) -> Witness:
    """A stranger to alice, also if a story before this one accepted her."""
    stranger = Witness(settings["carol"])
    for source, target in (("INBOX", "Junk"), ("Junk", "Requests")):
        alice.move(source, target, "FROM", stranger.address)
    return stranger


@pytest.fixture
def bob(settings: dict[str, MailSettings]) -> Witness:
    return Witness(settings["bob"])


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as running:
        yield running
