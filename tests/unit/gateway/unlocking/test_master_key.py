from pathlib import Path

import pytest

from gateway.unlocking.master_key import Method, account_key, change, load, method_of, methods_here
from mx_core.model.errors import BadConfiguration, BadCredentials, Locked, NotPermitted, Unavailable
from mx_core.model.secret import Secret


def test_the_key_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    made = load(tmp_path).reveal()

    assert load(tmp_path).reveal() == made
    assert len(made) == 32
    assert (tmp_path / "master.key").stat().st_mode & 0o077 == 0


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    load(tmp_path)
    (tmp_path / "master.key").chmod(0o644)

    with pytest.raises(BadConfiguration, match="chmod 600"):
        load(tmp_path)


def test_a_damaged_key_file_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "master.key").write_text("not hex")
    (tmp_path / "master.key").chmod(0o600)

    with pytest.raises(BadConfiguration, match="is no key"):
        load(tmp_path)
    assert (tmp_path / "master.key").read_text() == "not hex"


def test_a_systemd_credential_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "mx-gateway.key").write_text("07" * 32)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))

    assert load(tmp_path).reveal() == bytes([7]) * 32
    assert not (tmp_path / "master.key").exists()


def test_each_account_has_a_key_of_its_own(tmp_path: Path) -> None:
    master = load(tmp_path)

    assert account_key(master, "a").reveal() != account_key(master, "b").reveal()


WORDS = Secret("correct horse battery")
TOOL = """#!/bin/sh
cat="$0.kept"
case "$1" in
store) cat > "$cat" ;;
lookup) test -e "$0.closed" || cat "$cat" 2>/dev/null ;;
clear) rm -f "$cat" ;;
esac
"""


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a program named as libsecret's in front, with the part of its behaviour that counts."""
    folder = tmp_path / "bin"
    folder.mkdir()
    path = folder / "secret-tool"
    path.write_text(TOOL)
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def test_under_a_passphrase_no_clear_key_stays_and_nothing_opens_without_it(data: Path) -> None:
    master = load(data)
    change(data, master, Method.PASSPHRASE, WORDS)

    assert [path.name for path in data.iterdir()] == ["master.key.sealed"]
    assert method_of(data) is Method.PASSPHRASE
    with pytest.raises(Locked, match="mx-gateway unlock"):
        load(data)
    with pytest.raises(BadCredentials):
        load(data, Secret("another passphrase"))
    assert load(data, WORDS).reveal() == master.reveal()


def test_a_clear_key_that_a_crash_left_beside_a_sealed_one_goes_with_the_next_unlocking(
    data: Path,
) -> None:
    master = load(data)
    clear = (data / "master.key").read_bytes()
    change(data, master, Method.PASSPHRASE, WORDS)
    (data / "master.key").write_bytes(clear)

    assert method_of(data) is Method.PASSPHRASE
    load(data, WORDS)
    assert not (data / "master.key").exists()


def test_a_keyring_keeps_the_key_and_gives_it_back(data: Path, tool: Path) -> None:
    master = load(data)
    change(data, master, Method.KEYRING)

    assert Method.KEYRING in methods_here()
    assert [path.name for path in data.iterdir()] == ["master.key.keyring"]
    assert load(data).reveal() == master.reveal()
    tool.with_name("secret-tool.closed").touch()
    with pytest.raises(Unavailable, match="keyring"):
        load(data)


def test_from_the_keyring_to_a_passphrase_and_back_to_a_file(data: Path, tool: Path) -> None:
    master = load(data)
    for method in (Method.KEYRING, Method.PASSPHRASE, Method.KEYRING, Method.FILE):
        change(data, master, method, WORDS)
        assert method_of(data) is method
        assert load(data, WORDS).reveal() == master.reveal()

    assert [path.name for path in data.iterdir()] == ["master.key"]
    assert not tool.with_name("secret-tool.kept").exists()


def test_without_the_program_of_the_keyring_it_is_not_offered(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(data))
    master = load(data)

    assert Method.KEYRING not in methods_here()
    with pytest.raises(NotPermitted):
        change(data, master, Method.KEYRING)


def test_where_systemd_gives_the_key_nothing_else_does(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (data / "mx-gateway.key").write_text("07" * 32)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(data))

    with pytest.raises(NotPermitted):
        change(data, load(data), Method.PASSPHRASE, WORDS)
