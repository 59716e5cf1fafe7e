"""Nothing is left but what was asked to be kept, and nothing goes while the gateway runs."""

from pathlib import Path

import pytest

from gateway.directories import Directories, directories
from gateway.doctor.removal import uninstall
from gateway.unlocking import master_key
from mx_core.db.lock import ProcessLock
from mx_core.model.errors import Refused


@pytest.fixture
def places(tmp_path: Path) -> Directories:
    found = directories(tmp_path / "home")
    found.prepare()
    master_key.load(found.data)
    found.config_file.write_text("")
    (found.accounts / "one").mkdir()
    (found.accounts / "one" / "mail.db.lock").touch()
    return found


def test_nothing_is_left(places: Directories) -> None:
    uninstall(places, ())

    assert not places.data.parent.exists()
    assert uninstall(places, ()) == []


def test_what_is_kept_is_as_it_was(places: Directories) -> None:
    key = (places.data / "master.key").read_bytes()
    gone = uninstall(places, ("mail",))

    assert gone == [places.runtime, places.config]
    assert (places.data / "master.key").read_bytes() == key


def test_an_account_in_use_is_not_removed(places: Directories) -> None:
    held = ProcessLock(places.accounts / "one" / "mail.db.lock")
    with pytest.raises(Refused, match="already running"):
        uninstall(places, ())
    held.release()

    assert (places.data / "master.key").exists()


def test_another_thing_in_the_same_home_stays(places: Directories) -> None:
    (places.data.parent / "letters").touch()
    uninstall(places, ())

    assert [path.name for path in places.data.parent.iterdir()] == ["letters"]
