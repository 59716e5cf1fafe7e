"""RET, ENVID, NOTIFY and ORCPT: what they spell, and that nothing else gets through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mx_core.model.notify import AS_USUAL, Notify, NotifyRequest
from smtp_in.dsn import parse_envid, parse_request, parse_return


def xtext(text: str) -> str:
    return "".join(c if "!" <= c <= "~" and c not in "+=" else f"+{ord(c):02X}" for c in text)


@pytest.mark.parametrize(
    ("value", "whole"), [("FULL", True), ("hdrs", False), ("", None), ("BODY", None)]
)
def test_ret_is_full_or_hdrs(value: str, whole: bool | None) -> None:
    assert parse_return(value) is whole


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=30))
def test_what_was_encoded_comes_back(text: str) -> None:
    assert parse_envid(xtext(text)) == text


@pytest.mark.parametrize(
    "value", ["", "a b", "a=b", "a+", "a+3", "a+3b", "+0D+0A", "+00", "ä", "x" * 101]
)
def test_an_envid_that_could_add_a_line_or_is_none_is_refused(value: str) -> None:
    assert parse_envid(value) is None


@pytest.mark.parametrize(
    ("notify", "when"),
    [
        (None, AS_USUAL.when),
        ("NEVER", frozenset()),
        ("success", frozenset({Notify.SUCCESS})),
        ("SUCCESS,FAILURE,DELAY", frozenset(Notify)),
    ],
)
def test_notify_says_when_to_tell(notify: str | None, when: frozenset[Notify]) -> None:
    assert parse_request(notify, None) == NotifyRequest(when)


@pytest.mark.parametrize("notify", ["", "NEVER,SUCCESS", "SUCCESS,", "OFTEN", "SUCCESS FAILURE"])
def test_another_notify_is_refused(notify: str) -> None:
    assert parse_request(notify, None) is None


def test_orcpt_keeps_its_case() -> None:
    found = parse_request(None, "rfc822;Bob+2BTag@B.Example")

    assert found is not None
    assert found.original == "rfc822;Bob+Tag@B.Example"


@pytest.mark.parametrize(
    "orcpt",
    ["", "bob@b.example", "rfc822;", ";bob", "rfc 822;bob", "rfc822;a+0Ab", "rfc822;" + "x" * 500],
)
def test_another_orcpt_is_refused(orcpt: str) -> None:
    assert parse_request(None, orcpt) is None
