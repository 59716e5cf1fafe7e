"""Rules: what can be said, of whom, and which counts."""

import pytest

from gateway.policy.rule import (
    EVERYBODY,
    FACTORY,
    Level,
    Scope,
    Settings,
    check,
    nearest,
    parse_scope,
)
from mx_core.model.address import Address
from mx_core.model.errors import BadAddress, BadPolicy

BOB = Address.parse("Bob+list@B.example")
RULES = {
    EVERYBODY: {"encryption": "ask", "mixed": "send-mixed"},
    Scope("b.example"): {"encryption": "optional"},
    Scope("bob@b.example"): {"unreachable": "queue"},
}


def test_without_a_rule_the_factory_has_spoken() -> None:
    found = {name: nearest({}, BOB, name) for name in FACTORY}

    assert {name: each.value for name, each in found.items()} == FACTORY
    assert {each.level for each in found.values()} == {Level.FACTORY}


def test_the_nearest_rule_counts_for_each_name_by_itself() -> None:
    settings = Settings.of(RULES, BOB)

    assert (settings.encryption.value, settings.encryption.level) == ("optional", Level.DOMAIN)
    assert (settings.unreachable.value, settings.unreachable.level) == ("queue", Level.CONTACT)
    assert (settings.mixed.value, settings.mixed.level) == ("send-mixed", Level.GLOBAL)
    assert settings.guard.level is Level.FACTORY


def test_a_rule_for_a_domain_says_nothing_of_those_below_or_beside_it() -> None:
    for domain in ("x.b.example", "bb.example", "example"):
        assert nearest(RULES, Address("bob", domain), "encryption").level is Level.GLOBAL


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("everybody", ""),
        ("B.example", "b.example"),
        ("@b.example", "b.example"),
        ("Bob+x@B.example", "bob@b.example"),
    ],
)
def test_a_scope_is_read_in_its_canonical_form(text: str, scope: str) -> None:
    assert parse_scope(text) == scope


@pytest.mark.parametrize("text", ["", "bob", "@", "a b.example", "bob@", "+x@b.example"])
def test_what_names_nobody_is_no_scope(text: str) -> None:
    with pytest.raises((BadPolicy, BadAddress)):
        parse_scope(text)


@pytest.mark.parametrize(
    ("scope", "name", "value"),
    [
        (EVERYBODY, "encrypt", "ask"),
        (EVERYBODY, "encryption", "on"),
        (EVERYBODY, "encryption", ""),
        (Scope("b.example"), "mixed", "send-mixed"),
        (Scope("bob@b.example"), "reply-guard", "off"),
    ],
)
def test_what_is_no_rule_is_refused_with_what_there_is(scope: Scope, name: str, value: str) -> None:
    with pytest.raises(BadPolicy, match=r"there are|is one of|everybody"):
        check(scope, name, value)


def test_every_setting_says_where_it_comes_from() -> None:
    settings = Settings.of(RULES, BOB)

    assert settings.encryption.because() == "encryption = optional (your rule for b.example)"
    assert settings.mixed.because() == "mixed = send-mixed (your rule for everybody)"
    assert settings.guard.because() == "reply-guard = on (as it comes)"
