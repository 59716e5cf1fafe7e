"""A move on the page: asked for with the sheet, followed while it is under way, and never twice."""

from __future__ import annotations

import httpx
import pytest

from mx_core.model.errors import PeerUnreachable, Refused
from tests.support.page_answers import inert
from tests.support.page_desks import EVIL
from tests.support.page_gateway import Everything

pytestmark = pytest.mark.anyio

PAGE = "/move?account=alice%40a.example"
FORM = {
    "account": "alice@a.example",
    "to": "alice@c.example",
    "invite": "code",
    "words": "abandon abandon",
}
BEGUN = ("move", "alice@c.example", "code", "abandon abandon")


async def test_a_move_is_asked_for_and_what_follows_of_the_old_address_is_said(
    inside: httpx.AsyncClient, behind: Everything
) -> None:
    shown = await inside.get(PAGE)
    moved = await inside.post("/move", data=FORM)

    assert '<label for="words"' in shown.text
    assert behind.did == [BEGUN]
    assert "You are alice@c.example now" in moved.text
    assert "Mail to <code>alice@a.example</code> still comes in for 90 days" in moved.text
    assert "abandon" not in moved.text
    inert(moved)


async def test_what_is_under_way_is_shown_and_not_asked_for_again(
    inside: httpx.AsyncClient, behind: Everything
) -> None:
    behind.there, behind.move_trouble = EVIL, PeerUnreachable("c.example does not answer")
    asked = await inside.post("/move", data=FORM)
    shown = await inside.get(PAGE)

    assert (asked.status_code, asked.headers["location"]) == (303, PAGE)
    assert "is under way" in shown.text
    assert '<form method="post" action="/move"' not in shown.text
    inert(shown)


@pytest.mark.parametrize(
    ("trouble", "status"),
    [
        (PeerUnreachable("c.example is not to be found now"), 503),
        (Refused("these are not the words of the present sheet"), 400),
    ],
)
async def test_what_has_not_begun_is_refused_by_its_sentence(
    inside: httpx.AsyncClient, behind: Everything, trouble: Exception, status: int
) -> None:
    behind.move_trouble = trouble  # type: ignore[assignment]

    answer = await inside.post("/move", data=FORM)

    assert (answer.status_code, str(trouble) in answer.text) == (status, True)


async def test_a_trial_moves_by_the_form_of_its_own(
    inside: httpx.AsyncClient, behind: Everything
) -> None:
    behind.tries = "me@me.localhost"

    led = await inside.get("/move?account=me%40me.localhost")

    assert (led.status_code, led.headers["location"]) == (303, "/begin/real")
