"""The page as a browser sees it, over a gateway whose every text is hostile."""

from __future__ import annotations

import html
import re
from typing import Any

import httpx
import pytest

from mx_core.carriers.native.membership import DoorState
from mx_core.model.errors import Refused, Unavailable
from tests.support.page_answers import inert
from tests.support.page_desks import EVIL
from tests.support.page_gateway import CONTACT, READ, Everything

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("path", [*READ, CONTACT, "/contacts?account=alice%40a.example"])
async def test_who_has_not_entered_sees_how_to_and_nothing_else(
    outside: httpx.AsyncClient, path: str
) -> None:
    answer = await outside.get(path)

    assert answer.status_code == 401
    assert "mx-gateway page" in answer.text
    assert "alert" not in answer.text
    assert "Only trying" not in answer.text


async def test_a_form_of_who_has_not_entered_does_nothing(
    outside: httpx.AsyncClient, behind: Everything
) -> None:
    answer = await outside.post("/outbox/cancel", data={"queue_id": "x"})

    assert answer.status_code == 401
    assert behind.did == []


async def test_a_link_opens_once(inside: httpx.AsyncClient) -> None:
    ticket = inside.headers["x-ticket"]
    assert (await inside.get("/")).status_code == 200
    inside.cookies.clear()

    assert (await inside.get(f"/enter?ticket={ticket}")).status_code == 401


@pytest.mark.parametrize("path", [*READ, CONTACT, "/contacts?account=alice%40a.example"])
async def test_no_text_of_others_becomes_markup(inside: httpx.AsyncClient, path: str) -> None:
    answer = await inside.get(path)

    assert answer.status_code == 200
    assert "Only trying" in answer.text  # a trial is named on every screen
    inert(answer)


async def test_the_page_that_a_refusal_points_to_says_why_and_what_can_be_done(
    inside: httpx.AsyncClient, behind: Everything
) -> None:
    async def status() -> dict[str, Any]:
        return {"accounts": [{"address": "alice@a.example"}]}

    behind.status = status  # type: ignore[method-assign]
    answer = await inside.get("/to/bob@b.example")

    assert answer.status_code == 200
    assert "Writing to bob@b.example" in answer.text
    assert "it is held" in answer.text
    assert "bob+mx-ordinary@b.example" in answer.text
    assert "mx-gateway relay set alice@a.example" in answer.text
    inert(answer)


@pytest.mark.parametrize(
    ("path", "form", "did"),
    [
        (
            "/programs",
            {"account": "alice@a.example", "name": "Mutt", "program": "mutt"},
            ("program", "alice@a.example", "Mutt"),
        ),
        (
            "/invitations",
            {"account": "alice@a.example", "name": "Fair", "uses": "3", "days": "7"},
            ("invite", "Fair", "3", "7"),
        ),
    ],
)
async def test_a_secret_is_shown_once_by_the_answer_that_made_it(
    inside: httpx.AsyncClient,
    behind: Everything,
    path: str,
    form: dict[str, str],
    did: tuple[str, ...],
) -> None:
    answer = await inside.post(path, data=form)

    assert answer.status_code == 200
    assert html.escape(EVIL, quote=True).replace("&quot;", "&#34;").replace("&#x27;", "&#39;") in (
        answer.text
    )
    assert answer.headers["cache-control"] == "no-store"
    inert(answer)
    assert behind.did == [did]


@pytest.mark.parametrize(
    ("trouble", "status"), [(Refused(f"no: {EVIL}"), 400), (Unavailable(f"later: {EVIL}"), 503)]
)
async def test_an_error_is_its_sentence(
    inside: httpx.AsyncClient, behind: Everything, trouble: Exception, status: int
) -> None:
    behind.trouble = trouble
    answer = await inside.get("/")

    assert answer.status_code == status
    inert(answer)


async def test_an_address_that_is_none_and_a_page_that_is_none_are_told(
    inside: httpx.AsyncClient,
) -> None:
    assert (await inside.get("/programs?account=%3Cscript%3E")).status_code == 400
    assert (await inside.get("/contacts")).status_code == 400
    missing = await inside.get("/nothing")
    assert (missing.status_code, "no such page" in missing.text) == (404, True)


@pytest.mark.parametrize("path", ["/", "/nothing", "/static/page.css", "/enter?ticket=wrong"])
async def test_every_answer_tells_the_browser_to_load_nothing_of_others(
    inside: httpx.AsyncClient, path: str
) -> None:
    answer = await inside.get(path)

    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    # "no-referrer" would make a browser say "Origin: null" of our own forms
    assert answer.headers["referrer-policy"] == "same-origin"


async def test_who_leaves_is_out(inside: httpx.AsyncClient) -> None:
    kept = dict(inside.cookies)
    assert (await inside.post("/leave")).status_code == 200
    inside.cookies.update(kept)

    assert (await inside.get("/")).status_code == 401


