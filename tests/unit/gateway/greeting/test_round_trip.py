"""The first round trips over a real store and real decisions."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from gateway.arriving.status_block import Mail, Status, render
from gateway.greeting import round_trip
from gateway.greeting.round_trip import Greeting
from gateway.greeting.words import welcome
from gateway.sending.reaching import Reaching
from mx_core.mime.prepare import prepare
from mx_core.model.address import Address
from mx_core.model.errors import PeerUnreachable, UnknownRecipient
from mx_core.model.mailbox_name import INBOX
from mx_core.ports import MailWriter
from tests.support.people import NOW
from tests.support.sending import ALICE, SendingAccount, sending_account

pytestmark = pytest.mark.anyio
ECHO = Address.parse("echo@a.example")
MALLORY = Address.parse("mallory@c.example")


def greeting_of(account: SendingAccount) -> Greeting:
    return Greeting(
        account.store.mail,
        account.outbox,
        Reaching(account.recipients),
        account.store.settings,
        ALICE,
        account.clock,
    )


async def put(
    account: SendingAccount, sender: Address | None, text: bytes, mail: Mail = Mail.NETWORK
) -> None:
    octets = render(Status(mail, int(account.clock()), sender, "implicit", suite=2), sender) + text

    def job(writer: MailWriter) -> None:
        writer.append(writer.mailbox(INBOX).id, octets, prepare(octets), frozenset())

    await account.store.mail.write(job)


async def greeted(greeting: Greeting) -> None:
    greeting.welcome()
    async with asyncio.timeout(10):
        await greeting.run()


async def test_the_welcome_is_sent_once_in_the_life_of_an_account() -> None:
    async with sending_account(people=(ALICE, ECHO)) as account:
        await greeted(greeting_of(account))
        await greeted(greeting_of(account))  # after a restart
        await account.store.settings.put("welcomed", b"")
        waiting = await account.store.outbox.unsettled()

    assert [item.recipient for item in waiting] == [ALICE]


async def test_a_crash_before_the_mark_gives_no_second_welcome() -> None:
    async with sending_account(people=(ALICE,)) as account:
        greeting = greeting_of(account)
        await greeted(greeting)

        async def nothing(name: str) -> None:  # noqa: ARG001
            return None

        greeting = greeting_of(account)
        greeting._settings.get = nothing  # type: ignore[method-assign]  # the mark was not written
        await greeted(greeting)
        waiting = await account.store.outbox.unsettled()

    assert len(waiting) == 1


async def test_a_welcome_waits_for_a_home_server_that_does_not_answer() -> None:
    async with sending_account(people=(ALICE,)) as account:
        account.network.faults[ALICE.domain] = PeerUnreachable("not now")
        greeting = greeting_of(account)
        greeting.welcome()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.3):
                await greeting.run()
        waiting = await account.store.outbox.unsettled()
        mark = await account.store.settings.get("welcomed")

    assert (waiting, mark) == ([], None)


async def test_without_an_echo_a_sentence_says_who_makes_one_and_nothing_leaves_in_clear() -> None:
    async with sending_account(people=(ALICE,)) as account:
        await account.desk.set("everybody", "encryption", "optional")
        with pytest.raises(UnknownRecipient, match="mx-home user add --echo"):
            await greeting_of(account).ask()
        account.network.faults[str(ECHO)] = PeerUnreachable("the home server does not answer")
        with pytest.raises(PeerUnreachable, match="does not answer"):
            await greeting_of(account).ask()
        waiting = await account.store.outbox.unsettled()

    assert waiting == []


async def test_who_lets_the_first_message_be_written_need_not_press_and_an_echo_may_come_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(round_trip, "_ASK_AGAIN_SECONDS", (0.01,) * 200)
    async with sending_account(people=(ALICE, ECHO)) as account:
        account.network.faults[str(ECHO)] = PeerUnreachable("the echo is not here yet")
        greeting = greeting_of(account)
        greeting.welcome(ask=True)
        async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
            tasks.create_task(greeting.run())
            while not (await greeting.state())["unasked"]:
                await asyncio.sleep(0.01)
            waiting = await greeting.state()
            account.network.faults.clear()
        told = await greeting.state()
        sent = [item.recipient for item in await account.store.outbox.unsettled()]

    assert (waiting["unasked"], waiting["asked"], waiting["awaited"]) == (
        "the echo is not here yet",
        None,
        True,
    )
    assert (told["unasked"], told["asked"] is None, told["awaited"]) == ("", False, True)
    assert sorted(map(str, sent)) == sorted(map(str, [ALICE, ECHO]))


async def test_what_came_back_is_shown_as_its_status_says_and_nothing_else_is() -> None:
    async with sending_account(people=(ALICE, ECHO)) as account:
        greeting = greeting_of(account)
        greeting.welcome()
        await put(account, ECHO, b"Subject: older\r\n\r\n")
        account.clock.at += 5
        await greeting.ask()
        before = await greeting.state()
        await put(account, MALLORY, b"From: echo@a.example\r\n\r\nI am the echo\r\n")
        await put(account, None, b"From: echo@a.example\r\n\r\n", Mail.ORDINARY)
        await put(account, MALLORY, welcome(ALICE, NOW))
        forged = await greeting.state()
        account.clock.at += 2
        await put(account, ECHO, b"Subject: Auto: Hello\r\n\r\n")
        await put(account, ALICE, welcome(ALICE, NOW))
        after = await greeting.state()
        (sent,) = await account.store.outbox.unsettled()

    assert sent.recipient == ECHO
    assert [told["awaited"] for told in (before, forged, after)] == [True, True, False]
    assert [(told["welcome"], told["answer"]) for told in (before, forged)] == [(None, None)] * 2
    assert after["answer"]["received"] - after["asked"] == 2
    assert after["answer"]["sender"] == "echo@a.example"
    assert "X-Wing" in after["welcome"]["sealed_with"]


async def test_a_large_inbox_is_not_looked_through_long_after() -> None:
    async with sending_account(people=(ALICE,)) as account:
        quiet = greeting_of(account)
        await put(account, ALICE, welcome(ALICE, NOW))
        told = await quiet.state()

    assert (told["welcome"], told["awaited"]) == (None, False)
