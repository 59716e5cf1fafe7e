"""What arrives while locked is one file each, bounded; a token is renewed early and revoked when unwanted."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.unlocking import receiving
from gateway.unlocking.receiving import Token, arrival_of, drop, keep, kept, renew_token
from mx_core import carrier_port
from mx_core.model.errors import DiskFull
from mx_core.model.ids import EnvId
from mx_core.notation.hashing import b2_plain
from tests.support.stores import Clock

DAY = 86_400


def arrival(n: int, body: bytes = b"MXB1") -> carrier_port.Arrival:
    envelope = b"MXE1 %d" % n
    return carrier_port.Arrival(n, EnvId(b2_plain(envelope)), envelope, body, "b.example")


@pytest.fixture
def intake(tmp_path: Path) -> Path:
    folder = tmp_path / "intake"
    folder.mkdir()
    return folder


def test_what_is_kept_comes_back_as_it_was_and_goes_when_it_is_taken(intake: Path) -> None:
    keep(intake, arrival(1))
    keep(intake, arrival(1))
    keep(intake, arrival(2, b"MXB1 large" * 1000))
    paths = kept(intake.parent)
    found = [arrival_of(path) for path in paths]
    drop(paths[0])

    assert [one and (one.envelope, one.body, one.peer_domain) for one in found] == [
        (b"MXE1 1", b"MXB1", "b.example"),
        (b"MXE1 2", b"MXB1 large" * 1000, "b.example"),
    ]
    assert kept(intake.parent) == paths[1:]
    assert paths[1].stat().st_mode & 0o077 == 0


def test_no_more_is_kept_than_may_be(intake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "FILES_MAX", 2)
    keep(intake, arrival(1))
    keep(intake, arrival(2))
    with pytest.raises(DiskFull):
        keep(intake, arrival(3))
    monkeypatch.setattr(receiving, "FILES_MAX", 9)
    monkeypatch.setattr(receiving, "OCTETS_MAX", 100)
    with pytest.raises(DiskFull):
        keep(intake, arrival(3, b"x" * 90))

    assert len(kept(intake.parent)) == 2


def test_a_file_that_is_no_arrival_is_told_as_such(intake: Path) -> None:
    (intake / "odd").write_bytes(b"no cbor")

    assert [arrival_of(path) for path in kept(intake.parent)] == [None]


@dataclass
class Home:
    """Gives tokens, and notes what was asked."""

    clock: Clock
    asked: list[int] = field(default_factory=list)

    async def collect_token(self, seconds: int) -> tuple[bytes, int]:
        self.asked.append(seconds)
        return (b"t%d" % len(self.asked), int(self.clock()) + seconds) if seconds else (b"", 0)


@pytest.mark.anyio
async def test_a_token_is_renewed_two_weeks_before_it_ends_and_revoked_when_unwanted(
    tmp_path: Path,
) -> None:
    clock = Clock()
    home = Home(clock)
    for days in (0, 14, 1):
        clock.at += days * DAY
        await renew_token(tmp_path, "a.example", home, clock, wanted=True)
    renewed = Token.read(tmp_path)
    for _ in range(2):
        await renew_token(tmp_path, "a.example", home, clock, wanted=False)

    assert renewed == Token("a.example", b"t1", int(clock()) - 15 * DAY + 30 * DAY)
    clock.at += DAY
    await renew_token(tmp_path, "a.example", home, clock, wanted=True)
    assert home.asked == [30 * DAY, 0, 30 * DAY]
    assert Token.read(tmp_path) == Token("a.example", b"t3", int(clock()) + 30 * DAY)