async def test_what_is_static_is_ours_and_nothing_beside_it_is_served(
    outside: httpx.AsyncClient,
) -> None:
    assert (await outside.get("/static/page.css")).status_code == 200
    assert (await outside.get("/static/live.js")).status_code == 200
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py"):
        assert "page_app" not in (await outside.get(path)).text


@pytest.mark.parametrize("path", [*READ, CONTACT, "/contacts?account=alice%40a.example"])
async def test_every_page_can_be_read_and_used_without_seeing_or_pointing(
    inside: httpx.AsyncClient, path: str
) -> None:
    text = (await inside.get(path)).text

    assert '<html lang="en">' in text
    assert text.count("<h1") == 1
    assert text.count("<main") == 1
    named = set(re.findall(r'<label for="([^"]+)"', text))
    visible = set(re.findall(r'<(?:input|select) id="([^"]+)"', text))
    assert visible == named
    assert set(re.findall(r"<input (?!id=|type=\"hidden\")", text)) == set()
    for table in re.findall(r"<table>.*?</table>", text, re.DOTALL):
        assert "<caption>" in table
        assert 'scope="row"' in table


@pytest.mark.parametrize(("trusted", "says"), [(True, "take that back"), (False, "has worked")])
async def test_a_page_says_how_this_computer_is_told_of_the_certificate(
    inside: httpx.AsyncClient, behind: Everything, trusted: bool, says: str
) -> None:
    behind.computer.trusted = trusted
    answer = await inside.get("/programs?account=alice%40a.example")

    assert says in answer.text
    inert(answer)


async def test_how_far_an_import_is_is_seen(inside: httpx.AsyncClient) -> None:
    answer = await inside.get(READ[-1])

    assert '<progress max="10" value="3"' in answer.text
    assert "3 of 10 messages, about 2 min left" in answer.text
    assert answer.text.count("<button aria-label") == 2  # pause what runs, go on with what rests
    assert "7 are encrypted by OpenPGP or S/MIME" in answer.text


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"phase": "exporting", "trouble": ""}, "2 of 3 messages"),
        ({"phase": "idle", "trouble": ""}, "was read back: 2 messages"),
        ({"phase": "idle", "trouble": EVIL}, "has stopped"),
    ],
)
async def test_how_far_an_export_is_is_seen(
    inside: httpx.AsyncClient, behind: Everything, more: dict[str, str], says: str
) -> None:
    behind.export = more
    answer = await inside.get(READ[-1])

    assert says in answer.text
    inert(answer)


async def test_an_import_that_neither_looks_nor_brings_is_refused(
    inside: httpx.AsyncClient, behind: Everything
) -> None:
    form = {"account": "alice@a.example", "source": "/m", "how": "x"}

    assert (await inside.post("/mail/begin", data=form)).status_code == 400
    assert behind.did == []


async def test_activity_is_a_picture_and_a_table_of_the_same(inside: httpx.AsyncClient) -> None:
    text = (await inside.get("/activity?account=alice%40a.example")).text

    assert text.count("<rect ") == 3 * 29 + 1  # on the first day nothing came
    assert text.count('<tr><th scope="row">') == 30
    assert '<svg class="chart" role="img" aria-labelledby="chart-title"' in text


async def test_contacts_are_saved_as_a_file_of_cards(inside: httpx.AsyncClient) -> None:
    answer = await inside.get("/contacts.vcf?account=alice%40a.example")

    assert answer.headers["content-type"] == "text/vcard; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="contacts.vcf"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.text.startswith("BEGIN:VCARD\r\nVERSION:4.0\r\n")


async def test_the_doctor_of_the_page_says_what_to_do(inside: httpx.AsyncClient) -> None:
    assert "1 of 2 things want something of you" in (await inside.get("/doctor")).text


@pytest.mark.parametrize(
    ("state", "says", "offers"),
    [
        (DoorState(served=True, open=True), "is taken", "Refuse ordinary mail"),
        (DoorState(served=True, open=False), "is refused", "Take ordinary mail"),
        (DoorState(served=False, open=False), "Your home server takes none", ""),
        (None, "does not answer now", ""),
    ],
)
async def test_the_page_says_how_the_door_is_and_offers_the_other(
    inside: httpx.AsyncClient,
    behind: Everything,
    state: DoorState | None,
    says: str,
    offers: str,
) -> None:
    behind.door = state
    text = (await inside.get(READ[-1])).text

    assert says in text
    assert ("/mail/door" in text) is bool(offers)
    assert offers in text


async def test_a_door_is_open_or_closed_and_nothing_else(
    inside: httpx.AsyncClient, behind: Everything
) -> None:
    answer = await inside.post("/mail/door", data={"account": "a@a.example", "state": "ajar"})

    assert (answer.status_code, behind.did) == (400, [])


async def test_a_form_is_somebody_and_a_page_that_renews_itself_is_nobody(
    inside: httpx.AsyncClient, behind: Everything
) -> None:
    for _ in range(3):
        await inside.get("/connect?account=alice%40a.example")
    before = behind.heard
    await inside.post("/outbox/retry", data={"queue_id": "q"})

    assert (before, behind.heard) == (0, 1)
