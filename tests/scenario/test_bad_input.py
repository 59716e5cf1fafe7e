"""Bad input gives one clear sentence and the right exit code or reply, and nothing is lost."""

import contextlib
import os
import resource
import secrets
import shutil
import smtplib
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.demo.world import World
from gateway.unlocking import master_key
from mx_core.db.database import Database
from tests.support.clients import about, smtp, status, wait_until
from tests.support.homes import free_port_base
from tests.support.mallory import RunningHome

pytestmark = pytest.mark.fleet

_SECONDS = 60.0


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a directory whose path leaves room for a control socket."""
    path = Path(tempfile.mkdtemp(prefix="mx-bad-"))
    yield path
    shutil.rmtree(path)


def told(code: int, program: str, *arguments: str) -> str:
    """Run a command that must end with *code*; return the one sentence that it says."""
    module = {"mx-gateway": "gateway", "mx-home": "mx_core.homeserver"}[program]
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith(f"{program}: ")]
    assert said == done.stderr.splitlines()[-1:]
    assert done.stdout == ""
    return said[0].removeprefix(f"{program}: ")


def up(home: Path, code: int, *more: str) -> str:
    base = str(free_port_base())
    return told(code, "mx-gateway", "--home", str(home), "up", *(more or ("--port-base", base)))


def configured(home: Path, text: str) -> Path:
    (home / "config").mkdir(parents=True)
    (home / "config" / "config.toml").write_text(text)
    return home


# ── configuration ────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[listen]\nimap_tsl = 1\n", "did you mean 'listen.imap_tls'?"),
        ("[listen\n", "not valid TOML"),
    ],
)
def test_a_gateway_names_what_is_wrong_in_its_configuration(
    folder: Path, text: str, sentence: str
) -> None:
    """Bad input, config: exit 78, the file and the key are named."""
    said = up(configured(folder, text), 78)

    assert str(folder / "config" / "config.toml") in said
    assert sentence in said


def test_a_home_server_names_what_is_wrong_in_its_configuration(folder: Path) -> None:
    """Bad input, config: exit 78; an unknown key comes with the nearest known one."""
    (folder / "mx-home.toml").write_text("domain = 'a.example'\n[ports]\nfedration = 1\n")

    said = told(78, "mx-home", "serve", "--dir", str(folder))

    assert "did you mean 'ports.federation'?" in said


def test_a_taken_port_is_named(world: World, folder: Path) -> None:
    """Bad input, port taken: exit 78 for both programs, and nothing is moved silently."""
    port = world.alice.known.imap
    assert f"port {port}" in up(folder / "gateway", 78, "--port-base", str(port))

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        (folder / "home").mkdir(mode=0o700)
        _init_home(folder / "home", number)
        assert str(number) in told(78, "mx-home", "serve", "--dir", str(folder / "home"))


def _init_home(folder: Path, base: int) -> None:
    arguments = ["init", "--domain", "x.example", "--dir", str(folder), "--port-base", str(base)]
    module = [sys.executable, "-m", "mx_core.homeserver"]
    subprocess.run([*module, *arguments], check=True, capture_output=True, timeout=_SECONDS)


# ── what is on the disk ──────────────────────────────────────────────────────────────
def test_a_damaged_master_key_opens_nothing_and_replaces_nothing(folder: Path) -> None:
    """Bad input, key: exit 78, and the file is left as it was."""
    path = folder / "data" / "master.key"
    path.parent.mkdir(mode=0o700)
    path.write_text("no key at all")
    path.chmod(0o600)

    assert f"{path} is no key" in up(folder, 78)
    assert path.read_text() == "no key at all"


def test_a_file_or_folder_open_to_others_is_refused_with_the_cure(folder: Path) -> None:
    """Bad input, file mode: exit 78 (mx-home 77 for its key), and the command that mends it."""
    path = folder / "gateway" / "data" / "master.key"
    path.parent.mkdir(mode=0o700, parents=True)
    path.write_text("00" * 32)
    path.chmod(0o644)
    assert f"chmod 600 {path}" in up(folder / "gateway", 78)
    path.chmod(0o600)
    path.parent.chmod(0o755)
    assert f"chmod 700 {path.parent}" in up(folder / "gateway", 78)

    _init_home(folder / "home", free_port_base())
    key = folder / "home" / "domain.key"
    key.chmod(0o644)
    assert str(key) in told(77, "mx-home", "serve", "--dir", str(folder / "home"))


def test_accounts_of_a_newer_version_or_another_key_are_left_alone(
    world: World, folder: Path
) -> None:
    """Bad input, database: one sentence, exit 65, so that no supervisor tries again."""
    home = _copied(world, folder)
    (account,) = (home / "data" / "accounts").iterdir()
    key = master_key.account_key(master_key.load(home / "data"), account.name)
    with_newer_schema(account / "mail.db", "mx_core.store.migrations", key)
    assert "newer version" in up(home, 65)
    (home / "data" / "master.key").write_text("11" * 32)
    assert "wrong key" in up(home, 65)

    _init_home(folder / "home", free_port_base())
    with_newer_schema(folder / "home" / "home.sqlite", "mx_core.homeserver.migrations", None)
    assert "newer version" in told(65, "mx-home", "serve", "--dir", str(folder / "home"))


def with_newer_schema(path: Path, migrations: str, key: object) -> None:
    database = Database.open(path, migrations=migrations, key=key)  # type: ignore[arg-type]
    database.write_at_start(
        lambda tx: tx.exec_driver_sql("UPDATE alembic_version SET version_num = 'later'")
    )
    database.close()


def _copied(world: World, folder: Path) -> Path:
    """Return a copy of alice's gateway, as it is on the disk while it does not run."""
    world.alice.gateway.stop()
    try:
        shutil.copytree(world.alice.gateway_dir, folder / "gateway")
        (folder / "gateway" / "data" / "place").unlink()  # else it would be refused as a copy
    finally:
        world.alice.gateway.start()
    return folder / "gateway"


