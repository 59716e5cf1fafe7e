"""Profiles are found where each packaging keeps them; what is told is told by the real certutil."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
from pathlib import Path

import pytest

from gateway.beginning import thunderbird
from gateway.directories import directories
from gateway.doctor.removal import uninstall
from gateway.loopback import local_ca
from mx_core.model.errors import Refused, Unavailable

needs_certutil = pytest.mark.skipif(
    shutil.which("certutil") is None, reason="libnss3-tools is not installed"
)


def profile(home: Path, place: str, name: str = "x.default", *, listed: str = "") -> Path:
    folder = home / place
    (folder / name).mkdir(parents=True)
    path, relative = (listed, 0) if listed else (name, 1)
    text = f"[General]\nStartWithLastProfile=1\n\n[Profile0]\nName=d\nIsRelative={relative}\nPath={path}\n"
    (folder / "profiles.ini").write_text(text, encoding="utf-8")
    return folder / name


@pytest.mark.parametrize(
    "place",
    [
        ".thunderbird",
        ".var/app/org.mozilla.Thunderbird/.thunderbird",
        "snap/thunderbird/common/.thunderbird",
    ],
)
def test_a_profile_of_each_packaging_is_found(tmp_path: Path, place: str) -> None:
    assert thunderbird.profiles(tmp_path) == []
    found = profile(tmp_path, place)

    assert thunderbird.profiles(tmp_path) == [found]


def test_a_profile_elsewhere_is_found_by_its_path_and_one_that_is_gone_is_not(
    tmp_path: Path,
) -> None:
    elsewhere = tmp_path / "mail"
    profile(tmp_path, ".thunderbird", listed=str(elsewhere))
    assert thunderbird.profiles(tmp_path) == []
    elsewhere.mkdir()

    assert thunderbird.profiles(tmp_path) == [elsewhere]


@pytest.mark.parametrize("octets", [b"\xff\xfe", b"no section\n", b"[Profile0]\nName=x\n", b"[Pro"])
def test_a_file_of_profiles_that_is_none_names_none(tmp_path: Path, octets: bytes) -> None:
    profile(tmp_path, ".thunderbird")
    (tmp_path / ".thunderbird" / "profiles.ini").write_bytes(octets)

    assert thunderbird.profiles(tmp_path) == []


def test_without_a_profile_the_next_step_is_said(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="start Thunderbird once"):
        thunderbird.trust(tmp_path, tmp_path / "root.pem")


def test_without_certutil_the_way_by_hand_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile(tmp_path, ".thunderbird")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="libnss3-tools"):
        thunderbird.trust(tmp_path, tmp_path / "root.pem")

    assert thunderbird.distrust(tmp_path, tmp_path / "root.pem") == 0


def listed(folder: Path) -> str:
    done = subprocess.run(
        ["certutil", "-L", "-d", f"sql:{folder}"], capture_output=True, text=True, check=False
    )
    return done.stdout


@needs_certutil
def test_trust_is_given_to_this_gateway_s_authority_and_goes_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = directories(tmp_path / "gateway")
    places.prepare()
    tls = local_ca.load(places.data / "ca", dt.datetime.now(dt.UTC))
    other = local_ca.load(tmp_path / "other", dt.datetime.now(dt.UTC))
    folder = profile(tmp_path, ".thunderbird")
    monkeypatch.setenv("HOME", str(tmp_path))

    told = thunderbird.trust(tmp_path, tls.root_file)
    again = thunderbird.trust(tmp_path, tls.root_file)
    trusted = listed(folder)
    foreign = thunderbird.distrust(tmp_path, other.root_file)
    uninstall(places, ())

    assert (told, again, foreign) == (1, 1, 0)
    assert trusted.count("mx-gateway ") == 1
    assert "C,,  " in trusted
    assert "mx-gateway" not in listed(folder)


@needs_certutil
def test_a_profile_that_does_not_take_it_is_told(tmp_path: Path) -> None:
    tls = local_ca.load(tmp_path / "ca", dt.datetime.now(dt.UTC))
    folder = profile(tmp_path, ".thunderbird")
    (folder / "cert9.db").write_bytes(b"no database of NSS" * 100)

    with pytest.raises(Unavailable, match="import it in Thunderbird"):
        thunderbird.trust(tmp_path, tls.root_file)
