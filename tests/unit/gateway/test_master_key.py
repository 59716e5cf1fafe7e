from pathlib import Path

import pytest

from gateway.master_key import account_key, load
from mx_core.model.errors import BadConfiguration


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
