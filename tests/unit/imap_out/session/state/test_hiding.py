"""A capability can be hidden from one account, one program, or both."""

import pytest

from imap_out.session.state.hiding import HideRule, Hiding
from imap_out.session.state.recent import RecentClaims
from mx_core.model.address import Address
from tests.support.memory_mail import one_account
from tests.support.transcript import Line

pytestmark = pytest.mark.anyio
FRED = Address.parse("fred@a.example")
WORDS = frozenset({b"QRESYNC", b"MOVE"})


@pytest.mark.parametrize(
    ("rule", "account", "client", "applies"),
    [
        (HideRule(WORDS), None, "", True),
        (HideRule(WORDS, FRED), FRED, "mutt", True),
        (HideRule(WORDS, FRED), Address.parse("Fred@A.example"), "", True),
        (HideRule(WORDS, FRED), None, "", False),
        (HideRule(WORDS, FRED), Address.parse("other@a.example"), "", False),
        (HideRule(WORDS, client="thunder"), FRED, "Thunderbird", True),
        (HideRule(WORDS, client="thunder"), FRED, "mutt", False),
        (HideRule(WORDS, client="thunder"), FRED, "", False),
        (HideRule(WORDS, FRED, "mutt"), FRED, "Thunderbird", False),
    ],
)
def test_a_rule_is_meant_for_who_it_names(
    rule: HideRule, account: Address | None, client: str, applies: bool
) -> None:
    assert rule.applies(account, client) is applies


def test_all_rules_that_apply_hide_their_words() -> None:
    hiding = Hiding((HideRule(frozenset({b"A"})), HideRule(frozenset({b"B"}), client="x")))

    assert hiding.hidden(None, "X-mail") == {b"A", b"B"}
    assert hiding.hidden(None, "") == {b"A"}
    assert Hiding().hidden(FRED, "mutt") == frozenset()


async def test_a_program_that_names_itself_is_told_the_shorter_list() -> None:
    rule = HideRule(WORDS, client="Thunderbird")
    line = Line(one_account(), RecentClaims(), hiding=Hiding((rule,)))
    await line.feed(b"a LOGIN fred@a.example secret\r\n")
    assert b" MOVE " in line.taken()

    await line.feed(b'b ID ("version" "1" "NAME" "thunderbird")\r\n')
    told = line.taken()
    assert b"b OK [CAPABILITY IMAP4rev1 " in told
    assert b" MOVE " not in told

    await line.feed(b"c ENABLE QRESYNC CONDSTORE\r\n")
    assert line.taken().startswith(b"* ENABLED CONDSTORE\r\n")

    await line.feed(b"d ID NIL\r\n")
    assert b" MOVE " in line.taken()