def test_a_second_process_for_the_same_data_is_refused(world: World) -> None:
    """Bad input, run twice: the first goes on."""
    assert "already running" in up(world.alice.gateway_dir, 65)
    home = str(world.alice.home_dir)
    assert "already running" in told(75, "mx-home", "serve", "--dir", home)

    assert status(world.alice)["connected"]


# ── the command line ─────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("address", "sentence"),
    [("no-address", "no-address"), ("a@b@c", "a@b@c"), ("x@-.example", "-.example")],
)
def test_an_address_that_is_none_is_refused(world: World, address: str, sentence: str) -> None:
    """Bad input, address: exit 65."""
    at = ("--home", str(world.alice.gateway_dir))
    assert sentence in told(65, "mx-gateway", *at, "account", "add", address, "--invite", "x")


def test_an_account_is_added_by_a_good_invite_at_a_known_domain_only(world: World) -> None:
    """Bad input, command line: exit 65, nothing is left of it, and the gateway goes on."""
    at = ("--home", str(world.alice.gateway_dir))
    add = ("account", "add")
    assert "invite" in told(65, "mx-gateway", *at, *add, "eve@a.example", "--invite", "wrong")
    assert "account of this gateway already" in told(
        65, "mx-gateway", *at, *add, "alice@a.example", "--invite", "wrong"
    )
    invite = RunningHome(world.bob).invite("fred")
    assert "invite" in told(65, "mx-gateway", *at, *add, "eve@b.example", "--invite", invite)
    assert "is no account of this gateway" in told(
        65, "mx-gateway", *at, "password", "add", "eve@a.example", "phone"
    )
    assert [account["address"] for account in _accounts(world)] == ["alice@a.example"]
    assert len(list((world.alice.gateway_dir / "data" / "accounts").iterdir())) == 1


def _accounts(world: World) -> list[dict[str, object]]:
    accounts: list[dict[str, object]] = world.status(world.alice)["accounts"]
    return accounts


def test_a_command_for_a_daemon_that_does_not_run_says_so(folder: Path) -> None:
    """Bad input, daemon not running: exit 69."""
    at = ("--home", str(folder))
    for command in (["status"], ["queue"], ["account", "add", "a@b.example", "--invite", "x"]):
        assert "is not running" in told(69, "mx-gateway", *at, *command)
    assert "is not running" in told(69, "mx-home", "invite", "--dir", str(folder))


# ── a server that is away ────────────────────────────────────────────────────────────
def test_mail_to_a_known_contact_waits_for_a_home_server_that_is_away(world: World) -> None:
    """Bad input anywhere loses nothing: taken at once, delivered after the server is back."""
    _send(world, "before that")
    wait_until(lambda: _copies(world, "before that") == 1)
    world.alice.home.stop()
    _send(world, "server away")
    wait_until(lambda: status(world.alice)["outbox"] != {})
    world.alice.home.start()

    wait_until(lambda: _copies(world, "server away") == 1)
    wait_until(lambda: status(world.alice)["outbox"] == {})


