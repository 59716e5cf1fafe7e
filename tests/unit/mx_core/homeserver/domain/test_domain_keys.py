"""A domain changes its key: whoever has remembered it follows, whenever they look."""

from __future__ import annotations

import contextlib
import itertools
from pathlib import Path

import pytest

from mx_core.db import durable
from mx_core.discovery.continuity import How, Remembered, judge_keys
from mx_core.discovery.document import KeyState, verify_document
from mx_core.discovery.txt import parse_records
from mx_core.homeserver.commands.initialise import Wanted, initialise, txt_record
from mx_core.homeserver.config import KEY_FILE_NAME, NEXT_KEY_FILE_NAME, ROLLS_FILE_NAME, load
from mx_core.homeserver.domain import domain_key, domain_keys
from mx_core.homeserver.domain.document import OwnDocument
from mx_core.model.errors import Refused
from tests.support.homes import run, run_any

A = "a.example"
NOW = 1_800_000_000
DAY = 86_400


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "home"
    initialise(made, Wanted(A, "127.0.0.1", "", None, None, ""))
    return made


def _active(folder: Path) -> bytes:
    return bytes(domain_key.load(folder / KEY_FILE_NAME).reveal().verify_key)


class _Peer:
    """Looks the domain up without DNSSEC, where a key that nobody vouches for is never used."""

    def __init__(self) -> None:
        self.remembered: Remembered | None = None

    def looks(self, folder: Path, now: float) -> tuple[bytes, ...]:
        """Return the keys that it believes, by the rules of ``discovery.finder``."""
        key = domain_key.load(folder / KEY_FILE_NAME)
        keys = domain_keys.load(folder, bytes(key.reveal().verify_key))
        config = load(folder)
        signed = OwnDocument(config, key, keys, now=lambda: now).current()
        line = txt_record(config, *keys.published)
        record = parse_records([line.partition('"')[2].rstrip('"')])
        assert record is not None
        document = verify_document(signed, domain=A, keys=record.keys, now=now)
        active = document.active_keys(now)
        shown = [each for each in record.keys if each in active]
        judged = judge_keys(
            A, shown, How.HTTPS, document.rolls, remembered=self.remembered, now=now
        )
        assert judged.failure == ""
        verify_document(signed, domain=A, keys=judged.keys, now=now)
        self.remembered = judged.remembered
        return judged.keys


def _change(folder: Path, step: int, now: float) -> None:
    match step:
        case 0:
            domain_keys.begin(folder, A, now)
        case 1:
            domain_keys.roll(folder, A, now)
        case 2:
            domain_keys.retire(folder, now)
        case _:
            raise AssertionError(step)


def test_the_steps_and_what_each_publishes(folder: Path) -> None:
    old = _active(folder)
    coming = domain_keys.begin(folder, A, NOW).coming
    assert coming is not None
    new = coming.roll.new_key
    states = {
        each.public_key: each.state for each in domain_keys.load(folder, old).in_document(NOW)
    }
    assert states == {old: KeyState.ACTIVE, new: KeyState.NEXT}
    assert domain_keys.load(folder, old).published == (old, new)

    rolled = domain_keys.roll(folder, A, NOW + 3 * DAY)
    assert _active(folder) == new == rolled.active
    assert not (folder / NEXT_KEY_FILE_NAME).exists()
    assert rolled.published == (new, old)
    assert {each.state for each in rolled.in_document(NOW + 3 * DAY)} == {KeyState.ACTIVE}

    done = domain_keys.retire(folder, NOW + 6 * DAY)
    assert done.published == (new,)
    states = {each.public_key: each.state for each in done.in_document(NOW + 6 * DAY)}
    assert states == {new: KeyState.ACTIVE, old: KeyState.RETIRED}


@pytest.mark.parametrize(
    "looks", [looks for n in range(1, 5) for looks in itertools.combinations(range(-1, 3), n)]
)
def test_a_peer_follows_whichever_of_the_steps_it_has_seen(
    folder: Path, looks: tuple[int, ...]
) -> None:
    peer = _Peer()
    for step in range(-1, 3):
        now = NOW + 3 * DAY * (step + 1)
        if step >= 0:
            _change(folder, step, now)
        if step in looks:
            assert _active(folder) in peer.looks(folder, now + 1)
    assert peer.looks(folder, NOW + 30 * DAY) == (_active(folder),)


