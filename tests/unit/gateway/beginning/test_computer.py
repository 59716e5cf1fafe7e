"""What this computer offers is what is really there."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.beginning.computer import CONSEQUENCES, OwnComputer
from gateway.config import Discovery
from gateway.directories import Directories, directories
from gateway.unlocking.master_key import Method
from mx_core.model.errors import NotOnNetwork

pytestmark = pytest.mark.anyio

ANSWERS = "#!/bin/sh\nexit 1\n"
COMPLAINS = '#!/bin/sh\necho "Cannot autolaunch D-Bus without X11 \\$DISPLAY" >&2\nexit 1\n'


@pytest.fixture
def places(tmp_path: Path) -> Directories:
    made = directories(tmp_path / "gateway")
    made.prepare()
    return made


def computer(places: Directories, discovery: Discovery | None = None) -> OwnComputer:
    home = places.data.parent
    return OwnComputer(places, discovery or Discovery(), places.data / "root.pem", home)


def tool(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir()
    (folder / "secret-tool").write_text(text, encoding="utf-8")
    (folder / "secret-tool").chmod(0o700)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


@pytest.mark.parametrize(
    ("text", "choices"),
    [
        (ANSWERS, (Method.KEYRING, Method.PASSPHRASE, Method.FILE)),
        (COMPLAINS, (Method.PASSPHRASE, Method.FILE)),
    ],
)
async def test_a_keyring_is_offered_where_it_answers(
    places: Directories,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    choices: tuple[Method, ...],
) -> None:
    tool(tmp_path / "bin", text, monkeypatch)
    kept = await computer(places).kept()

    assert (kept.now, kept.choices) == (Method.FILE, choices)
    assert all(CONSEQUENCES[each] for each in Method)


async def test_where_a_credential_decides_nothing_is_offered(
    places: Directories, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mx-gateway.key").write_text("00" * 32, encoding="ascii")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    kept = await computer(places).kept()

    assert (kept.now, kept.choices) == (Method.CREDENTIAL, ())


async def test_the_doctor_of_the_page_is_that_of_the_command_line(places: Directories) -> None:
    said = [one.said for one in await computer(places).examine()]

    assert any(str(places.config_file) in each for each in said)


async def test_a_domain_that_nobody_names_is_not_found(places: Directories, tmp_path: Path) -> None:
    peers = tmp_path / "peers.toml"
    peers.write_text("", encoding="utf-8")
    with pytest.raises(NotOnNetwork):
        await computer(places, Discovery(peers=str(peers), closed=True)).look_up("a.example")


async def test_mail_that_thunderbird_keeps_is_offered_to_be_brought(places: Directories) -> None:
    folder = places.data.parent / ".thunderbird" / "x.default"
    (folder / "Mail").mkdir(parents=True)
    (folder / "prefs.js").touch()
    (folder.parent / "profiles.ini").write_text("[Profile0]\nIsRelative=1\nPath=x.default\n")

    assert computer(places).mail_here() == [str(folder)]
    assert computer(places).profiles() == 1
