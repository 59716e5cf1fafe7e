"""An echo as an operator makes it: answers over the network, once, and survives a kill in between."""

from collections.abc import Iterator

import pytest

from gateway.demo.processes import Program, run
from gateway.demo.world import World
from mx_core.model.errors import Unavailable
from tests.support.clients import about, smtp, wait_until

pytestmark = pytest.mark.fleet


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("echo"), log_level="debug") as made:
        yield made


@pytest.fixture(scope="module")
def echo(world: World) -> Program:
    return world.add_echo(world.bob)


def ask(world: World, subject: str, more: str = "") -> None:
    me = world.alice.known
    text = (
        f"From: {me.address}\r\nTo: echo@b.example\r\nSubject: {subject}\r\n{more}"
        f"Message-ID: <{subject}@a.example>\r\n\r\nsecret of alice\r\n"
    )
    with smtp(me) as client:
        client.sendmail(me.address, ["echo@b.example"], text.encode())


def test_an_answer_is_encrypted_comes_once_and_after_a_kill_not_twice(
    world: World, echo: Program
) -> None:
    me = world.alice.known
    ask(world, "first")
    wait_until(lambda: bool(about(me, "Auto: first")))
    (answer,) = about(me, "Auto: first")
    assert answer.startswith(b"MX-Status: 1; mail=network; from=echo@b.example;")
    assert b"\r\nAuto-Submitted: auto-replied\r\n" in answer
    assert b"\r\nIn-Reply-To: <first@a.example>\r\n" in answer
    assert b"> secret of alice" in answer

    ask(world, "of-a-program", "Auto-Submitted: auto-generated\r\n")
    echo.stop()
    echo.environment = {"MX_FAILPOINT": "marked"}
    echo.start()
    ask(world, "killed")
    assert echo.wait(60) == -9, "the step was not reached"
    echo.environment = {}
    echo.start()
    ask(world, "after")
    wait_until(lambda: bool(about(me, "Auto: after")))

    assert len(about(me, "Auto: ")) == 2  # first and after; the killed one costs its answer
    assert b"secret of alice" not in echo.log.read_bytes()


def test_a_gateway_of_a_person_is_no_echo_and_keeps_its_mail(world: World) -> None:
    folder = str(world.alice.gateway_dir)
    world.alice.gateway.stop()
    try:
        with pytest.raises(Unavailable, match="holds no echo"):
            run(["gateway", "--home", folder, "echo", "serve"])
        with pytest.raises(Unavailable, match="is an account here already"):
            run(["gateway", "--home", folder, "echo", "join", "e@a.example", "--invite", "x"])
    finally:
        world.alice.gateway.start()


def test_an_invite_for_a_person_is_printed_with_what_they_type(world: World) -> None:
    folder = str(world.bob.home_dir)
    told = run(["mx_core.homeserver", "user", "add", "carol", "--dir", folder])

    assert "\n  mx-gateway account add carol@b.example --invite " in told
    with pytest.raises(Unavailable, match="say the name"):
        run(["mx_core.homeserver", "user", "add", "--dir", folder])
