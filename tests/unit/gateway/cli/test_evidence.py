"""Anybody checks a bundle with one command: no account, no network, no gateway that runs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.support.logged_domain import binding_of
from tests.support.people import NOW
from tests.support.stores import Clock, memory_store
from tests.support.watched_domain import (
    alice_and,
    evidence_in,
    send,
    two_faces,
    witnessed,
)
from tests.unit.gateway.own.test_log_watch import Home, evil

pytestmark = pytest.mark.anyio


async def a_split_view() -> bytes:
    """Return what was found by somebody whose own home server has seen the other face."""
    honest, face = two_faces()
    face.witnessed = witnessed(honest.shown)
    async with alice_and(face) as account:
        assert await send(account) == "refused"
        return await evidence_in(account)


async def a_lie_that_everybody_is_told() -> bytes:
    """Return what an owner found in the log of their own domain."""
    with memory_store(Clock(NOW)) as store:
        home = Home(store)
        await home.start()
        await home.watch.sync()
        foreign = binding_of(evil(home.alice))
        home.domain.shown.add(("alice@a.example", foreign))
        home.told.append(foreign)
        await home.watch.sync()
        [bundle] = await home.evidence()
        return bundle


def verified(home: Path, file: Path) -> subprocess.CompletedProcess[str]:
    """Run the command as somebody who has nothing but the file."""
    return subprocess.run(
        [sys.executable, "-m", "gateway", "--home", str(home), "evidence", "verify", str(file)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("found", "domain"),
    [(a_split_view, "b.example"), (a_lie_that_everybody_is_told, "a.example")],
)
async def test_a_third_person_verifies_a_bundle_and_no_other(
    tmp_path: Path, found: Callable[[], Awaitable[bytes]], domain: str
) -> None:
    bundle = await found()
    whole, altered = tmp_path / "evidence.mxe", tmp_path / "altered.mxe"
    whole.write_bytes(bundle)
    altered.write_bytes(bundle[:-1] + bytes([bundle[-1] ^ 1]))

    good, bad = verified(tmp_path / "nothing", whole), verified(tmp_path / "nothing", altered)

    assert (good.returncode, good.stderr) == (0, "")
    lines = good.stdout.splitlines()
    assert lines[0] == f"domain: {domain}"
    assert lines[2].startswith("proved: ")
    assert bad.returncode == 76
    assert "proved" not in bad.stdout
    assert not (tmp_path / "nothing").exists()
