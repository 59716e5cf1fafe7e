"""All rules as the page shows them, over a real store."""

import pytest

from gateway.policy.rule import FACTORY
from mx_core.model.address import Address
from mx_core.model.errors import BadPolicy
from tests.support.sending import sending_account

pytestmark = pytest.mark.anyio


async def test_a_tree_says_of_each_rule_what_is_said_where_in_words() -> None:
    async with sending_account(relay=False) as alice:
        await alice.desk.set("everybody", "encryption", "ask")
        await alice.desk.set("@old.example", "encryption", "optional")
        tree = {rule["name"]: rule for rule in await alice.desk.tree()}

    assert list(tree) == list(FACTORY)
    shown = [(one["where"], one["scope"], one["said"]) for one in tree["encryption"]["nodes"]]
    assert shown == [
        ("As it comes", "everybody", "never send it"),
        ("For everybody", "everybody", "keep it and ask me"),
        (
            "For old.example",
            "old.example",
            "send it as ordinary email, which others can read on its way",
        ),
    ]
    assert [one["counts"] for one in tree["encryption"]["nodes"]] == [False, True, True]


async def test_an_explanation_shows_every_level_and_the_one_that_counts() -> None:
    async with sending_account(relay=False) as alice:
        await alice.desk.set("old.example", "encryption", "ask")
        told = await alice.desk.explain(Address.parse("dora+mx-encrypted@old.example"))

    (rule,) = [one for one in told["levels"] if one["name"] == "encryption"]
    assert [(node["level"], node["value"]) for node in rule["nodes"] if node["counts"]] == [
        ("domain", "ask")
    ]
    assert [node["value"] for node in rule["nodes"]] == ["required", "", "ask", ""]


async def test_what_is_shown_can_be_typed_back_and_is_gone() -> None:
    async with sending_account(relay=False) as alice:
        await alice.desk.set("bob@old.example", "unreachable", "queue")
        for rule in await alice.desk.tree():
            for node in rule["nodes"]:
                if node["value"] and node["level"] != "factory":
                    await alice.desk.set(node["scope"], rule["name"], "default")
        left = (await alice.desk.show())["rules"]
        with pytest.raises(BadPolicy):
            await alice.desk.set("old.example", "mixed", "send-mixed")

    assert left == []
