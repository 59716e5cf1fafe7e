"""A home server that contradicts itself about one person: held, told once, and shown to anybody."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
from msgspec.structs import replace
from nacl.public import PrivateKey

from gateway.watching.evidence_check import checked
from mx_core.directory.evidence import Evidence, Kind
from mx_core.discovery.document import RoleKey, SignedDocument, decode, sign_document
from mx_core.model.errors import Untrusted
from mx_core.notation import cbor
from mx_core.passport.binding import Binding, attest
from mx_core.passport.card import Card
from mx_core.passport.chain import verify_chain
from mx_core.passport.epoch import new_epoch, sign_epoch
from mx_core.passport.state import State
from mx_core.tlog import merkle
from mx_core.tlog.note import cosign, join, signature_lines
from mx_core.trust.pin import Pin
from tests.support.logged_domain import LoggedDomain, binding_of
from tests.support.people import NOW, Person, domain_key, key_of, make_person
from tests.support.sending import BOB
from tests.support.watched_domain import alice_and, b_example, evidence_in, send

pytestmark = pytest.mark.anyio

TWO_DAYS = 2 * 86_400


def fork_beside(domain: LoggedDomain, bob: Person) -> Person:
    """Log another first step after bob's genesis than the one that alice has seen."""
    other = copy.deepcopy(bob)
    other.entries = other.entries[:1]
    other.identity = make_person(str(BOB)).identity
    other.rotate()
    domain.join(other)
    return other


def fork_ahead(domain: LoggedDomain, bob: Person) -> None:
    """As above, and one step more than alice has seen."""
    other = fork_beside(domain, bob)
    other.rotate()
    domain.log(other)


@pytest.mark.parametrize("lie", [fork_beside, fork_ahead])
async def test_another_history_is_held_and_the_two_attestations_are_evidence(
    lie: Callable[[LoggedDomain, Person], object],
) -> None:
    domain, bob = b_example()
    bob.add()
    domain.log(bob)
    async with alice_and(domain) as account:
        assert await send(account) == "sent"
        lie(domain, bob)

        assert await send(account) == "held"
        assert await send(account) == "held"

        told = checked(await evidence_in(account), NOW)  # one letter, not two
        assert told.found.proved
        assert told.found.sentence == f"it attested two histories of the passport of {BOB}"
        [kept] = await account.store.evidence.all()
        assert (kept.kind, kept.domain, kept.about) == (1, "b.example", f"{BOB} 1")
        assert checked(kept.bundle, NOW) == told


async def test_a_shorter_other_history_is_evidence_with_the_longer_one() -> None:
    domain, bob = b_example()
    bob.add()
    bob.rotate()
    domain.log(bob)
    async with alice_and(domain) as account:
        assert await send(account) == "sent"
        fork_beside(domain, bob)

        assert await send(account) == "held"

        assert checked(await evidence_in(account), NOW).found.proved


async def test_an_older_card_contradicts_nothing_and_accuses_nobody() -> None:
    domain, bob = b_example()
    bob.add()
    domain.log(bob)
    async with alice_and(domain) as account:
        assert await send(account) == "sent"
        before = copy.deepcopy(bob)
        before.entries = before.entries[:1]
        domain.join(before)

        assert await send(account) == "held"

        assert await account.store.evidence.all() == []


# ── attested, and kept out of the record ─────────────────────────────────────────────
def hide(domain: LoggedDomain, bob: Person) -> None:
    """Let bob's domain attest a step of his passport that its log does not have."""
    bob.rotate()
    assert domain.people[BOB] is bob


def hide_from_the_start(domain: LoggedDomain, _bob: Person) -> None:
    """Show a log in which bob does not stand at all."""
    fresh = LoggedDomain(domain.name)
    fresh.join(make_person("carol@b.example"))
    domain.shown = fresh.shown


async def test_what_is_attested_and_not_logged_for_two_days_is_evidence() -> None:
    domain, bob = b_example()
    async with alice_and(domain) as account:
        assert await send(account) == "sent"
        hide(domain, bob)
        assert await send(account) == "held"
        assert await account.store.evidence.all() == [], "it may be late, for two days"

        account.clock.at = NOW + TWO_DAYS + 60
        account.forget_cards()
        with pytest.raises(Untrusted):
            await account.recipients.verified(BOB)
        account.forget_cards()
        with pytest.raises(Untrusted):
            await account.recipients.verified(BOB)

        told = checked(await evidence_in(account), account.clock.at)
        assert not told.found.proved, "nobody but alice says when it was"
        assert told.found.sentence.startswith(f"it attested entry 1 of {BOB}, and did not log it")


