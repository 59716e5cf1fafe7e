"""Nothing leaves in clear that a rule, a doubt or an earlier secret forbids; and what does, arrives."""

import contextlib
from typing import Any

import pytest

from gateway.legacy.relay_account import RelayAccount, RelayAccounts
from mx_core.model.address import Address
from mx_core.model.errors import (
    BadConfiguration,
    EncryptionRequired,
    MailError,
    NotOnNetwork,
    PeerUnreachable,
    UnknownRecipient,
    Untrusted,
)
from mx_core.model.message import Submission
from mx_core.model.notify import Notify, NotifyRequest
from tests.support.sending import ALICE, BOB, DORA, sending_account
from tests.support.smtp_sink import PASSWORD, USER, smtp_sink
from tests.support.stores import memory_store

pytestmark = pytest.mark.anyio

# where it strikes, and as what the rooms below report it
FAULTS: list[tuple[str, MailError]] = [
    ("b.example", NotOnNetwork("b.example is not on the network")),  # NXDOMAIN
    ("b.example", Untrusted("domain-absent", "it was on the network")),  # NXDOMAIN, remembered
    ("b.example", PeerUnreachable("SERVFAIL")),
    ("b.example", PeerUnreachable("nobody answered in time")),
    ("b.example", PeerUnreachable("404 for the well-known document")),
    ("b.example", Untrusted("domain-key", "the key has changed without proof")),
    ("b.example", Untrusted("document-old", "an older document than the last one")),
    ("bob@b.example", UnknownRecipient("nobody called bob@b.example is there")),
    ("bob@b.example", PeerUnreachable("the home server is silent")),
    ("bob@b.example", Untrusted("log-proof", "no proof that the log holds it")),
    ("bob@b.example", Untrusted("pid-changed", "another passport")),
]


@pytest.mark.parametrize(("where", "fault"), FAULTS)
async def test_no_fault_of_discovery_turns_encrypted_mail_into_ordinary_mail(
    where: str, fault: MailError
) -> None:
    """The loosest rules, a peer that was once secure: not one octet to the relay."""
    async with sending_account() as alice:
        for scope in ("everybody", "b.example", "bob@b.example"):
            await alice.desk.set(scope, "encryption", "optional")
            await alice.desk.set(scope, "unreachable", "queue")
        await alice.know(BOB)
        await alice.submit(BOB)
        alice.network.faults[where] = fault
        alice.forget_cards()
        for _ in range(3):
            await alice.move()
            alice.clock.at += 4 * 3600
        with contextlib.suppress(MailError):
            await alice.submit(BOB)
        await alice.move()

        assert alice.sink.connections == 0


@pytest.mark.parametrize(
    ("where", "fault"), [f for f in FAULTS if not isinstance(f[1], NotOnNetwork)]
)
async def test_no_fault_lets_a_stranger_s_mail_leave_in_clear_under_a_rule_for_everybody(
    where: str, fault: MailError
) -> None:
    async with sending_account() as alice:
        await alice.desk.set("everybody", "encryption", "optional")
        await alice.desk.set("everybody", "unreachable", "queue")
        alice.network.faults[where] = fault
        with contextlib.suppress(MailError):
            await alice.submit(BOB)
        for _ in range(3):
            await alice.move()
            alice.clock.at += 4 * 3600

        assert alice.sink.connections == 0


async def test_a_rule_lets_mail_to_who_is_not_on_the_network_leave_and_arrive_unchanged() -> None:
    async with sending_account() as alice:
        await alice.desk.set("old.example", "encryption", "optional")

        assert (
            await alice.outbox.judge(ALICE, DORA) == "ordinary email: others can read it on its way"
        )
        queue_id = await alice.submit(DORA)
        [item] = await alice.store.outbox.due(alice.clock(), 10)
        octets = await alice.store.outbox.octets(item.queue_id)
        assert await alice.move() == {DORA: ("relayed", "")}

        assert [each[1:] for each in alice.sink.taken] == [("RCPT TO:<dora@old.example>", octets)]
        assert (item.queue_id, item.policy) == (queue_id, "ordinary")
        assert item.decision == "encryption = optional (your rule for old.example)"


async def test_a_rule_that_became_stricter_stops_what_waits_and_the_sender_is_told() -> None:
    async with sending_account() as alice:
        await alice.desk.set("everybody", "encryption", "optional")
        await alice.submit(DORA)
        await alice.desk.set("everybody", "encryption", "required")

        assert await alice.move() == {DORA: ("failed", "5.7.10")}
        assert alice.sink.connections == 0
        [report] = await alice.reports()
        assert b"your rules no longer allow ordinary" in report.replace(b"=\r\n", b"")


