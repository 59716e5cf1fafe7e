"""Home servers that were left: told until they have heard, and waited for before keys go."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.own.old_homes import OldHome, OldHomes, OneOfSeveral, tell
from mx_core.envelope.identity import EpochSecret
from mx_core.model.address import Address
from mx_core.model.errors import NotPermitted, PeerUnreachable
from mx_core.notation import cbor
from tests.support.stores import START, open_store

pytestmark = pytest.mark.anyio

LEFT = OldHome(Address("dora", "a.example"), b"entry", START)


class OldServer:
    """Answers with what it is given, one after the other."""

    def __init__(self, *answers: Exception | None) -> None:
        self.answers = list(answers)
        self.heard: list[bytes] = []

    async def append_passport(self, signed_entry: bytes) -> bytes:
        self.heard.append(signed_entry)
        answer = self.answers.pop(0)
        if answer is not None:
            raise answer
        return b"card"


@pytest.mark.parametrize("answer", [None, NotPermitted("no moves from here")])
async def test_an_old_home_is_told_once_whether_it_likes_it_or_not(
    tmp_path: Path, answer: Exception | None
) -> None:
    store, server = open_store(tmp_path), OldServer(answer)
    homes = OldHomes(store.settings)
    await homes.leave(LEFT)
    await homes.leave(LEFT)

    await tell(LEFT, homes, server)
    [known] = await homes.all()
    await tell(known, homes, server)
    store.close()

    assert known.told
    assert known.refused is (answer is not None)
    assert server.heard == [b"entry"]
    again = open_store(tmp_path)
    assert await OldHomes(again.settings).all() == [known]
    again.close()


async def test_what_an_earlier_version_kept_is_read(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    kept = cbor.encode([[str(LEFT.address), LEFT.entry, LEFT.since, True]])
    await store.settings.put("moved.from", kept)

    assert await OldHomes(store.settings).all() == [replace(LEFT, told=True)]
    store.close()


async def test_an_old_home_that_is_away_is_told_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.own.old_homes._AGAIN_SECONDS", 0.0)
    store, server = open_store(tmp_path), OldServer(PeerUnreachable("away"), None)
    homes = OldHomes(store.settings)
    await homes.leave(LEFT)

    await tell(LEFT, homes, server)

    assert server.heard == [b"entry", b"entry"]
    assert [one.told for one in await homes.all()] == [True]
    store.close()


class Keys:
    """Notes from when on keys may go."""

    def __init__(self) -> None:
        self.begun: list[float] = []

    async def secrets(self) -> list[EpochSecret]:
        return []

    async def sync_completed(self, begun: float) -> None:
        self.begun.append(begun)


async def test_no_key_goes_before_every_home_that_may_hold_mail_for_it_was_emptied() -> None:
    keys = Keys()
    here, left = OneOfSeveral(keys), OneOfSeveral(keys)
    here.beside(left)
    left.beside(here)

    await here.sync_completed(100.0)
    await left.sync_completed(40.0)
    await here.sync_completed(200.0)

    assert keys.begun == [0.0, 40.0, 40.0]
    assert await here.secrets() == []
