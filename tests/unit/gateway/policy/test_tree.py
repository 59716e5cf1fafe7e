"""Where each value of a rule comes from, as it is shown."""

from gateway.policy.rule import EVERYBODY, FACTORY, Level, Scope, nearest
from gateway.policy.tree import branches, chain
from mx_core.model.address import Address

BOB = Address.parse("Bob+list@B.example")
RULES = {
    Scope("zoe@b.example"): {"encryption": "required"},
    Scope("b.example"): {"encryption": "optional"},
    Scope("eve@a.example"): {"encryption": "ask"},
    EVERYBODY: {"encryption": "ask", "mixed": "send-mixed"},
    Scope("bob@b.example"): {"unreachable": "queue"},
}


def test_a_tree_goes_from_the_farthest_to_the_nearest_and_each_domain_stands_before_its_people() -> (
    None
):
    found = [(node.level, node.scope, node.value) for node in branches(RULES, "encryption")]

    assert found == [
        (Level.FACTORY, "", "required"),
        (Level.GLOBAL, "", "ask"),
        (Level.CONTACT, "eve@a.example", "ask"),
        (Level.DOMAIN, "b.example", "optional"),
        (Level.CONTACT, "zoe@b.example", "required"),
    ]


def test_how_it_comes_counts_until_something_is_said_for_everybody() -> None:
    assert [node.counts for node in branches({}, "mixed")] == [True, False]
    assert [node.counts for node in branches(RULES, "mixed")] == [False, True]


def test_of_a_chain_exactly_the_value_counts_that_the_decision_is_made_by() -> None:
    for name in FACTORY:
        nodes = chain(RULES, BOB, name)
        (counting,) = [node for node in nodes if node.counts]
        setting = nearest(RULES, BOB, name)

        assert (counting.level, counting.value) == (setting.level, setting.value)
        assert [node.level for node in nodes] == [
            Level.FACTORY,
            Level.GLOBAL,
            Level.DOMAIN,
            Level.CONTACT,
        ]


def test_a_chain_shows_what_a_nearer_value_hides() -> None:
    said = [node.value for node in chain(RULES, BOB, "encryption")]

    assert said == ["required", "ask", "optional", ""]