async def test_who_came_onto_the_network_meanwhile_is_sealed_to() -> None:
    """A decision is only ever raised: the flow goes on to seal, whatever was frozen."""
    async with sending_account() as alice:
        await alice.desk.set("everybody", "encryption", "optional")
        bob = alice.network.people.pop(BOB)
        await alice.submit(BOB)
        alice.network.people[BOB] = bob
        await alice.move()

        assert alice.sink.connections == 0


async def test_the_tag_of_an_address_is_a_word_for_this_message_and_no_part_of_the_address() -> (
    None
):
    tagged = Address.parse("dora+mx-ordinary@old.example")
    async with sending_account() as alice:
        await alice.submit(tagged)
        [item] = await alice.store.outbox.due(alice.clock(), 10)

        assert await alice.move() == {tagged: ("relayed", "")}
        assert [each[1] for each in alice.sink.taken] == ["RCPT TO:<dora@old.example>"]
        assert (item.policy, item.decision) == (
            "override",
            "encryption = optional (what the message itself says)",
        )


async def test_the_identity_and_the_header_field_are_such_words_too() -> None:
    async with sending_account() as alice:
        await alice.submit(DORA, sender=Address.parse("alice+mx-ordinary@a.example"))
        await alice.desk.set("everybody", "encryption", "ask")
        await alice.submit(DORA, header="MX-Send: ordinary\r\n")
        with pytest.raises(EncryptionRequired, match="the message asks for encryption"):
            await alice.submit(DORA, header="MX-Send: encrypted\r\n")

        assert await alice.move() == {DORA: ("relayed", "")}
        assert len(alice.sink.taken) == 2


async def test_ask_holds_the_message_tells_the_person_and_sends_it_on_their_word() -> None:
    async with sending_account() as alice:
        await alice.desk.set("everybody", "encryption", "ask")
        queue_id = await alice.submit(DORA)
        [held] = await alice.store.outbox.unsettled()
        [report] = await alice.reports()

        assert await alice.move() == {}
        assert (held.state.value, held.policy) == ("held", "native")
        assert f"queue ordinary {queue_id}".encode() in report.replace(b"=\r\n", b"")
        assert await alice.store.outbox.let_leave(held.queue_id, DORA, "override", "you said so")
        assert await alice.move() == {DORA: ("relayed", "")}


async def test_a_held_message_that_is_only_tried_again_does_not_leave_in_clear() -> None:
    async with sending_account() as alice:
        await alice.desk.set("everybody", "encryption", "ask")
        await alice.submit(DORA)
        [held] = await alice.store.outbox.unsettled()
        assert await alice.store.outbox.release(held.queue_id, DORA)

        assert await alice.move() == {DORA: ("failed", "5.1.1")}
        assert alice.sink.connections == 0


async def test_an_answer_to_encrypted_mail_is_refused_whole_unless_the_message_says_otherwise() -> (
    None
):
    async with sending_account() as alice:
        await alice.desk.set("everybody", "encryption", "optional")
        await alice.submit(BOB)  # <m@a.example> leaves encrypted
        with pytest.raises(EncryptionRequired, match="answers an encrypted message"):
            await alice.submit(DORA, header="References: <x@y>\r\n <m@a.example>\r\n")
        with pytest.raises(EncryptionRequired, match="answers an encrypted message"):
            await alice.submit(DORA, header="In-Reply-To: <m@a.example>\r\n")
        await alice.submit(DORA, header="In-Reply-To: <another@a.example>\r\n")
        await alice.submit(DORA, header="In-Reply-To: <m@a.example>\r\nMX-Send: ordinary\r\n")

        policies = sorted(item.policy for item in await alice.store.outbox.unsettled())
        assert policies == ["native", "ordinary", "override"]


async def test_mixed_recipients_are_refused_whole_or_bounced_or_sent_as_the_rule_says() -> None:
    async with sending_account() as alice:
        await alice.desk.set("everybody", "encryption", "optional")
        with pytest.raises(EncryptionRequired, match="would get unencrypted"):
            await alice.submit(BOB, DORA)
        assert await alice.store.outbox.unsettled() == []
        await alice.desk.set("everybody", "mixed", "bounce-insecure")
        await alice.submit(BOB, DORA)

        moved = await alice.move()
        assert moved[DORA] == ("failed", "5.1.1")
        assert alice.sink.connections == 0
        await alice.desk.set("everybody", "mixed", "send-mixed")
        await alice.submit(BOB, DORA)
        assert (await alice.move())[DORA] == ("relayed", "")


async def test_success_is_reported_to_who_asked_with_the_server_that_took_it() -> None:
    asked = {DORA: NotifyRequest(frozenset({Notify.SUCCESS}), "")}
    async with sending_account() as alice:
        await alice.desk.set("everybody", "encryption", "optional")
        await alice.outbox.judge(ALICE, DORA)
        await alice.outbox.enqueue(Submission(ALICE, (DORA,), b"Subject: x\r\n\r\n", wanted=asked))
        await alice.store.outbox.show_new()
        await alice.move()

        [report] = await alice.reports()
        assert b"Subject: Sent as ordinary email, unencrypted, to dora@old.example" in report
        assert b"Remote-MTA: dns; localhost\r\n" in report