def test_a_peer_that_slept_through_three_changes_follows(folder: Path) -> None:
    peer = _Peer()
    peer.looks(folder, NOW)
    for step in range(9):
        _change(folder, step % 3, NOW + 3 * DAY * step)

    assert peer.looks(folder, NOW + 60 * DAY) == (_active(folder),)


def test_a_step_waits_for_the_caches_of_others_unless_told(folder: Path) -> None:
    with pytest.raises(Refused, match="no next key"):
        domain_keys.roll(folder, A, NOW)
    domain_keys.begin(folder, A, NOW)
    with pytest.raises(Refused, match="under way"):
        domain_keys.begin(folder, A, NOW)
    with pytest.raises(Refused, match="wait 24 h more"):
        domain_keys.roll(folder, A, NOW + 2 * DAY)
    domain_keys.roll(folder, A, NOW + 2 * DAY, at_once=True)
    with pytest.raises(Refused, match="wait 72 h more"):
        domain_keys.retire(folder, NOW + 2 * DAY)
    with pytest.raises(Refused, match="under way"):
        domain_keys.begin(folder, A, NOW + 2 * DAY)
    domain_keys.retire(folder, NOW + 2 * DAY, at_once=True)
    with pytest.raises(Refused, match="no old key"):
        domain_keys.retire(folder, NOW + 9 * DAY)


class _Cut(BaseException):
    pass


@pytest.mark.parametrize("step", [0, 1, 2])
@pytest.mark.parametrize("call", range(4))
def test_a_crash_in_a_step_leaves_one_that_can_be_done_again(
    folder: Path, step: int, call: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut before each of the directory syncs and renames that a step makes."""
    peer = _Peer()
    peer.looks(folder, NOW)
    for before in range(step):
        _change(folder, before, NOW + 3 * DAY * before)
    left = [call]

    def cut(path: Path, real: object = durable.sync_directory) -> None:
        if left[0] == 0:
            raise _Cut
        left[0] -= 1
        real(path)  # type: ignore[operator]

    with monkeypatch.context() as patch:
        patch.setattr(durable, "sync_directory", cut)
        patch.setattr(domain_keys, "sync_directory", cut)
        with contextlib.suppress(_Cut):
            _change(folder, step, NOW + 3 * DAY * step)
    assert peer.looks(folder, NOW + 3 * DAY * step + 1)
    (folder / f"{ROLLS_FILE_NAME}.tmp").touch()

    for again in range(step, 3):
        try:
            _change(folder, again, NOW + 3 * DAY * (again + 1))
        except Refused:
            assert again == step  # it was done before the cut

    assert peer.looks(folder, NOW + 60 * DAY) == (_active(folder),)
    assert len(domain_keys.load(folder, _active(folder)).changes) == 1


def test_a_key_that_was_not_signed_for_does_not_become_the_domains(folder: Path) -> None:
    domain_keys.begin(folder, A, NOW)
    (folder / NEXT_KEY_FILE_NAME).unlink()
    domain_key.make(folder / NEXT_KEY_FILE_NAME)
    before = _active(folder)

    with pytest.raises(Refused, match="not the key that was signed for"):
        domain_keys.roll(folder, A, NOW + 9 * DAY)
    assert _active(folder) == before


def test_a_sealed_key_is_not_replaced_behind_the_managers_back(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (folder / KEY_FILE_NAME).rename(credentials / KEY_FILE_NAME)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    domain_keys.begin(folder, A, NOW)

    with pytest.raises(Refused, match="credential"):
        domain_keys.roll(folder, A, NOW + 9 * DAY)


def test_the_commands_print_what_to_publish(folder: Path) -> None:
    here = ("--dir", str(folder))
    first = run("domain-key", "show", *here).split()[1]
    begun = run("domain-key", "begin", *here)
    assert first in begun
    assert begun.count("k=ed25519:") == 2
    refused = run_any("domain-key", "roll", *here)
    assert refused.returncode == 65
    assert "wait 72 h more" in refused.stderr
    rolled = run("domain-key", "roll", "--now", *here)
    assert first in rolled
    assert run("record", *here).count("k=ed25519:") == 2
    assert first not in run("domain-key", "retire", "--now", *here)
    assert f"retired\t{first}" in run("domain-key", "show", *here)
