"""The doctor says what is wrong, and for each thing that is wrong what to do."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mx_core.homeserver.commands.doctor import _clock_of_peers, examine
from mx_core.homeserver.queue.peer_times import PeersSay
from mx_core.program.finding import Finding
from tests.support.dns import dns_servers
from tests.support.homes import HomeProcess, Homes, run_any, running_homes

pytestmark = [pytest.mark.anyio, pytest.mark.fleet]


@pytest.fixture(scope="module")
def homes() -> Iterator[Homes]:
    with running_homes() as made:
        yield made


@pytest.fixture(scope="module")
def home(homes: Homes) -> HomeProcess:
    return homes.make("a.example")


@pytest.fixture(scope="module")
def still(homes: Homes) -> HomeProcess:
    return homes.make("still.example", start=False)


async def _bad(folder: Path) -> list[Finding]:
    return [found async for found in examine(folder) if found.do]


async def test_a_home_that_is_well_has_nothing_to_do(home: HomeProcess) -> None:
    found = [each async for each in examine(home.folder)]

    assert [each for each in found if each.do] == []
    assert "strangers find a.example and its key" in found[-1].said
    assert "the certificate is good, and for 7.0 days" in found[-2].said


async def test_a_folder_that_is_no_homes_is_told(tmp_path: Path) -> None:
    [found] = await _bad(tmp_path)

    assert "mx-home init" in found.do


async def test_a_key_that_others_read_is_told(still: HomeProcess) -> None:
    key = still.folder / "domain.key"
    key.chmod(0o644)
    [found] = await _bad(still.folder)
    key.chmod(0o600)

    assert found.do.startswith(f"chmod 600 {key}")


async def test_keys_of_roles_that_others_read_are_told(home: HomeProcess) -> None:
    key = home.folder / "roles.key"
    key.chmod(0o640)
    [found] = await _bad(home.folder)
    key.chmod(0o600)

    assert found.do.startswith(f"chmod 600 {key}")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
async def test_a_file_that_the_server_can_not_use_is_told(still: HomeProcess) -> None:
    path = still.folder / "left.behind"
    path.touch()
    os.chown(path, 4_711, 4_711)
    found, *_ = await _bad(still.folder)
    path.unlink()

    assert found.do == f"chown --reference={still.folder} {path}"


async def test_a_name_without_an_address_is_told_once(home: HomeProcess) -> None:
    path = home.folder / "mx-home.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(f'public_host = "nowhere.invalid"\n{text}', encoding="utf-8")
    found, *others = await _bad(home.folder)
    path.write_text(text, encoding="utf-8")

    assert found.do.startswith("publish an A or AAAA record of nowhere.invalid")
    assert not [each for each in others if "port" in each.said]


async def test_another_server_at_the_port_of_devices_is_told(
    homes: Homes, home: HomeProcess
) -> None:
    other = homes.make("other.example")
    path = home.folder / "mx-home.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(f"client = {home.client}", f"client = {other.client}"))
    found = await _bad(home.folder)
    path.write_text(text, encoding="utf-8")

    assert "is not believed" in found[0].said
    assert "to no other server" in found[0].do


async def test_a_server_that_does_not_run_is_told_and_nothing_beyond_it(
    still: HomeProcess,
) -> None:
    [found] = await _bad(still.folder)

    assert "mx-home serve" in found.do


async def test_a_clock_that_is_behind_is_told(still: HomeProcess) -> None:
    key = still.folder / "domain.key"
    os.utime(key, (time.time() + 9_000, time.time() + 9_000))
    found = await _bad(still.folder)
    os.utime(key)

    assert "timedatectl" in found[0].do


async def test_whether_the_clock_is_ahead_is_not_known_before_a_peer_has_told_its_own(
    home: HomeProcess,
) -> None:
    said = [each.said async for each in examine(home.folder)]

    assert [each for each in said if each.startswith("no other server has told its time")]


@pytest.mark.parametrize(
    ("say", "told"),
    [
        (PeersSay(3, 1.5, 0), ""),
        (PeersSay(2, 86_400.4, 0), "the clock is 86,400 s ahead of that of 2 other servers"),
        (PeersSay(1, -7_200.0, 5), "the clock is 7,200 s behind that of 1 other server"),
        (PeersSay(4, 0.0, 1), ""),  # it is the certificate of that one
        (PeersSay(0, 0.0, 2), "what 2 other servers show looks expired"),
    ],
)
def test_a_clock_that_peers_contradict_is_told(say: PeersSay, told: str) -> None:
    found = _clock_of_peers(say)

    assert ("timedatectl" in found.do) == bool(told)
    assert found.said.startswith(told)


async def test_a_folder_that_others_may_enter_is_told(home: HomeProcess) -> None:
    home.folder.chmod(0o755)
    [found] = await _bad(home.folder)
    home.folder.chmod(0o700)

    assert found.do == f"chmod 700 {home.folder}"


async def test_a_port_that_nobody_reaches_and_a_wrong_record_are_told(home: HomeProcess) -> None:
    """The file names another port than the server was started with, as after a careless edit."""
    path = home.folder / "mx-home.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(f"hello = {home.hello}", "hello = 1"), encoding="utf-8")
    found = await _bad(home.folder)
    path.write_text(text, encoding="utf-8")

    assert "open TCP port 1" in found[0].do
    assert found[1].do.startswith("publish: _mailx.a.example.")


async def test_what_the_doctor_says_to_publish_makes_the_domain_found(homes: Homes) -> None:
    home = homes.make("lone.test", start=False)
    with dns_servers(signed=["lone.test"]) as dns:
        path = home.folder / "mx-home.toml"
        text = path.read_text(encoding="utf-8")
        resolver = dns.settings()
        peers = next(line for line in text.splitlines() if line.startswith("peers = "))
        nameserver = f'nameserver = "{resolver.nameserver}:{resolver.port}"'
        path.write_text(text.replace(peers, nameserver), encoding="utf-8")
        home.start()
        [found] = await _bad(home.folder)
        assert found.said == "lone.test has no record: nobody finds it"

        dns.publish("lone.test", [found.do.removeprefix("publish: ")])

        said = [each async for each in examine(home.folder)][-1]
        assert said == Finding("strangers find lone.test and its key, by DNSSEC")


def test_the_command_ends_with_the_status_of_what_must_be_changed(
    home: HomeProcess, still: HomeProcess
) -> None:
    well, ill = (run_any("doctor", "--dir", str(each.folder)) for each in (home, still))

    assert (well.returncode, well.stderr) == (0, "")
    assert ill.returncode == 78
    assert "do:" in ill.stdout
