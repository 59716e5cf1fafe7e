"""The command line: one sentence and the right exit code for whatever is wrong."""

from __future__ import annotations

import logging
import os
import socket
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner

from mx_core.homeserver import __main__ as program
from mx_core.homeserver.opening import open_database
from mx_core.homeserver.operating.backup import DATABASE_NAME
from tests.support.homes import free_port_base, run_any

SOMEBODY = 4_711  # a uid


@pytest.fixture(autouse=True)
def _own_logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """``serve`` points the logs at a standard error that is gone after the test."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    yield
    structlog.reset_defaults()


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mxh-") as made:
        yield Path(made) / "home"


@pytest.fixture
def home(folder: Path) -> Path:
    _ends(0, "init", "--domain", "a.example", "--port-base", str(free_port_base()), folder=folder)
    return folder


def _ends(code: int, *arguments: str, folder: Path) -> str:
    """Run in this process, which is quicker; return what stood on standard error."""
    command, *rest = arguments
    return _says(code, command, "--dir", str(folder), *rest)


def _says(code: int, *arguments: str) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["mx-home", *arguments])
        with CliRunner().isolation() as (out, err, _):
            try:
                program.main()
                ended: object = 0
            except SystemExit as stop:
                ended = stop.code
            said = err.getvalue().decode()
            printed = out.getvalue().decode()
    assert ended == code, said
    if code:
        assert said.startswith("mx-home: ")
        assert said.count("\n") == 1
        return said
    return printed


def test_init_makes_private_files_and_prints_the_record(home: Path) -> None:
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "domain.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "mx-home.toml").stat().st_mode) == 0o600
    printed = _ends(0, "record", folder=home)
    assert '# _mailx.a.example. 300 IN TXT "v=mailx1; k=ed25519:' in printed
    assert '[peers."a.example"]' in printed


def test_init_for_everybody_takes_the_name_that_others_dial(folder: Path) -> None:
    _ends(
        0,
        *("init", "--domain", "a.example", "--port-base", str(free_port_base())),
        *("--host", "0.0.0.0", "--public-host", "mailx.a.example"),
        folder=folder,
    )

    assert "e=https://mailx.a.example:" in _ends(0, "record", folder=folder)


def test_init_says_who_can_not_dial_a_name_that_is_missing(folder: Path) -> None:
    asked = ("init", "--domain", "a.example", "--host", "0.0.0.0")

    assert "public_host is needed" in _ends(78, *asked, folder=folder)
    assert not folder.exists()


def test_init_that_only_this_computer_reaches_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="0"):
        program.program.main(["init", "--domain", "a.example", "--dir", str(folder)])

    assert 'public_host = "mailx.a.example"' in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may work on somebody else's folder")
def test_what_root_does_in_a_folder_of_somebody_else_is_theirs(home: Path) -> None:
    for path in (home, *home.iterdir()):
        os.chown(path, SOMEBODY, SOMEBODY)

    for step in (("begin",), ("roll", "--now")):
        program.program.main(["domain-key", *step, "--dir", str(home)], standalone_mode=False)

    assert {path.stat().st_uid for path in home.iterdir()} == {SOMEBODY}
    assert f"belongs to user {SOMEBODY}" in _ends(77, "serve", folder=home)


def test_init_never_replaces_a_home(home: Path) -> None:
    key = (home / "domain.key").read_bytes()

    assert "exists already" in _ends(73, "init", "--domain", "b.example", folder=home)
    (home / "mx-home.toml").unlink()
    assert "has its key" in _ends(73, "init", "--domain", "b.example", folder=home)
    assert (home / "domain.key").read_bytes() == key


def test_init_refuses_a_domain_that_is_none(folder: Path) -> None:
    assert "not a domain name" in _ends(78, "init", "--domain", "no domain", folder=folder)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("serve", "--nonsense"), "--nonsense"), (("init",), "--domain"), (("sevre",), "sevre")],
)
def test_a_wrong_command_line_ends_with_64(
    folder: Path, arguments: tuple[str, ...], words: str
) -> None:
    assert words in _ends(64, *arguments, folder=folder) or "sevre" in arguments


ASKING = (
    *(("invite",), ("status",), ("export",), ("backup", "--to", "copy")),
    *(("user", "list"), ("user", "add", "alice"), ("user", "add", "--echo")),
    *(("block", "list"), ("block", "add", "b.example"), ("block", "remove", "b.example")),
    *(("queue", "list"), ("queue", "retry"), ("queue", "drop", "b.example")),
)


@pytest.mark.parametrize("command", ASKING, ids=" ".join)
def test_a_command_that_needs_the_server_says_what_to_type_when_none_runs(
    folder: Path, command: tuple[str, ...]
) -> None:
    folder.mkdir()

    assert f"is not running (nobody answers at {folder}/control.sock): first mx-home init" in (
        _says(69, *command, "--dir", str(folder))
    )
    (folder / "mx-home.toml").touch()
    assert f": mx-home serve --dir {folder}, or systemctl" in (
        _says(69, *command, "--dir", str(folder))
    )


def test_a_command_without_a_folder_says_which_that_may_be() -> None:
    said = _says(64, "user", "list")

    assert "user list --dir FOLDER (under systemd: /var/lib/mx-home)" in said


def test_serve_says_what_is_missing(folder: Path) -> None:
    assert "first mx-home init --dir" in _ends(78, "serve", folder=folder)


def test_an_unknown_key_ends_with_78_and_a_suggestion(home: Path) -> None:
    with (home / "mx-home.toml").open("a") as file:
        file.write("[lmits]\nsessions = 1\n")

    assert "did you mean 'limits'?" in _ends(78, "serve", folder=home)


def test_a_key_that_others_can_read_ends_with_77(home: Path) -> None:
    (home / "domain.key").chmod(0o644)

    assert "chmod 600" in _ends(77, "serve", folder=home)


@pytest.mark.parametrize("content", [b"", b"ed25519-seed:AAAA\n", b"\xff\xfe", b"x" * 60])
def test_a_key_file_that_holds_no_key_ends_with_78(home: Path, content: bytes) -> None:
    (home / "domain.key").write_bytes(content)

    assert "domain.key" in _ends(78, "serve", folder=home)


def test_a_database_of_a_newer_version_ends_with_65_and_is_left_alone(home: Path) -> None:
    open_database(home).close()
    with sqlite3.connect(home / DATABASE_NAME) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()

    assert "newer version" in _ends(65, "serve", folder=home)


def test_a_file_that_is_no_database_ends_with_65(home: Path) -> None:
    (home / DATABASE_NAME).write_bytes(b"not a database" * 1000)

    assert "database" in _ends(65, "serve", folder=home)


def test_a_second_process_ends_with_75(home: Path) -> None:
    database = open_database(home)
    try:
        assert "already running" in _ends(75, "serve", folder=home)
    finally:
        database.close()


def test_a_port_that_is_taken_ends_with_78(home: Path) -> None:
    text = (home / "mx-home.toml").read_text()
    port = int(text.partition("federation = ")[2].partition("\n")[0])
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # it is reserved for servers
        taken.bind(("127.0.0.1", port))
        taken.listen()

        # a process of its own: gRPC writes to the real standard error when a bind fails
        done = run_any("serve", "--dir", str(home))

    assert done.returncode == os.EX_CONFIG
    assert done.stdout == ""
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"mx-home: cannot listen at 127.0.0.1:{port}")


def test_a_nameserver_that_is_no_address_ends_with_78(home: Path) -> None:
    with (home / "mx-home.toml").open("a") as file:
        file.write("[discovery]\nnameserver = 'x:y:z'\n")

    assert "nameserver" in _ends(78, "serve", folder=home)