async def test_a_relay_that_never_takes_it_fails_it_and_one_that_is_away_lets_it_wait() -> None:
    async with sending_account() as alice:
        await alice.desk.set("everybody", "encryption", "optional")
        await alice.submit(DORA)
        alice.sink.answers["RCPT"] = "451 4.3.0 later"
        assert await alice.move() == {DORA: ("queued", "")}
        alice.clock.at += 3600
        alice.sink.answers["RCPT"] = "550 5.1.1 nobody"
        assert await alice.move() == {DORA: ("failed", "5.1.1")}


async def test_without_an_account_for_it_no_ordinary_mail_is_taken() -> None:
    async with sending_account(relay=False) as alice:
        await alice.desk.set("everybody", "encryption", "optional")
        with pytest.raises(UnknownRecipient, match="no account for ordinary email"):
            await alice.outbox.judge(ALICE, DORA)


async def test_explain_tells_what_would_happen_and_why() -> None:
    async with sending_account() as alice:
        await alice.desk.set("old.example", "encryption", "ask")
        bob, dora = await alice.desk.explain(BOB), await alice.desk.explain(DORA)

        assert (bob["verdict"], bob["leaves"]) == ("take", "native")
        assert (dora["verdict"], dora["because"]) == (
            "hold",
            "encryption = ask (your rule for old.example)",
        )
        assert "encryption = ask (your rule for old.example)" in dora["rules"]
        await alice.desk.set("old.example", "encryption", "default")
        assert (await alice.desk.explain(DORA))["verdict"] == "refuse"
        assert (await alice.desk.show())["rules"] == []


async def test_the_relay_is_shown_without_its_password_and_can_be_removed() -> None:
    async with sending_account() as alice:
        shown = await alice.desk.relay()
        await alice.desk.remove_relay()

        assert "password" not in shown
        assert shown["host"] == "localhost"
        assert await alice.desk.relay() == {}


async def test_who_was_found_a_moment_ago_is_not_looked_for_again_and_still_verified_to_seal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A verdict may be a second old; what leaves is decided by keys that are verified then."""
    async with sending_account(relay=False) as alice:
        looked = Counted(alice.outbox._reaching.look)
        monkeypatch.setattr(alice.outbox._reaching, "look", looked)
        for _ in range(3):
            await alice.outbox.judge(ALICE, BOB)
        at_once = looked.calls
        alice.network.faults[str(BOB)] = Untrusted("pid-changed", "another passport")
        alice.forget_cards()
        await alice.submit(BOB)
        moved = await alice.move()
        alice.clock.at += 2
        with pytest.raises(Untrusted):
            await alice.outbox.judge(ALICE, BOB)

        assert at_once == 1
        assert moved[BOB][0] == "held"
        assert not alice.network.parcels


class Counted:
    """Counts how often something is asked."""

    def __init__(self, ask: Any) -> None:
        self._ask = ask
        self.calls = 0

    async def __call__(self, *given: Any) -> Any:
        self.calls += 1
        return await self._ask(*given)


async def test_what_is_written_from_another_address_leaves_by_the_server_of_that_address() -> None:
    old = Address.parse("alice@isp.example")
    async with sending_account() as alice, smtp_sink() as other:
        await alice.desk.set("everybody", "encryption", "optional")
        account = RelayAccount("localhost", other.port, True, USER, PASSWORD)
        await alice.desk.set_relay(account, old)
        await alice.submit(DORA, sender=old)
        await alice.submit(DORA)
        await alice.move()
        (from_old,), (from_own,) = other.taken, alice.sink.taken

        assert from_old[0].startswith("MAIL FROM:<alice@isp.example>")
        assert from_own[0].startswith("MAIL FROM:<alice@a.example>")
        assert list((await alice.desk.relay())["identities"]) == ["alice@isp.example"]


async def test_another_address_is_ones_own_while_it_has_a_server_and_no_longer() -> None:
    old = Address.parse("alice@isp.example")
    with memory_store() as store:
        relays = RelayAccounts(store.settings)
        account = RelayAccount("localhost", 465, True, USER, PASSWORD)
        with pytest.raises(BadConfiguration, match="your own address"):
            await relays.put(account, old)
        await relays.put(account)
        await relays.put(account, Address.parse("Alice+x@ISP.example"))
        before = relays.has_identity(old), (await RelayAccounts(store.settings).identities())
        await relays.remove(old)

        assert before[0]
        assert list(before[1]) == [old]
        assert not relays.has_identity(old)
        assert await relays.get(old) == account
