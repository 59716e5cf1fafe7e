"""A running home server's limits: who sends too much is asked to wait, who is blocked is out."""

from __future__ import annotations

import re

import pytest

from mx_core.proto.federation_pb2 import ACCEPTED, DUPLICATE, RATE_LIMITED
from tests.support.home_device import HomeDevice, item_for
from tests.support.homes import HomeProcess, Homes, eventually, run, run_any

pytestmark = [pytest.mark.anyio, pytest.mark.fleet]

SOON = (
    "[queue]\nfirst_delay_seconds = 0.1\nlongest_delay_seconds = 0.5\n"
    "[limits]\nhello_per_minute = 1000\n"
)
FEW = "[rates]\nuser_per_minute = 1\nuser_burst = 3\n"


@pytest.fixture(scope="module")
def a(homes: Homes) -> HomeProcess:
    return homes.make("a.example", SOON)


@pytest.fixture(scope="module")
def b(homes: Homes) -> HomeProcess:
    return homes.make("b.example", SOON)


def _rule(home: HomeProcess, *words: str) -> str:
    return run("block", *words, "--dir", str(home.folder))


async def test_a_person_who_sends_too_much_waits_and_loses_nothing(homes: Homes) -> None:
    home = homes.make("few.example", SOON + FEW)
    async with HomeDevice(home, "anna") as anna, HomeDevice(home, "bert") as bert:
        await anna.join()
        await bert.join()
        items = [item_for(bert.address) for _ in range(4)]

        assert [await anna.submit(item) for item in items] == [ACCEPTED] * 3 + [RATE_LIMITED]
        assert await anna.submit(items[0]) == DUPLICATE  # an answer may have been lost
        assert await bert.submit(items[3]) == ACCEPTED  # another person


async def test_mail_to_a_blocked_domain_comes_back_at_once_with_the_reason(
    a: HomeProcess, b: HomeProcess
) -> None:
    _rule(a, "add", "b.example")
    async with HomeDevice(a, "alice") as alice, HomeDevice(b, "bob") as bob:
        await alice.join()
        await bob.join()
        news = alice.collect()
        await news.until_empty()
        await alice.submit(item_for(bob.address))
        fate = (await news.next()).fate

    assert (fate.relayed, fate.status) == (False, "5.7.1")
    assert "exchanges no mail with b.example" in fate.reason
    assert _rule(a, "list") == "b.example\tblocked\n"
    _rule(a, "remove", "b.example")
    assert _rule(a, "list") == ""


async def test_a_block_is_in_force_at_the_next_call_and_mail_goes_on_after_it(
    a: HomeProcess, b: HomeProcess
) -> None:
    async with HomeDevice(a, "carol") as carol, HomeDevice(b, "dave") as dave:
        await carol.join()
        await dave.join()
        news, mail = carol.collect(), dave.collect()
        await news.until_empty()
        await mail.until_empty()
        await carol.submit(item_for(dave.address))
        await mail.next()
        assert (await news.next()).fate.relayed
        before = _turned_away(a)
        _rule(b, "add", "*")
        _rule(b, "add", "--allow", "c.example")
        await carol.submit(item_for(dave.address))
        eventually(lambda: _turned_away(a) > before)
        assert len(await dave.collect().until_empty()) == 1  # the first, not acked

        _rule(b, "add", "--allow", "a.example")

        assert (await news.next()).fate.relayed
        assert len(await dave.collect().until_empty()) == 2
    for subject in ("*", "c.example", "a.example"):
        _rule(b, "remove", subject)


def _turned_away(home: HomeProcess) -> int:
    """Return how many batches for b.example *home* has not been able to hand over."""
    return len(
        re.findall(r"destination_unreachable.* peer_domain=b\.example", home.log.read_text())
    )


def test_the_limits_in_force_are_told_with_their_answers(homes: Homes) -> None:
    home = homes.make("told.example", FEW, start=False)

    told = run("limits", "--dir", str(home.folder))

    assert "envelopes from one person\t1 a minute\tRATE_LIMITED" in told


def test_a_rule_for_what_is_no_domain_is_one_sentence(a: HomeProcess) -> None:
    done = run_any("block", "add", "no domain", "--dir", str(a.folder))

    assert (done.returncode, done.stderr) == (
        65,
        "mx-home: 'no domain' is neither a domain nor *\n",
    )