def _send(world: World, subject: str, body: bytes = b"") -> None:
    text = f"From: alice@a.example\r\nTo: bob@b.example\r\nSubject: {subject}\r\n\r\n".encode()
    with smtp(world.alice.known) as client:
        client.sendmail(world.alice.address, [world.bob.address], text + body)


def _copies(world: World, subject: str) -> int:
    return len(about(world.bob.known, subject))


# ── a disk without room ──────────────────────────────────────────────────────────────
def test_a_full_disk_takes_no_message_and_loses_none(world: World) -> None:
    """Bad input, disk full: 452 4.3.1, what was taken before is kept; with room it goes on."""
    taken: list[str] = []
    refused: list[tuple[int, bytes | str]] = []
    _send(world, "acquaintance")
    wait_until(lambda: _copies(world, "acquaintance") == 1)
    with _without_home(world) as come_back, _little_room(world) as room:
        for n in range(60):
            subject = f"full-{n}-{secrets.token_hex(4)}"
            try:
                _send(world, subject, _lines(100 if n == 0 else room.message_octets))
                taken.append(subject)
            except smtplib.SMTPResponseException as error:
                refused.append((error.smtp_code, error.smtp_error))
                if len(refused) == 3:
                    break
        assert taken != []
        assert len(refused) == 3
        assert {code for code, _ in refused} == {452}
        assert all(isinstance(text, bytes) and text.startswith(b"4.3.1 ") for _, text in refused)
        assert about(world.alice.known, "nothing of that kind") == []  # reading goes on

        room.make_large()
        come_back()
        _send(world, "room-again")
        wait_until(lambda: _copies(world, "room-again") == 1)
        wait_until(lambda: all(_copies(world, subject) == 1 for subject in taken))
        wait_until(lambda: status(world.alice)["outbox"] == {})


@contextlib.contextmanager
def _without_home(world: World) -> Iterator[Callable[[], None]]:
    """Stop alice's home server, so that what is taken stays; yield what starts it again."""
    world.alice.home.stop()
    try:
        yield world.alice.home.start
    finally:
        if world.alice.home.process is None:
            world.alice.home.start()


def _lines(octets: int) -> bytes:
    lines = octets // 72 + 1  # no two the same: what repeats itself takes little room
    return b"".join(secrets.token_hex(35).encode() + b"\r\n" for _ in range(lines))


@dataclass(frozen=True)
class _Room:
    """How large messages should be so that a few fill it, and what ends the shortage."""

    message_octets: int
    make_large: Callable[[], object]


@contextlib.contextmanager
def _little_room(world: World) -> Iterator[_Room]:
    """Leave alice's gateway a few MiB: a small file system, or without root, files that may not grow."""
    with (_small_disk if os.geteuid() == 0 else _small_files)(world) as room:
        yield room


@contextlib.contextmanager
def _small_disk(world: World) -> Iterator[_Room]:
    data = world.alice.gateway_dir / "data"
    saved = world.alice.gateway_dir / "saved"
    world.alice.gateway.stop()
    shutil.copytree(data, saved)
    size = sum(path.stat().st_size for path in saved.rglob("*")) + 4 * 1024 * 1024
    _run("mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(data))
    try:
        shutil.copytree(saved, data, dirs_exist_ok=True)
        (data / "place").unlink()  # else it would be refused as a copy
        world.alice.gateway.start()
        yield _Room(200_000, lambda: _run("mount", "-o", "remount,size=256m", str(data)))
        world.alice.gateway.stop()
        shutil.rmtree(saved)
        shutil.copytree(data, saved)
    finally:
        world.alice.gateway.stop()
        _run("umount", str(data))
        shutil.rmtree(data)
        saved.rename(data)
        (data / "place").unlink(missing_ok=True)
        world.alice.gateway.start()


@contextlib.contextmanager
def _small_files(world: World) -> Iterator[_Room]:
    process = world.alice.gateway.process
    assert process is not None
    limit, pid, at_first = resource.RLIMIT_FSIZE, process.pid, resource.RLIM_INFINITY
    files = (world.alice.gateway_dir / "data").rglob("*")
    largest = max(path.stat().st_size for path in files) + 1024 * 1024
    resource.prlimit(pid, limit, (largest, at_first))
    try:
        yield _Room(2 * largest, lambda: resource.prlimit(pid, limit, (at_first, at_first)))
    finally:
        resource.prlimit(pid, limit, (at_first, at_first))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS)
