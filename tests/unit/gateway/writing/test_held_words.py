"""What is said of a message that is held: plain words, and a command that exists."""

from __future__ import annotations

import re

import click
import pytest

from gateway.cli.root import program
from gateway.writing.held_words import _SAID, held_words
from mx_core.model.address import Address
from mx_core.model.ids import QueueId

ALICE, BOB = Address("alice", "a.example"), Address("bob", "b.example")
JARGON = re.compile(
    r"\b(passport|pid|log|checkpoint|epoch|attest|proof|binding|label|seq)\w*", re.IGNORECASE
)


def said(failure: str) -> list[str]:
    words = held_words(ALICE, BOB, QueueId("q1"), failure)
    return [*words.why, *words.following]


@pytest.mark.parametrize("failure", [*_SAID, "something-new"])
def test_each_case_says_what_was_seen_that_nothing_left_and_what_to_type(failure: str) -> None:
    lines = said(failure)
    commands = [line.split()[1:3] for line in lines if line.startswith("  mx-gateway")]

    whose = ALICE if failure.startswith("own-") else BOB
    assert any(whose.domain in line for line in lines)
    assert "Nothing was encrypted to such a key, and nothing has left this computer." in lines
    assert len(commands) == 2
    for group, command in commands:
        held = program.get_command(click.Context(program), group)
        assert isinstance(held, click.Group)
        assert command in held.commands
    assert commands[-1] == ["queue", "cancel"]


@pytest.mark.parametrize("failure", _SAID)
def test_nobody_needs_to_know_a_word_of_ours_and_lines_fit_a_screen(failure: str) -> None:
    for line in said(failure):
        assert not JARGON.search(line), line
        assert len(line) <= 98


def test_who_can_decide_is_told_to_accept_and_who_can_not_is_told_whom_to_ask() -> None:
    assert any("contact accept alice@a.example bob@b.example" in line for line in said("other-pid"))
    assert not any("contact accept" in line for line in said("proof"))
    assert any("who runs b.example" in line for line in said("proof"))
