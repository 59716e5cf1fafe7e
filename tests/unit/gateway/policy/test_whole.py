"""A message as a whole: mixed recipients, and answers to encrypted mail."""

import pytest

from gateway.policy.decide import Decision, Frozen, Verdict
from gateway.policy.rule import Level, Setting
from gateway.policy.whole import weigh
from mx_core.model.address import Address
from mx_core.model.errors import EncryptionRequired
from smtp_in.replies import of_error

BOB, DORA, EVE = (Address.parse(f"{who}@x.example") for who in ("bob", "dora", "eve"))
SECURE = Decision(Verdict.TAKE, Frozen.NATIVE, "", "verified")
CLEAR = Decision(Verdict.TAKE, Frozen.ORDINARY, "", "a rule")
SAID = Decision(Verdict.TAKE, Frozen.OVERRIDE, "", "the message")
HELD = Decision(Verdict.HOLD, Frozen.NATIVE, "", "a rule")


def mixed(value: str) -> Setting:
    return Setting("mixed", value, Level.GLOBAL)


def guard(value: str) -> Setting:
    return Setting("reply-guard", value, Level.FACTORY)


def test_all_alike_is_not_weighed() -> None:
    for each in (SECURE, CLEAR, SAID, HELD):
        asked = {BOB: each, DORA: each}
        found = weigh(asked, mixed=mixed("bounce-all"), guard=guard("on"), answers=False)

        assert found == asked


def test_bounce_all_refuses_the_message_and_says_because_of_whom() -> None:
    with pytest.raises(EncryptionRequired) as refused:
        weigh(
            {BOB: SECURE, DORA: CLEAR},
            mixed=mixed("bounce-all"),
            guard=guard("on"),
            answers=False,
        )

    assert of_error(refused.value).line() == (
        "550 5.7.10 dora@x.example would get unencrypted what is encrypted for bob@x.example;"
        " nothing was sent; leave dora@x.example out, or write to them separately"
    )


def test_bounce_insecure_leaves_them_no_way_but_the_encrypted_one() -> None:
    found = weigh(
        {BOB: SECURE, DORA: CLEAR, EVE: SAID},
        mixed=mixed("bounce-insecure"),
        guard=guard("on"),
        answers=False,
    )

    assert {who: each.frozen for who, each in found.items()} == {
        BOB: Frozen.NATIVE,
        DORA: Frozen.NATIVE,
        EVE: Frozen.OVERRIDE,
    }
    assert found[DORA].because == "mixed = bounce-insecure (your rule for everybody)"


def test_send_mixed_and_the_message_s_own_word_leave_everything_as_it_is() -> None:
    asked = {BOB: SECURE, DORA: CLEAR}
    said = {BOB: SECURE, DORA: SAID}

    assert weigh(asked, mixed=mixed("send-mixed"), guard=guard("on"), answers=False) == asked
    assert weigh(said, mixed=mixed("bounce-all"), guard=guard("on"), answers=True) == said


def test_who_is_held_makes_nothing_mixed_yet() -> None:
    asked = {DORA: CLEAR, EVE: HELD}

    assert weigh(asked, mixed=mixed("bounce-all"), guard=guard("on"), answers=False) == asked


def test_an_answer_to_encrypted_mail_does_not_leave_in_clear_by_a_rule() -> None:
    with pytest.raises(
        EncryptionRequired, match=r"answers an encrypted message.*MX-Send: ordinary"
    ):
        weigh({DORA: CLEAR}, mixed=mixed("send-mixed"), guard=guard("on"), answers=True)

    asked = {DORA: CLEAR}
    assert weigh(asked, mixed=mixed("send-mixed"), guard=guard("off"), answers=True) == asked