async def test_what_is_logged_in_the_end_is_no_evidence() -> None:
    domain, bob = b_example()
    async with alice_and(domain) as account:
        assert await send(account) == "sent"
        hide(domain, bob)
        assert await send(account) == "held"
        domain.log(bob)
        account.forget_cards()
        await account.recipients.verified(BOB)

        assert await account.logs.people._suspects() == {}
        assert await account.store.evidence.all() == []


async def test_who_does_not_stand_in_the_log_at_all_is_shown_by_its_absence() -> None:
    domain, bob = b_example()
    hide_from_the_start(domain, bob)
    async with alice_and(domain) as account:
        assert await send(account) == "refused"
        account.clock.at = NOW + TWO_DAYS + 1
        account.forget_cards()
        with pytest.raises(Untrusted):
            await account.recipients.verified(BOB)

        [kept] = await account.store.evidence.all()
        assert (kept.kind, kept.about) == (3, f"{BOB} 0")


def witnessed_document() -> SignedDocument:
    """Return the server document of alice's domain, with its witness key."""
    document = decode(LoggedDomain("a.example").document().octets)
    witness = RoleKey("witness", bytes(key_of("witness").verify_key), NOW - 300, NOW + 10**9)
    return sign_document(
        replace(document, role_keys=(*document.role_keys, witness)), domain_key("a.example")
    )


@pytest.mark.parametrize(("seconds", "proved"), [(TWO_DAYS, True), (TWO_DAYS - 1, False)])
async def test_a_witness_s_time_makes_it_a_proof(seconds: int, proved: bool) -> None:
    domain, bob = b_example()
    async with alice_and(domain) as account:
        assert await send(account) == "sent"
        hide(domain, bob)
        watched = await account.logs.watched(domain.found())
        assert watched is not None
        proof = domain.shown.proof(str(BOB))
        text = domain.shown.checkpoint().decode().rpartition("\n\n")[0] + "\n"
        line = cosign(text, "a.example/mailx-witness", key_of("witness"), NOW + seconds)
        proof = replace(
            proof, checkpoint=join(text, [*signature_lines(domain.shown.checkpoint()), line])
        )
        card = replace(Card.decode(bob.card()), log_proof=proof.encode())

        async def witness() -> SignedDocument:
            return witnessed_document()

        account.logs.people._witness = witness
        account.clock.at = NOW + TWO_DAYS + 5
        contact = await account.store.contacts.get(BOB)
        assert contact is not None
        await account.logs.people.unlogged(
            domain.found(), watched, BOB, card, Pin.decode(contact.pin)
        )

        assert checked(await evidence_in(account), account.clock.at).found.proved is proved


@pytest.mark.parametrize(
    ("seconds", "grows", "proved"),
    [(TWO_DAYS, False, True), (TWO_DAYS, True, True), (TWO_DAYS - 1, True, False)],
)
async def test_cosignatures_that_are_left_out_are_found_at_the_own_home_server(
    seconds: int, *, grows: bool, proved: bool
) -> None:
    """What it cosigned itself, of a tree that the one without cosignatures goes on from."""
    domain, bob = b_example()
    async with alice_and(domain) as account:
        assert await send(account) == "sent"
        hide(domain, bob)
        assert await send(account) == "held"
        text = domain.shown.checkpoint().decode().rpartition("\n\n")[0] + "\n"
        line = cosign(text, "a.example/mailx-witness", key_of("witness"), NOW + seconds)
        domain.witnessed = join(text, [*signature_lines(domain.shown.checkpoint()), line])
        if grows:
            domain.join(make_person("dave@b.example"))

        async def witness() -> SignedDocument:
            return witnessed_document()

        account.logs.people._witness = witness
        account.clock.at = NOW + TWO_DAYS + 5
        account.forget_cards()
        with pytest.raises(Untrusted):
            await account.recipients.verified(BOB)

        assert checked(await evidence_in(account), account.clock.at).found.proved is proved


