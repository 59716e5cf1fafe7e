"""What ``mx-gateway status`` says of an account, in sentences."""

from typing import Any

from gateway.cli.status import _told

QUIET: dict[str, Any] = {
    "address": "bob@b.example",
    "connected": True,
    "trouble": "",
    "outbox": {},
    "refused": 0,
    "unreadable": 0,
    "requests": 0,
    "programs": [],
    "search_index": {"waiting": 0, "faults": 0, "last_fault": ""},
}


def test_a_quiet_account_is_one_line() -> None:
    assert _told(QUIET) == "bob@b.example: home server connected"


def test_what_was_for_a_key_that_is_gone_is_no_refusal() -> None:
    told = _told(QUIET | {"unreadable": 2}).splitlines()

    [line] = told[1:]
    assert line.startswith("  2 envelopes of the last 30 days were for a key that is gone;")


def test_who_asks_to_write_is_told_with_where_to_answer() -> None:
    (_, line) = _told(QUIET | {"requests": 2}).splitlines()

    assert "2 people ask to write to you" in line
    assert "mx-gateway page" in line
