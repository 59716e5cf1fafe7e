"""Every verdict on a recipient, with what is said at RCPT TO."""

import itertools

import pytest

from gateway.policy.decide import (
    Frozen,
    Looked,
    Reach,
    Verdict,
    decide,
    may_leave_as_ordinary,
)
from gateway.policy.override import Override
from gateway.policy.rule import EVERYBODY, Encryption, Scope, Settings
from mx_core.model.address import Address
from mx_core.model.errors import PeerUnreachable, UnknownRecipient, Untrusted
from smtp_in.replies import of_error, recipient_accepted

BOB = Address.parse("bob@b.example")
WHY = {
    Reach.SECURE: "",
    Reach.ABSENT: "b.example is not on the network",
    Reach.UNKNOWN: "nobody called bob@b.example is there",
    Reach.UNREACHABLE: "dns is silent",
    Reach.UNPROVEN: "the key of b.example has changed without proof",
}
TAG = "write to bob+mx-ordinary@b.example"


def looked(reach: Reach, *, known: bool = False) -> Looked:
    return Looked(reach, known or reach is Reach.SECURE, WHY[reach])


def settings(encryption: str = "", unreachable: str = "", scope: str = "") -> Settings:
    said = {"encryption": encryption, "unreachable": unreachable}
    rules = {Scope(scope): {name: value for name, value in said.items() if value}}
    return Settings.of(rules, BOB)


