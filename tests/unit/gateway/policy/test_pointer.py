"""A refusal ends with where it can be changed: the whole address, or none."""

import pytest

from gateway.policy.pointer import pointed
from mx_core.model.address import Address

ORIGIN = "http://localhost:1180"


@pytest.mark.parametrize(
    ("who", "path"),
    [
        ("bob@b.example", "/to/bob@b.example"),
        ("bob+mx-ordinary@b.example", "/to/bob@b.example"),
        ("bob+list@b.example", "/to/bob+list@b.example"),
        ("a/b?c#d@b.example", "/to/a%2Fb%3Fc%23d@b.example"),
        ("zażółć@b.example", "/to/za%C5%BC%C3%B3%C5%82%C4%87@b.example"),
    ],
)
def test_a_refusal_points_to_the_page_about_whom_it_concerns(who: str, path: str) -> None:
    assert pointed("no", ORIGIN, Address.parse(who)) == f"no; {ORIGIN}{path}"


def test_a_pointer_that_does_not_fit_into_a_reply_is_left_out_whole() -> None:
    who = Address.parse("bob@b.example")
    end = f"; {ORIGIN}/to/{who}"

    assert pointed("x" * (490 - len(end)), ORIGIN, who).endswith(end)
    assert pointed("x" * (491 - len(end)), ORIGIN, who) == "x" * (491 - len(end))


def test_where_there_is_no_page_nothing_is_pointed_to() -> None:
    assert pointed("no", "", Address.parse("bob@b.example")) == "no"
