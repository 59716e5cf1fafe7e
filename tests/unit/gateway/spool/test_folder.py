"""The folder of sealed letters."""

import os
import time
from pathlib import Path

import pytest
from nacl.public import PrivateKey

from gateway.spool import folder
from gateway.spool.folder import Spool
from mx_core.model.errors import BadConfiguration, OverQuota, Refused

KEY = PrivateKey(bytes(range(32))).public_key
FIRST, SECOND = "0" * 20, "0" * 19 + "1"


def test_letters_come_back_in_their_order_and_go(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    spool.publish(KEY)
    spool.put(SECOND, b"2")
    spool.put(FIRST, b"1")
    names = spool.names()
    octets = [spool.get(name) for name in names]
    spool.remove(FIRST)

    assert (names, octets) == ([FIRST, SECOND], [b"1", b"2"])
    assert spool.names() == [SECOND]
    assert spool.public_key() == KEY
    assert (tmp_path / "spool" / SECOND).stat().st_mode & 0o777 == 0o600


def test_without_a_gateway_that_ever_ran_nothing_can_be_sealed(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="mx-gateway up"):
        Spool(tmp_path / "spool").public_key()


@pytest.mark.parametrize("name", ["../../etc/passwd", "key", "x", FIRST])
def test_only_a_letter_that_is_there_is_given_out(tmp_path: Path, name: str) -> None:
    spool = Spool(tmp_path / "spool")
    spool.publish(KEY)

    with pytest.raises(Refused):
        spool.get(name)


def test_how_many_may_wait_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "LETTERS_MAX", 1)
    spool = Spool(tmp_path / "spool")
    spool.publish(KEY)
    spool.put(FIRST, b"1")

    with pytest.raises(OverQuota):
        spool.put(SECOND, b"2")


def test_what_a_killed_program_left_is_swept_and_what_does_not_open_is_kept(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    spool.publish(KEY)
    old, young = (tmp_path / "spool" / f"{name}.tmp" for name in (FIRST, SECOND))
    for path in (old, young):
        path.write_bytes(b"half")
    long_ago = time.time() - 7200
    os.utime(old, (long_ago, long_ago))
    spool.publish(KEY)
    spool.put(FIRST, b"1")
    spool.set_aside(FIRST)

    assert (old.exists(), young.exists()) == (False, True)
    assert spool.names() == []
    assert (tmp_path / "spool" / f"{FIRST}.unreadable").read_bytes() == b"1"