# reach, known, rule, its scope, relay → verdict, how it may leave, what is said
TABLE = [
    (Reach.SECURE, True, "", "", False, "take", "native", "end-to-end encrypted"),
    (Reach.SECURE, False, "optional", "", True, "take", "native", "end-to-end encrypted"),
    (Reach.ABSENT, False, "", "", False, "refuse", "native", f"{WHY[Reach.ABSENT]}; only end-to-end encrypted mail leaves here until ordinary email is set up"),
    (Reach.ABSENT, False, "", "", True, "refuse", "native", f"{WHY[Reach.ABSENT]}; to send it as ordinary email: {TAG}"),
    (Reach.ABSENT, False, "ask", "", True, "hold", "native", f"{WHY[Reach.ABSENT]}; it is held until you decide"),
    (Reach.ABSENT, False, "ask", "", False, "refuse", "native", f"{WHY[Reach.ABSENT]}; no account for ordinary email is set up (mx-gateway relay set)"),
    (Reach.ABSENT, False, "optional", "", True, "take", "ordinary", "ordinary email: others can read it on its way"),
    (Reach.ABSENT, False, "optional", "", False, "refuse", "native", f"{WHY[Reach.ABSENT]}; no account for ordinary email is set up (mx-gateway relay set)"),
    (Reach.ABSENT, True, "optional", "bob@b.example", True, "refuse", "native", f"{WHY[Reach.ABSENT]}; mail to bob@b.example was encrypted before, so nothing leaves in clear; if it shall: {TAG}"),
    (Reach.UNKNOWN, False, "optional", "", True, "hold", "native", f"{WHY[Reach.UNKNOWN]}; it is held until you decide"),
    (Reach.UNKNOWN, False, "optional", "b.example", True, "take", "ordinary", "ordinary email: others can read it on its way"),
    (Reach.UNKNOWN, False, "", "", False, "refuse", "native", f"{WHY[Reach.UNKNOWN]}; only end-to-end encrypted mail leaves here until ordinary email is set up"),
    (Reach.UNREACHABLE, True, "", "", False, "take", "native", "it waits until their server answers"),
    (Reach.UNREACHABLE, True, "optional", "", True, "take", "native", "it waits until their server answers"),
    (Reach.UNREACHABLE, False, "optional", "", True, "later", "native", "the keys of b.example cannot be had now; try again later"),
    (Reach.UNPROVEN, False, "optional", "", True, "refuse", "native", WHY[Reach.UNPROVEN]),
    (Reach.UNPROVEN, True, "", "", True, "refuse", "native", WHY[Reach.UNPROVEN]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("reach", "known", "rule", "scope", "relay", "verdict", "frozen", "text"), TABLE
)
def test_each_case_has_its_verdict_and_its_sentence(
    reach: Reach,
    known: bool,
    rule: str,
    scope: str,
    relay: bool,
    verdict: str,
    frozen: str,
    text: str,
) -> None:
    found = decide(BOB, looked(reach, known=known), settings(rule, scope=scope), relay=relay)

    assert (found.verdict.value, found.frozen.value, found.text) == (verdict, frozen, text)
    assert found.because


@pytest.mark.parametrize(("rule", "frozen"), [("", "native"), ("optional", "ordinary")])
def test_mail_to_a_stranger_who_cannot_be_asked_about_waits_if_a_rule_says_so(
    rule: str, frozen: str
) -> None:
    found = decide(BOB, looked(Reach.UNREACHABLE), settings(rule, "queue"), relay=True)

    assert (found.verdict, found.frozen.value) == (Verdict.TAKE, frozen)


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("reach", [each for each in Reach if each is not Reach.SECURE])
def test_the_word_of_the_message_alone_lets_anything_leave_in_clear(
    reach: Reach, known: bool
) -> None:
    found = decide(BOB, looked(reach, known=known), settings(), Override.ORDINARY, relay=True)

    assert (found.verdict, found.frozen) == (Verdict.TAKE, Frozen.OVERRIDE)
    assert found.because == "encryption = optional (what the message itself says)"


def test_whoever_can_be_written_to_encrypted_is_whatever_the_message_says() -> None:
    found = decide(BOB, looked(Reach.SECURE), settings(), Override.ORDINARY, relay=True)

    assert found.frozen is Frozen.NATIVE


def test_the_word_for_encryption_overrules_every_rule() -> None:
    loose = settings("optional", scope="bob@b.example")

    found = decide(BOB, looked(Reach.ABSENT), loose, Override.ENCRYPTED, relay=True)

    assert (found.verdict, found.frozen) == (Verdict.REFUSE, Frozen.NATIVE)
    assert found.text == "b.example is not on the network; the message asks for encryption"


EVERY_CASE = list(
    itertools.product(
        Reach,
        [False, True],
        [*Encryption],
        ["", "b.example", "bob@b.example"],
        ["refuse", "queue"],
        [None, *Override],
        [False, True],
    )
)


def test_nothing_but_the_message_itself_lets_mail_to_somebody_known_leave_in_clear() -> None:
    """Law 2: who can make a domain vanish must not thereby read its mail."""
    for reach, known, rule, scope, unreachable, word, relay in EVERY_CASE:
        found = decide(
            BOB, looked(reach, known=known), settings(rule, unreachable, scope), word, relay=relay
        )
        if known and word is not Override.ORDINARY:
            assert found.frozen is Frozen.NATIVE
        if not relay:
            assert found.frozen is not Frozen.OVERRIDE
        if reach is Reach.UNPROVEN and word is not Override.ORDINARY:
            assert found.verdict is Verdict.REFUSE


def test_every_reply_is_one_line_of_at_most_512_octets_with_the_reason_in_it() -> None:
    longest = Address("l" * 64, ".".join(["d" * 60] * 4))
    for reach, known, rule, scope, unreachable, word, relay in EVERY_CASE:
        asked = looked(reach, known=known)
        found = decide(longest, asked, settings(rule, unreachable, scope), word, relay=relay)
        error = {
            Verdict.REFUSE: (
                Untrusted("domain-key", found.text)
                if reach is Reach.UNPROVEN
                else UnknownRecipient(found.text)
            ),
            Verdict.LATER: PeerUnreachable(found.text),
        }.get(found.verdict)
        line = (of_error(error) if error else recipient_accepted(found.text)).line()
        assert len(line) <= 510
        assert line[:3] in {"250", "450", "550"}
        assert line.isascii()
        assert "\n" not in line


def test_a_rule_that_became_stricter_stops_what_was_allowed() -> None:
    assert may_leave_as_ordinary(looked(Reach.ABSENT), settings("optional"))
    assert not may_leave_as_ordinary(looked(Reach.ABSENT), settings("required"))
    assert not may_leave_as_ordinary(looked(Reach.ABSENT), settings("ask"))
    assert not may_leave_as_ordinary(looked(Reach.ABSENT, known=True), settings("optional"))
    assert not may_leave_as_ordinary(looked(Reach.UNKNOWN), settings("optional", scope=EVERYBODY))
    for reach in (Reach.UNREACHABLE, Reach.UNPROVEN, Reach.SECURE):
        assert not may_leave_as_ordinary(looked(reach), settings("optional"))
