"""Every command stands in the table, where RFC 9051 §6 has it; what is told around it depends on it."""

from typing import get_args

import pytest

from imap_out.session.command_table import ALLOWED_IN, COMMANDS, perform
from imap_out.session.state.session import State
from imap_out.wire import commands
from imap_out.wire.commands import Command
from imap_out.wire.fetch_items import Attribute
from imap_out.wire.sequence_set import SequenceSet
from tests.support.transcript import Line, Transcript

pytestmark = pytest.mark.anyio
EVERY_STATE = {
    commands.Capability, commands.Noop, commands.Id, commands.Logout,
}  # fmt: skip
TO_LOG_IN = {commands.StartTls, commands.Login, commands.Authenticate}
OF_A_MAILBOX = {
    commands.Check, commands.Close, commands.Unselect, commands.Expunge, commands.Search, commands.Sort,
    commands.Thread, commands.Fetch, commands.Store, commands.Replace, commands.Copy,
}  # fmt: skip
FIRST = SequenceSet.of_one(1)


def test_every_command_is_done_by_a_room_or_is_a_dialogue() -> None:
    assert set(ALLOWED_IN) == set(get_args(Command))
    assert set(ALLOWED_IN) - set(COMMANDS) == {commands.Authenticate, commands.Idle}


def test_a_command_is_allowed_where_it_makes_sense() -> None:
    allowed = {
        state: {kind for kind, states in ALLOWED_IN.items() if state in states} for state in State
    }

    assert allowed[State.NEW] == EVERY_STATE | TO_LOG_IN
    assert allowed[State.AUTHENTICATED] == set(ALLOWED_IN) - TO_LOG_IN - OF_A_MAILBOX
    assert allowed[State.SELECTED] == set(ALLOWED_IN) - TO_LOG_IN
    assert allowed[State.ENDED] == set()


@pytest.fixture
async def line() -> Line:
    """A line that has not heard yet that the second of two messages is gone and a third there."""
    world = Transcript()
    for _ in range(2):
        await world.mail.deliver(b"Subject: x\r\n\r\n")
    line, other = await world.open(""), await world.open("other")
    for each in (line, other):
        await each.feed(b"s SELECT INBOX\r\n")
    await other.feed(b"a STORE 2 +FLAGS.SILENT (\\Deleted)\r\nb EXPUNGE\r\n")
    await world.mail.deliver(b"Subject: y\r\n\r\n")
    line.taken()
    return line


async def performed(line: Line, command: Command) -> bytes:
    await perform(line.connection.session, command, line.out)
    await line.out.flush()
    return line.taken()


@pytest.mark.parametrize(
    ("command", "renumbers"),
    [
        (commands.Noop(), True),
        (commands.Fetch(FIRST, (Attribute.FLAGS,)), False),
        (commands.Fetch(FIRST, (Attribute.FLAGS,), by_uid=True), True),
    ],
)
async def test_numbers_stay_while_a_command_goes_by_them(
    line: Line, command: Command, *, renumbers: bool
) -> None:
    said = await performed(line, command)

    assert (b"* 2 EXPUNGE\r\n" in said) is renumbers
    assert b" EXISTS\r\n" in said


async def test_what_came_is_told_before_an_answer_that_is_about_it(line: Line) -> None:
    all_there_are = SequenceSet.parse(b"1:*")

    said = await performed(line, commands.Fetch(all_there_are, (Attribute.UID,), by_uid=True))

    assert said.index(b"* 3 EXISTS\r\n") < said.index(b"* 3 FETCH (UID 3)\r\n")


async def test_select_has_one_exists(line: Line) -> None:
    said = await performed(line, commands.Select("INBOX"))

    assert said.count(b" EXISTS\r\n") == 1
    assert b"* 2 EXISTS\r\n" in said
