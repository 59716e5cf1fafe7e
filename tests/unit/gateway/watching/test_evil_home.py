"""A home server that lies about keys, and signs its lies as it should.

Each lie is noticed before anything is sealed, the message is held, and the person is told once.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace
from nacl.public import PrivateKey

from gateway.people import contacts
from gateway.people.believing import believe_again
from gateway.watching.evidence_check import checked
from mx_core.envelope.seal import Sender
from mx_core.model.errors import Untrusted
from mx_core.notation.xwing import XWingSecret
from mx_core.passport.epoch import new_epoch, sign_epoch
from mx_core.tlog import merkle
from mx_core.trust.pin import Pin, Tier
from tests.support.logged_domain import LoggedDomain
from tests.support.people import NOW, Person, make_person
from tests.support.sending import BOB, SendingAccount
from tests.support.watched_domain import (
    CAROL,
    alice_and,
    b_example,
    evidence_in,
    send,
    stranger_as_bob,
    witnessed,
)

pytestmark = pytest.mark.anyio


# ── lies about a pinned contact ──────────────────────────────────────────────────────
@dataclass(frozen=True)
class Scene:
    """What a lie may change."""

    domain: LoggedDomain
    bob: Person


def other_key(scene: Scene) -> None:
    """Give out another passport in bob's name, and log it."""
    scene.domain.join(stranger_as_bob())


def rolled_back_log(scene: Scene) -> None:
    """Show the log as it was before alice saw it, honestly signed."""
    fresh = LoggedDomain(scene.domain.name)
    fresh.join(scene.bob)
    scene.domain.shown = fresh.shown


def old_map_root(scene: Scene) -> None:
    """Put a root leaf of before under the newest checkpoint."""
    domain = scene.domain
    index = max(n for n, one in enumerate(domain.shown.entries[:-1]) if one[:1] == b"\x02")
    old = domain.shown.entries[index]
    true = domain.shown.proof(str(BOB))
    size, node = domain.shown.log.size, domain.shown.log.node
    domain.proofs[BOB] = replace(
        true, root_leaf=old, root_inclusion=tuple(merkle.inclusion(index, size, node))
    )


def withheld_proof(scene: Scene) -> None:
    """Give the card without its proof."""
    scene.domain.proofs[BOB] = None


def no_log_any_more(scene: Scene) -> None:
    """Say that this domain runs no log, and never did."""
    scene.domain.runs_log = False


def forked_passport(scene: Scene) -> None:
    """Log another first step after bob's genesis than the one that alice has seen."""
    other = copy.deepcopy(scene.bob)
    other.entries = other.entries[:1]
    other.identity = make_person(str(BOB)).identity
    other.rotate()
    scene.domain.join(other)


def resurrected_device(scene: Scene) -> None:
    """Show bob as he was before he removed a stolen device, and log him so again."""
    before = copy.deepcopy(scene.bob)
    before.entries = before.entries[:-1]
    scene.domain.join(before)


def split_view(scene: Scene) -> None:
    """Log another key in bob's name for alice alone; her own home server saw the true log grow."""
    honest = scene.domain.fork()
    honest.add(("dave@b.example", b"dave"))
    scene.domain.witnessed = witnessed(honest)
    scene.domain.join(stranger_as_bob())


def downgraded_suite(scene: Scene) -> None:
    """Withhold the key of the stronger suite, so that the weaker one is left."""
    scene.bob.first.epochs.pop()


_EVIDENCE = {split_view, rolled_back_log, forked_passport}
_SAID: dict[Callable[[Scene], None], bytes] = {
    other_key: b"shows keys of somebody else for bob@b.example",
    split_view: b"does not go together with what it showed before",
    rolled_back_log: b"Mail to people at b.example is held.",
    old_map_root: b"must stand in a public record",
    withheld_proof: b"must stand in a public record",
    no_log_any_more: b"Now it shows no such record",
    forked_passport: b"two statements about bob@b.example that can not both be true",
    downgraded_suite: b"or are weaker than before",
    resurrected_device: b"does not go on from what you have seen before",
}


@pytest.mark.parametrize("lie", list(_SAID))
async def test_a_lie_about_a_pinned_contact_is_noticed_before_anything_is_sealed_and_told_once(
    lie: Callable[[Scene], None],
) -> None:
    domain, bob = b_example()
    bob.add()  # seq 1: a device …
    domain.log(bob)
    bob.remove(bob.devices[1])  # … that is removed again
    domain.log(bob)
    publish_stronger(bob)
    async with alice_and(domain) as account:
        assert await send(account) == "sent"  # the same domain, without the lie
        await compared_with_bob(account)
        assert await send(account) == "sent"
        sealed = len(account.network.parcels)

        lie(Scene(domain, bob))

        account.logs._asked.clear()  # the own home server is asked again what it has seen
        assert await send(account) == "held"
        assert len(account.network.parcels) == sealed
        [letter] = await account.reports()
        text = _plain(letter)
        assert _SAID[lie] in text
        assert (b"evidence.mxe" in letter) is (lie in _EVIDENCE)
        assert b"Nothing was encrypted to such a key" in text
        assert b"Outbox" in text
        assert b"What to do:" in text
        assert b"Nothing needs to be done" not in text

        # found again: by the next message, by the same one tried again, after a restart
        assert await send(account) == "held"
        await retry_all(account)
        forget_what_is_in_memory(account)
        assert await send(account) == "held"
        assert len(await account.reports()) == 1
        account.clock.at += 86_400
        await retry_all(account)
        assert len(await account.reports()) == 2, "another day, another reminder"