async def test_a_date_of_another_tree_dates_nothing() -> None:
    domain, bob = b_example()
    async with alice_and(domain) as account:
        assert await send(account) == "sent"
        hide(domain, bob)
        assert await send(account) == "held"
        elsewhere = LoggedDomain("b.example", dict(domain.people))
        elsewhere.shown = domain.fork()
        elsewhere.shown.add(("eve@b.example", b"eve"))
        domain.join(make_person("dave@b.example"))
        domain.join(make_person("erin@b.example"))
        note = elsewhere.shown.checkpoint()
        text = note.decode().rpartition("\n\n")[0] + "\n"
        line = cosign(text, "a.example/mailx-witness", key_of("witness"), NOW + TWO_DAYS)
        watched = await account.logs.watched(domain.found())
        assert watched is not None
        proof = domain.shown.proof(str(BOB))
        seen = elsewhere.shown.seen
        hashes = merkle.consistency(seen.size, domain.shown.log.size, domain.shown.log.node)
        document = witnessed_document()
        bundle = Evidence(
            Kind.UNLOGGED,
            "b.example",
            (
                cbor.decode(Card.decode(bob.card()).attestation),
                proof.encode(),
                Binding.of(account_state(bob)).encode(),
                [document.octets, document.signature, join(text, [*signature_lines(note), line]), list(hashes)],
            ),
            domain.document().octets,
            domain.document().signature,
        )  # fmt: skip

        with pytest.raises(Untrusted) as caught:
            checked(bundle.encode(), NOW + TWO_DAYS + 5)
        assert caught.value.failure == "log-proof"


def account_state(bob: Person) -> State:
    """Return what the log still holds of bob."""
    return verify_chain(bob.entries[:1], now=NOW)


# ── one number, two keys ─────────────────────────────────────────────────────────────
async def test_two_keys_with_one_number_are_held_and_shown() -> None:
    domain, bob = b_example()
    async with alice_and(domain) as account:
        assert await send(account) == "sent"
        bob.publish_epoch()
        assert await send(account) == "sent"
        sealed = len(account.network.parcels)
        n, _, _ = bob.first.epochs[-1]
        thief = PrivateKey.generate()
        clone = new_epoch(bob.pid, bob.first.id, n, bytes(thief.public_key), NOW)
        bob.first.epochs[-1] = (n, thief, sign_epoch(bob.first.key, clone))

        assert await send(account) == "held"
        assert await send(account) == "held"

        assert len(account.network.parcels) == sealed
        told = checked(await evidence_in(account), NOW)
        assert told.found.proved
        assert told.found.sentence.startswith(f"a device of {BOB} exists twice")

        await account.recipients.accepted(BOB)
        assert await send(account) == "sent"


async def test_a_key_that_the_device_did_not_sign_accuses_nobody() -> None:
    domain, bob = b_example()
    async with alice_and(domain) as account:
        assert await send(account) == "sent"
        forged = new_epoch(bob.pid, bob.first.id, 1, b"\x09" + bytes(31), NOW)
        evil = sign_epoch(key_of("evil"), forged)
        card = replace(Card.decode(bob.card()), epochs=(evil,))

        await account.logs.people.saw(domain.found(), BOB, card, bob.state)

        assert await account.store.evidence.all() == []


async def test_what_was_shown_outlives_a_restart_and_another_passport_is_another_story() -> None:
    domain, bob = b_example()
    async with alice_and(domain) as account:
        assert await send(account) == "sent"
        account.logs.people._kept.clear()
        known = await account.logs.people._shown(BOB)
        assert known.attestation == Card.decode(bob.card()).attestation
        assert list(known.epochs) == [bob.first.epochs[0][2]]

        other = make_person("other@b.example")
        card = replace(Card.decode(other.card()), address=BOB)
        card = replace(
            card,
            attestation=attest(domain_key("b.example"), Binding.of(other.state, BOB), NOW),
        )
        await account.logs.people.saw(domain.found(), BOB, card, other.state)

        assert (await account.logs.people._shown(BOB)).attestation == card.attestation
        assert binding_of(bob) not in card.attestation
