"""The computer is gone: sheet and backup on an empty one bring everything back, and it is out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.demo.world import World
from mx_core.mail_programs.mail_settings import MailSettings
from mx_core.model.errors import Unavailable
from tests.support.clients import about, hashes, imap, wait_until, write
from tests.support.gateways import add_person, empty_home, gateway, started
from tests.support.homes import free_port_base

pytestmark = pytest.mark.fleet


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path / "world") as made:
        yield made


def validity(settings: MailSettings) -> int:
    with imap(settings) as client:
        client.select("INBOX", readonly=True)
        told = client.untagged_responses["UIDVALIDITY"][0]
        assert isinstance(told, bytes)
        return int(told)


def test_sheet_and_backup_bring_every_message_back_and_the_lost_device_is_out(
    world: World, tmp_path: Path
) -> None:
    bob, home = world.bob.known, world.alice.gateway_dir
    carol, words = add_person(world.alice, "carol")
    gateway(home, "contact", "accept", carol.address, bob.address)
    for number, octets in enumerate((100, 300_000, 5_000)):
        write(bob, carol.address, f"letter-{number}", octets)
        wait_until(lambda number=number: len(about(carol, f"letter-{number}")) == 1)  # type: ignore[misc]  # bound now
    with imap(carol) as client:
        client.append("Archive", "(\\Seen)", None, b"Subject: mine\r\n\r\n" + b"x" * 200_000)
    before, old_validity = hashes(carol), validity(carol)
    file = tmp_path / "carol.mxbackup"
    gateway(home, "backup", str(file), "--account", carol.address)
    write(bob, carol.address, "after-the-backup")
    wait_until(lambda: len(about(carol, "after-the-backup")) == 1)

    world.alice.gateway.stop()
    fresh = empty_home(world.alice, "fresh")
    program = started(fresh)
    try:
        wrong = "abandon " * 23 + "art"
        with pytest.raises(Unavailable, match="another recovery sheet"):
            gateway(fresh, "restore", str(file), "--json", stdin=wrong + "\n")
        told = json.loads(gateway(fresh, "restore", str(file), "--json", stdin=words + "\n"))
        restored = MailSettings(**told["settings"])
        after = hashes(restored)
        note = about(restored, "was restored on this computer")
        # bob's gateway knows the old card for a quarter of an hour: sealed to the lost device first
        write(bob, carol.address, "to-the-new-device")
        wait_until(lambda: len(about(restored, "to-the-new-device")) == 1)
        devices = json.loads(gateway(fresh, "device", "list", "--json"))
    finally:
        program.stop()
    checked = json.loads(gateway(fresh, "fsck", carol.address, "--deep", "--json"))

    inbox = set(after.pop("INBOX"))
    assert set(before.pop("INBOX")) < inbox
    assert len(note) == 1
    assert {name: found for name, found in after.items() if name != "Gateway"} == {
        name: found for name, found in before.items() if name != "Gateway"
    }
    assert validity_of(fresh, restored) > old_validity
    assert [one["active"] for one in devices] == [False, True]
    assert checked["sound"], checked
    _is_out(world, carol)


def validity_of(folder: Path, settings: MailSettings) -> int:
    program = started(folder)
    try:
        return validity(settings)
    finally:
        program.stop()


def _is_out(world: World, lost: MailSettings) -> None:
    """The old computer, started again: it is let in nowhere, and what is sent to carol passes by."""
    world.alice.gateway.start()
    wait_until(lambda: not _account(world, lost.address)["connected"])
    write(world.bob.known, lost.address, "not-for-the-thief")
    wait_until(lambda: "no active device" in str(_account(world, lost.address)["trouble"]))
    assert about(lost, "not-for-the-thief") == []


def _account(world: World, address: str) -> dict[str, object]:
    accounts = world.status(world.alice)["accounts"]
    return next(one for one in accounts if one["address"] == address)


def test_a_thief_is_shut_out_from_a_borrowed_computer_with_the_sheet_alone(
    world: World, tmp_path: Path
) -> None:
    home = world.alice.gateway_dir
    carol, words = add_person(world.alice, "carol")
    file = tmp_path / "carol.mxbackup"
    gateway(home, "backup", str(file), "--account", carol.address)
    # the thief's computer goes on running while the owner speaks from another one
    borrowed = empty_home(world.alice, "borrowed")
    config = borrowed / "config" / "config.toml"
    text = config.read_text()
    base = int(text.split("port_base = ")[1].split()[0])
    config.write_text(text.replace(f"port_base = {base}", f"port_base = {free_port_base(5)}"))
    program = started(borrowed)
    try:
        told = json.loads(gateway(borrowed, "recover", carol.address, "--json", stdin=words + "\n"))
        wait_until(lambda: "no active device" in str(_account(world, carol.address)["trouble"]))
    finally:
        program.stop()

    world.alice.gateway.stop()
    fresh = empty_home(world.alice, "fresh")
    program = started(fresh)
    try:
        with pytest.raises(Unavailable, match="replaced by a newer one"):
            gateway(fresh, "restore", str(file), "--json", stdin=words + "\n")
        both = words + "\n" + told["recovery_words"] + "\n"
        again = json.loads(
            gateway(fresh, "restore", str(file), "--older-sheet", "--json", stdin=both)
        )
        devices = json.loads(gateway(fresh, "device", "list", "--json"))
    finally:
        program.stop()

    assert again["address"] == carol.address
    assert [one["active"] for one in devices] == [False, False, True]
