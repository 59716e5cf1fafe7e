import asyncio
import contextlib
import ssl
from typing import cast

import pytest

from gateway.loopback.sightings import Sightings
from mx_core.model.address import Address
from mx_core.ports import Account
from mx_core.trail_port import Step
from tests.support.loopback_tls import client_context, server_context
from tests.support.memory_mail import MemoryAccount

ALICE = Address.parse("alice@a.example")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def nothing() -> None:
    pass


class Named(MemoryAccount):
    def __init__(self, program: str) -> None:
        super().__init__(ALICE, "")
        self.program = program


def account_of(program: str) -> Account:
    return cast("Account", Named(program))  # as much of one as a trail asks for


def test_the_steps_before_a_login_are_those_of_who_logs_in() -> None:
    clock = Clock()
    heard: list[float] = []
    sightings = Sightings(clock, lambda: heard.append(clock.now))
    one, other = sightings.begin(), sightings.begin()
    one.reached(Step.REACHED)
    other.reached(Step.REACHED)
    one.reached(Step.SECURED)
    one.is_called("mutt")
    clock.now += 5
    one.belongs_to(account_of("laptop"))
    one.reached(Step.FETCHED)
    clock.now += 5
    one.reached(Step.FETCHED)

    assert sightings.of(ALICE, "laptop") == {
        "client": "mutt",
        "steps": {"reached": 1000, "secured": 1000, "logged_in": 1005, "fetched": 1005},
    }
    assert sightings.of(ALICE, "telephone") == {"client": "", "steps": {}}
    assert sightings.before_login() == {"reached": 1000, "secured": 1000}
    assert heard == [1005, 1005, 1010]  # who only connects is nobody


def test_two_connections_of_one_program_are_one() -> None:
    sightings = Sightings(Clock(), nothing)
    reads, sends = sightings.begin(), sightings.begin()
    reads.belongs_to(account_of("laptop"))
    reads.is_called("Thunderbird")
    sends.belongs_to(account_of("laptop"))
    sends.reached(Step.SUBMITTED)

    assert sightings.of(ALICE, "laptop")["client"] == "Thunderbird"
    assert set(sightings.of(ALICE, "laptop")["steps"]) == {"logged_in", "submitted"}


def test_a_program_with_a_new_password_begins_anew_and_a_refused_one_is_noted() -> None:
    sightings = Sightings(Clock(), nothing)
    sightings.begin().belongs_to(account_of("laptop"))
    sightings.begin().is_refused()
    sightings.forget(ALICE, "laptop")

    assert sightings.of(ALICE, "laptop")["steps"] == {}
    assert sightings.before_login() == {"refused": 1000}


def test_a_name_is_short_and_has_no_controls() -> None:
    sightings = Sightings(Clock(), nothing)
    trail = sightings.begin()
    trail.is_called("\x1b[31m\r\nred\u202e" + "x" * 1000)
    trail.belongs_to(account_of("laptop"))

    client = sightings.of(ALICE, "laptop")["client"]
    assert client.startswith("[31mredx")
    assert len(client) == 80


@pytest.mark.anyio
@pytest.mark.parametrize("trusts", [True, False])
async def test_a_handshake_that_is_broken_off_was_seen_to_begin(trusts: bool) -> None:
    sightings, context = Sightings(Clock(), nothing), server_context()
    sightings.watch_tls(context)
    made: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(
        lambda _reader, writer: made.append(writer), "127.0.0.1", 0, ssl=context
    )
    port = server.sockets[0].getsockname()[1]
    client = client_context() if trusts else ssl.create_default_context()
    with contextlib.suppress(ssl.SSLCertVerificationError):
        _, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=client, server_hostname="localhost"
        )
        writer.close()
    server.close()

    assert sightings.before_login() == {"tls_begun": 1000}
