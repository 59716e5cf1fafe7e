"""A locked gateway says so to mail programs, keeps nothing of the key, and goes on when unlocked."""

from __future__ import annotations

import contextlib
import imaplib
import os
import smtplib
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.demo.processes import run
from gateway.demo.world import World
from mx_core.model.errors import Unavailable
from tests.support.clients import imap, smtp, wait_until

pytestmark = pytest.mark.fleet
WORDS = "correct horse battery"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("world"), cast=(("alice", "a.example"),)) as made:
        yield made


def gateway(world: World, *arguments: str, stdin: str = "") -> str:
    return run(["gateway", "--home", str(world.alice.gateway_dir), *arguments], stdin=stdin)


def is_locked(world: World) -> bool:
    with contextlib.suppress(Unavailable):
        return bool(world.status(world.alice)["locked"])
    return False


@pytest.fixture(autouse=True)
def open_by_a_file(world: World) -> None:
    """Begin every test with a gateway that is open, and that every start opens by its key file."""
    if is_locked(world):
        gateway(world, "unlock", stdin=WORDS + "\n")
    gateway(world, "unlock", "--by", "file")


def lock(world: World) -> None:
    gateway(world, "lock")
    wait_until(lambda: is_locked(world))


def connected(world: World) -> imaplib.IMAP4_SSL:
    settings = world.alice.known
    context = ssl.create_default_context(cafile=settings.ca)
    return imaplib.IMAP4_SSL(settings.host, settings.imap_tls, ssl_context=context)


def ended(client: imaplib.IMAP4) -> bool:
    """Tell whether the server has said BYE, or the connection is gone."""
    try:
        return client.noop()[0] != "OK"
    except (imaplib.IMAP4.abort, OSError):
        return True


def test_a_gateway_that_nobody_uses_locks_itself(world: World) -> None:
    config = world.alice.gateway_dir / "config" / "config.toml"
    before = config.read_text(encoding="utf-8")
    config.write_text(f"{before}\n[unlock]\nlock_when_idle_minutes = 0.05\n", encoding="utf-8")
    world.alice.gateway.stop()
    world.alice.gateway.start()
    try:
        wait_until(lambda: is_locked(world))  # asking for the status is nobody
    finally:
        config.write_text(before, encoding="utf-8")
        world.alice.gateway.stop()
        world.alice.gateway.start()
    gateway(world, "unlock", stdin=WORDS + "\n")


def test_mail_programs_hear_that_it_is_locked_and_an_open_session_ends(world: World) -> None:
    settings = world.alice.known
    before = connected(world)
    before.login(settings.username, settings.password)
    lock(world)
    is_out = ended(before)
    before.shutdown()
    after = connected(world)
    with pytest.raises(imaplib.IMAP4.error, match=r"\[UNAVAILABLE\].*mx-gateway unlock"):
        after.login(settings.username, settings.password)
    after.shutdown()
    context = ssl.create_default_context(cafile=settings.ca)
    sender = smtplib.SMTP_SSL(settings.host, settings.smtp_tls, context=context)
    with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
        sender.login(settings.username, settings.password)
    sender.close()

    assert is_out
    assert caught.value.smtp_code == 454
    assert isinstance(caught.value.smtp_error, bytes)
    assert caught.value.smtp_error.startswith(b"4.7.0 this gateway is locked")
    with pytest.raises(Unavailable, match="locked"):
        gateway(world, "password", "add", world.alice.address, "another")
    gateway(world, "unlock", stdin=WORDS + "\n")
    with imap(settings) as client:
        assert client.noop()[0] == "OK"


def test_under_a_passphrase_every_start_is_locked_and_a_wrong_one_opens_nothing(
    world: World,
) -> None:
    data = world.alice.gateway_dir / "data"
    gateway(world, "unlock", "--by", "passphrase", stdin=WORDS + "\n")
    world.alice.gateway.stop()
    world.alice.gateway.start()

    assert not (data / "master.key").exists()
    assert is_locked(world)
    with pytest.raises(Unavailable, match="not the passphrase"):
        gateway(world, "unlock", stdin="wrong horse battery\n")
    gateway(world, "unlock", stdin=WORDS + "\n")
    with smtp(world.alice.known) as client:
        client.noop()
    assert not is_locked(world)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root reads the memory of such a process")
def test_a_locked_process_holds_no_key_in_its_memory(world: World) -> None:
    """What the master key is, is looked for in every page that the process can read."""
    key = bytes.fromhex((world.alice.gateway_dir / "data" / "master.key").read_text())
    process = world.alice.gateway.process
    assert process is not None
    held = _pages_holding(process.pid, key)
    lock(world)
    after = _pages_holding(process.pid, key)
    gateway(world, "unlock", stdin=WORDS + "\n")

    assert held > 0, "the search finds it while it is there"
    assert after == 0


def _pages_holding(pid: int, key: bytes) -> int:
    found = 0
    maps = Path(f"/proc/{pid}/maps").read_text()
    with Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for line in maps.splitlines():
            place, modes = line.split()[:2]
            start, end = (int(part, 16) for part in place.split("-"))
            if "r" not in modes or "[v" in line:
                continue
            with contextlib.suppress(OSError, OverflowError):
                memory.seek(start)
                found += memory.read(end - start).count(key)
    return found


def test_it_locks_itself_when_its_time_is_over(world: World) -> None:
    config = world.alice.gateway_dir / "config" / "config.toml"
    before = config.read_text()
    world.alice.gateway.stop()
    config.write_text(before + "\n[unlock]\nlock_after_minutes = 0.05\n")
    world.alice.gateway.start()
    try:
        wait_until(lambda: is_locked(world))
    finally:
        world.alice.gateway.stop()
        config.write_text(before)
        world.alice.gateway.start()
    gateway(world, "unlock", stdin=WORDS + "\n")
