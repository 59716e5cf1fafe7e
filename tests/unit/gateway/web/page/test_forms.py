"""Each form of the page does its one thing, and what is no form of ours does nothing."""

from __future__ import annotations

import httpx
import pytest

from tests.support.page_gateway import CONTACT, HOST, READ, Everything

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("path", "form", "did", "leads"),
    [
        ("/outbox/retry", {"queue_id": "q"}, ("retry", "q"), "/outbox"),
        ("/outbox/cancel", {"queue_id": "q"}, ("cancel", "q"), "/outbox"),
        ("/outbox/ordinary", {"queue_id": "q"}, ("let leave", "q"), "/outbox"),
        (
            "/writing",
            {"account": "alice@a.example", "address": "Bob+x@b.example", "answer": "send"},
            ("rule of", "bob@b.example", "encryption", "optional"),
            "/to/Bob+x@b.example",
        ),
        (
            "/writing",
            {"account": "alice@a.example", "address": "bob@b.example", "answer": "default"},
            ("rule of", "bob@b.example", "encryption", "default"),
            "/to/bob@b.example",
        ),
        *(
            (
                "/requests",
                {"account": "alice@a.example", "id": "0b", "answer": answer},
                (did, "0b"),
                "/requests?account=alice%40a.example",
            )
            for answer, did in (
                ("accept", "accept request"),
                ("block", "block"),
                ("undo", "undo"),
            )
        ),
        (
            "/policy",
            {
                "account": "alice@a.example",
                "scope": "b.example",
                "name": "encryption",
                "value": "ask",
            },
            ("rule of", "b.example", "encryption", "ask"),
            "/policy?account=alice%40a.example",
        ),
        (
            "/programs/revoke",
            {"account": "alice@a.example", "name": "a b/c"},
            ("revoke", "alice@a.example", "a b/c"),
            "/programs?account=alice%40a.example",
        ),
        (
            "/invitations/revoke",
            {"account": "alice@a.example", "id": "4"},
            ("take back", "4"),
            "/contacts?account=alice%40a.example",
        ),
        (
            "/invitations/open",
            {"account": "alice@a.example", "link": "l", "in_person": "yes"},
            ("open", "l", "True"),
            CONTACT,
        ),
        (
            "/connect/echo",
            {"account": "alice@a.example"},
            ("ask",),
            "/connect?account=alice%40a.example",
        ),
        (
            "/receipts",
            {"account": "alice@a.example", "given": "yes"},
            ("receipts", "alice@a.example", "True"),
            "/",
        ),
        (
            "/receipts",
            {"account": "alice@a.example", "given": "no"},
            ("receipts", "alice@a.example", "False"),
            "/",
        ),
        (
            "/mail/begin",
            {"account": "alice@a.example", "source": "/m", "password": "p", "how": "look"},
            ("import", "/m", "p", "True"),
            READ[-1],
        ),
        (
            "/mail/begin",
            {"account": "alice@a.example", "source": "/m", "password": "", "how": "bring"},
            ("import", "/m", "", "False"),
            READ[-1],
        ),
        (
            "/mail/export",
            {"account": "alice@a.example", "target": "/disk/mail", "format": "mbox"},
            ("export", "/disk/mail", "mbox"),
            READ[-1],
        ),
        (
            "/key/keep",
            {"key": "passphrase", "passphrase": "correct horse"},
            ("unlock by", "passphrase", "correct horse"),
            "/key",
        ),
        ("/mail/pause", {"account": "alice@a.example"}, ("pause",), READ[-1]),
        (
            "/mail/door",
            {"account": "alice@a.example", "state": "open"},
            ("door", "OPEN"),
            READ[-1],
        ),
        ("/mail/resume", {"account": "alice@a.example"}, ("resume",), READ[-1]),
        (
            "/mail/upgrade",
            {"account": "alice@a.example", "ordinary": "d@old.example", "how": "take"},
            ("take", "d@old.example"),
            READ[-1],
        ),
        (
            "/mail/upgrade",
            {"account": "alice@a.example", "ordinary": "d@old.example", "how": "leave"},
            ("leave", "d@old.example"),
            READ[-1],
        ),
        (
            "/mail/sentence",
            {"account": "alice@a.example", "state": "on"},
            ("sentence", "True"),
            READ[-1],
        ),
        (
            "/contact/verify",
            {"account": "alice@a.example", "contact": "bob@b.example", "code": "c"},
            ("verify", "alice@a.example", "bob@b.example", "c"),
            CONTACT,
        ),
        (
            "/contact/accept",
            {"account": "alice@a.example", "contact": "bob@b.example"},
            ("accept", "alice@a.example", "bob@b.example"),
            CONTACT,
        ),
    ],
)
async def test_a_form_does_its_one_thing_and_leads_to_what_it_changed(
    inside: httpx.AsyncClient,
    behind: Everything,
    path: str,
    form: dict[str, str],
    did: tuple[str, ...],
    leads: str,
) -> None:
    answer = await inside.post(path, data=form)

    assert (answer.status_code, answer.headers["location"]) == (303, leads)
    assert behind.did == [did]
    assert (await inside.get(path)).status_code in {
        400,
        404,
        405,
    }  # it is no page, or wants to know of whom
    assert behind.did == [did]


async def test_a_form_of_another_page_does_nothing(
    inside: httpx.AsyncClient, behind: Everything
) -> None:
    form = {"queue_id": "q"}
    for origin in ("http://evil.example", "null", f"https://{HOST}"):
        answer = await inside.post("/outbox/cancel", data=form, headers={"origin": origin})
        assert answer.status_code == 403
    named = await inside.post("/outbox/cancel", data=form, headers={"host": "evil.example:1180"})

    assert named.status_code == 421
    assert behind.did == []


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (b"queue_id=a&queue_id=b", "application/x-www-form-urlencoded"),
        (b"queue_id=%ff", "application/x-www-form-urlencoded"),
        (b"queue_id=" + b"a" * 20_000, "application/x-www-form-urlencoded"),
        (b"&".join(b"%d=1" % n for n in range(40)), "application/x-www-form-urlencoded"),
        (b'{"queue_id": "a"}', "application/json"),
        (b"queue_id=a", "text/plain"),
    ],
)
async def test_what_is_no_form_of_ours_is_refused_in_a_sentence(
    inside: httpx.AsyncClient, behind: Everything, sent: bytes, kind: str
) -> None:
    answer = await inside.post("/outbox/cancel", content=sent, headers={"content-type": kind})

    assert answer.status_code == 400
    assert "That was not done" in answer.text
    assert behind.did == []


async def test_a_request_is_accepted_blocked_or_left_and_nothing_else(
    inside: httpx.AsyncClient, behind: Everything
) -> None:
    form = {"account": "alice@a.example", "id": "0b", "answer": "maybe"}

    assert (await inside.post("/requests", data=form)).status_code == 400
    assert behind.did == []


async def test_a_number_that_is_none_is_told(inside: httpx.AsyncClient, behind: Everything) -> None:
    form = {"account": "alice@a.example", "name": "", "uses": "-1", "days": "7"}

    answer = await inside.post("/invitations", data=form)

    assert (answer.status_code, behind.did) == (400, [])
    assert "in digits" in answer.text
