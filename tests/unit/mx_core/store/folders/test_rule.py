import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mx_core.mime.header_keys import header_keys
from mx_core.mime.prepare import prepare
from mx_core.mime.search_text import body_text, header_text
from mx_core.model.errors import BadRule
from mx_core.model.flags import FLAGGED, SEEN, Flag, FlagSet
from mx_core.store.folders.facts import Facts, Loaded
from mx_core.store.folders.parse_rule import parse

OCTETS = (
    b"From: Boss <boss@work.example>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"Date: Fri, 01 Jan 2027 00:30:00 +0100\r\n\r\nA word in the body\r\n"
)
FORM = prepare(OCTETS)
ARRIVED = 1_798_761_600  # 2027-01-01 00:00 UTC
DAY = 86_400


def facts(
    *flags: Flag,
    now: int = ARRIVED,
    with_text: bool = True,
    keys: bool = False,
    octets: bytes = OCTETS,
) -> Facts:
    return Facts(
        frozenset(flags),
        arrived=ARRIVED,
        size=len(octets),
        now=now,
        load=lambda: Loaded(
            prepare(octets), octets, header_keys(octets, prepare(octets)) if keys else None
        ),
        texts=(header_text(octets, FORM), body_text(octets, FORM)) if with_text else None,
    )


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("ALL", True),
        ("flagged", True),
        ("UNFLAGGED", False),
        ("FLAGGED SEEN", False),
        ("KEYWORD $notencrypted", True),
        ("UNKEYWORD $NotEncrypted", False),
        ("OR SEEN FLAGGED", True),
        ("NOT (SEEN FLAGGED)", True),
        ("NOT NOT FLAGGED", True),
        ("FROM boss@work", True),
        ('FROM "boss <boss"', True),
        ('SUBJECT "grüße"', True),
        ("TO boss", False),
        ("HEADER date 2027", True),
        ('HEADER x-none ""', False),
        ('HEADER subject ""', True),
        ("BODY word", True),
        ("BODY boss", False),
        ("TEXT boss", True),
        ("LARGER 100 SMALLER 1000", True),
        ("SINCE 1-Jan-2027 BEFORE 2-jan-2027 ON 01-JAN-2027", True),
        ("SENTON 1-Jan-2027 SENTSINCE 1-Jan-2027", True),
        ("SENTBEFORE 1-Jan-2027", False),
        ("YOUNGER 60", True),
        ("OLDER 60", False),
        ('SUBJECT "a \\"quoted\\" word"', False),
    ],
)
def test_a_rule_judges_as_search_does(text: str, holds: bool) -> None:
    for keys in (False, True):
        judged = parse(text).test.judge(facts(FLAGGED, Flag("$NotEncrypted"), keys=keys))
        assert judged is holds


@pytest.mark.parametrize(
    "text",
    ["", " ", "FLAGED", "(FLAGGED", "FLAGGED)", "NOT", "OR SEEN", "FROM", "FROM (", '"SEEN"',
     "SINCE 30-Feb-2027", "SINCE yesterday", "OLDER 0", "OLDER -1", "OLDER 99999999999", "LARGER x",
     "KEYWORD a(b", "KEYWORD \\Seen", 'FROM "open', "UID 1", "1:*", "RECENT", "NEW", "MODSEQ 1",
     "SEEN\r\nDELETED", "()"],
)  # fmt: skip
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(BadRule):
        parse(text)


def test_a_rule_is_bounded() -> None:
    longest = " ".join(["SEEN"] * 99)
    assert parse(longest).text == longest
    for text in ("SEEN " * 101, "(" * 17 + "SEEN" + ")" * 17, "NOT " * 17 + "SEEN", "S" * 1001):
        with pytest.raises(BadRule):
            parse(text)


@given(st.text(alphabet='()" \\ORNTSEFMABUJ0129-*x\r', max_size=40))
def test_any_text_is_a_rule_or_is_refused_as_none(text: str) -> None:
    try:
        rule = parse(text)
    except BadRule:
        return

    assert parse(rule.text).text == rule.text
    assert rule.test.judge(facts()) in {True, False}


@given(st.integers(0, 47), st.integers(32, 126))
def test_an_octet_altered_leaves_a_rule_or_none(at: int, octet: int) -> None:
    whole = 'OR (FROM "boss" NOT SEEN) (SINCE 1-Jan-2027 ALL)'
    with contextlib.suppress(BadRule):
        rule = parse(whole[:at] + chr(octet) + whole[at + 1 :])

        assert rule.test.judge(facts()) in {True, False}


def test_the_body_is_asked_for_only_where_the_rest_does_not_decide() -> None:
    rule = parse("FLAGGED BODY word")

    assert rule.test.judge(facts(with_text=False)) is False
    assert rule.test.judge(facts(FLAGGED, with_text=False)) is None
    assert parse("OR FLAGGED BODY word").test.judge(facts(FLAGGED, with_text=False)) is True
    assert parse("NOT BODY word").test.judge(facts(with_text=False)) is None


def test_a_header_is_loaded_once_and_only_when_flags_do_not_decide() -> None:
    loads: list[int] = []

    def load() -> Loaded:
        loads.append(1)
        return Loaded(FORM, OCTETS)

    def judged(text: str, flags: FlagSet) -> bool | None:
        return parse(text).test.judge(Facts(flags, arrived=0, size=0, now=0, load=load))

    assert judged("FROM boss SUBJECT nothing SEEN", frozenset()) is False
    assert loads == []
    assert judged("FROM boss SUBJECT nothing SEEN", frozenset({SEEN})) is False
    assert loads == [1]


def test_it_is_known_what_a_rule_looks_at() -> None:
    assert parse("OR SEEN NOT KEYWORD x").flags_only
    assert not parse("SEEN FROM x").flags_only
    assert parse("BODY x").test.body
    assert not parse("FROM x").test.flags


def test_a_rule_knows_when_time_turns_it() -> None:
    rule = parse(f"OLDER {DAY} YOUNGER {3 * DAY}")
    turns = [ARRIVED + DAY, ARRIVED + 3 * DAY + 1]

    assert rule.next_turn(ARRIVED, ARRIVED) == turns[0]
    assert rule.next_turn(ARRIVED, turns[0]) == turns[1]
    assert rule.next_turn(ARRIVED, turns[1]) is None
    verdicts = [rule.test.judge(facts(now=at)) for turn in turns for at in (turn - 1, turn)]
    assert verdicts == [False, True, True, False]
    assert parse("FLAGGED").next_turn(ARRIVED, ARRIVED) is None
