"""A bundle names nobody and no place."""

import json
from pathlib import Path

import pytest

from gateway.directories import directories
from gateway.doctor.bundle import bundle, redacted
from mx_core.program.finding import Finding
from tests.unit.gateway.doctor.test_examine import WELL

CANARIES = ("papaya", "mango.example", "guava", "durian")


@pytest.mark.parametrize(
    "text",
    [
        "papaya@mango.example: the home server of mango.example cannot be reached",
        "/home/guava/.local/share/x is open to other users",
        "no answer from mailx.mango.example:8445",
        "<papaya@mango.example>, 'durian@mango.example'",
    ],
)
def test_addresses_names_and_paths_are_taken_out_of_a_sentence(text: str, tmp_path: Path) -> None:
    said = redacted(text, {"papaya@mango.example": "account-1"}, directories(tmp_path))

    assert not any(canary in said for canary in CANARIES), said


def test_only_numbers_and_known_words_of_the_status_go_in(tmp_path: Path) -> None:
    places = directories(tmp_path / "guava")
    places.prepare()
    (places.accounts / "durian" / "bodies").mkdir(parents=True)
    (places.accounts / "durian" / "bodies" / "guava").write_bytes(b"x" * 7)
    account = {
        **WELL,
        "address": "papaya@mango.example",
        "trouble": "papaya",
        "sent": [{"route": "durian@mango.example"}],
        "outbox": {"held": 1, "papaya": 2},
        "backup": {"last": 1, "folder": "/guava", "trouble": "durian"},
        "durian": "papaya",
    }
    told = {"locked": False, "accounts": [account], "guava": "durian"}
    found = [Finding(f"papaya@mango.example: {places.data} has no backup", "durian")]
    made = bundle(places, found, told)

    assert not any(canary in json.dumps(made) for canary in CANARIES), made
    assert made["accounts"][0]["outbox"] == {"held": 1}
    assert made["files"] == {"store_octets": 0, "body_files": 1, "body_octets": 7}
    assert made["findings"] == [{"said": "account-1: DIRECTORY has no backup", "bad": True}]