async def test_a_lie_about_a_whole_domain_is_one_letter_whoever_is_written_to() -> None:
    for lie in (rolled_back_log, no_log_any_more):
        domain, bob = b_example()
        async with alice_and(domain) as account:
            await account.know(BOB, CAROL.address)
            await account.submit(BOB, CAROL.address)
            lie(Scene(domain, bob))
            account.forget_cards()

            assert {state for state, _ in (await account.move()).values()} == {"held"}

            assert len(await account.reports()) == 1


async def test_what_the_own_domain_says_of_the_account_is_one_letter_too() -> None:
    domain, _ = b_example()
    async with alice_and(domain) as account:
        await account.know(BOB)

        async def suspicious() -> Sender:
            raise Untrusted("own-log", "the record of your own domain holds a key")

        account.outbound._sealing._me = suspicious

        assert await send(account) == "held"
        assert await send(account) == "held"

        [letter] = await account.reports()
        assert b"shows keys in your name" in _plain(letter)


@pytest.mark.parametrize("lie", [other_key, forked_passport])
async def test_what_the_person_has_judged_is_told_anew_when_it_comes_again(
    lie: Callable[[Scene], None],
) -> None:
    domain, bob = b_example()
    bob.add()
    domain.log(bob)
    async with alice_and(domain) as account:
        assert await send(account) == "sent"
        lie(Scene(domain, bob))
        assert await send(account) == "held"
        await judge(account, domain)
        assert await send(account) == "sent"
        [first] = await account.reports()

        truth = LoggedDomain(domain.name)
        truth.join(bob)
        domain.shown, domain.people = truth.shown, truth.people

        assert await send(account) == "held"
        [_, second] = await account.reports()
        assert second != first


async def judge(account: SendingAccount, domain: LoggedDomain) -> None:
    """Do what ``evidence accept`` and ``contact accept`` do."""
    someone_elses: Any = SimpleNamespace(is_of=lambda _: False)
    finder: Any = account.network
    believed = await believe_again(
        domain.name, finder, account.logs, someone_elses, account.store, account.outbound.wake
    )
    assert believed, "what was held goes on"
    person: Any = account
    await contacts.accept(person, BOB)


def publish_stronger(bob: Person) -> None:
    """Give bob's first device a key of suite 2."""
    first = bob.first
    strong = replace(
        new_epoch(bob.pid, first.id, 2, b"\x09" + bytes(31), NOW),
        xwing=XWingSecret(b"x" * 32).public,
    )
    first.epochs.append((2, PrivateKey.generate(), sign_epoch(first.key, strong)))


async def compared_with_bob(account: SendingAccount) -> None:
    """Do what ``contact verify`` does."""
    contact = await account.store.contacts.get(BOB)
    assert contact is not None
    pin = replace(Pin.decode(contact.pin), tier=Tier.VERIFIED)
    await account.store.contacts.put(replace(contact, pin=pin.encode()))


async def retry_all(account: SendingAccount) -> None:
    """Do what ``queue retry`` does with all that is held."""
    for item in await account.store.outbox.unsettled():
        await account.store.outbox.release(item.queue_id, item.recipient)
    account.forget_cards()
    held = await account.move()
    assert {state for state, _ in held.values()} == {"held"}


def forget_what_is_in_memory(account: SendingAccount) -> None:
    account.logs._memories.clear()
    account.logs._asked.clear()
    account.logs.people._kept.clear()


def _plain(letter: bytes) -> bytes:
    return letter.replace(b"=\r\n", b"").replace(b"\r\n", b" ")


async def test_a_revoked_device_is_not_shown_to_a_stranger_either() -> None:
    """The log's newest version is the removal, so nothing older can be proved to anybody."""
    domain, bob = b_example()
    bob.add()
    domain.log(bob)
    before = copy.deepcopy(bob)
    bob.remove(bob.devices[1])
    domain.log(bob)
    async with alice_and(domain) as account:
        assert await send(account) == "sent"

    domain.people[BOB] = before
    async with alice_and(domain) as account:
        assert await send(account) == "refused"
        assert account.network.parcels == []


async def test_a_rolled_back_log_gives_evidence_and_can_be_accepted() -> None:
    domain, bob = b_example()
    async with alice_and(domain) as account:
        assert await send(account) == "sent"
        rolled_back_log(Scene(domain, bob))
        assert await send(account) == "held"

        found = checked(await evidence_in(account), NOW).found
        assert "did not join them" in found.sentence
        await judge(account, domain)
        assert await send(account) == "sent"
        domain.join(make_person("dave@b.example"))
        assert await send(account) == "sent"

        rolled_back_log(Scene(domain, bob))

        assert await send(account) == "held"
        assert len(await account.reports()) == 2, "the person has judged the other one"


async def test_a_contact_whose_log_shows_less_than_before_can_be_accepted() -> None:
    domain, bob = b_example()
    bob.add()
    domain.log(bob)
    async with alice_and(domain) as account:
        assert await send(account) == "sent"
        rolled_back_log(Scene(domain, bob))
        assert await send(account) == "held"
        await account.logs.judged(domain.found())
        assert await send(account) == "held", "bob's own version is lower too"

        await account.recipients.accepted(BOB)

        assert await send(account) == "sent"
