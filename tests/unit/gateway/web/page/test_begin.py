"""From nothing to mail on the page: what is asked, in which order, and what is done at once."""

from __future__ import annotations

import httpx
import pytest

from mx_core.model.errors import Refused, Unavailable
from mx_core.model.secret import Secret
from mx_core.trail_port import Step
from tests.support.page_answers import asked_back, inert
from tests.support.page_gateway import Everything

pytestmark = pytest.mark.anyio


async def test_a_gateway_without_an_account_begins_and_a_locked_one_is_unlocked(
    inside: httpx.AsyncClient, behind: Everything
) -> None:
    behind.accounts = 0
    empty = await inside.get("/")
    behind.locked = True
    locked = await inside.get("/")
    opened = await inside.post("/unlock", data={"passphrase": " correct horse"})

    assert empty.headers["location"] == "/begin"
    assert locked.headers["location"] == "/unlock"
    assert (opened.status_code, behind.did[-1]) == (303, ("unlock", "correct horse"))


async def test_a_restore_waits_until_two_words_of_the_new_sheet_are_typed(
    inside: httpx.AsyncClient, behind: Everything
) -> None:
    form = {"file": "/disk/b", "words": "old words", "older": "older words"}
    shown = await inside.post("/restore", data=form)
    check, places = await asked_back(inside, shown.text)
    wrong = await inside.post("/sheet", data={"check": check, "first": "word1", "second": "x"})
    before = list(behind.did)
    right = {"check": check, "first": f" WORD{places[0]} ", "second": f"word{places[1]}"}
    done = await inside.post("/sheet", data=right)
    again = await inside.post("/sheet", data=right)

    assert before == [("begin", "/disk/b", "", "old words", "older words")]
    assert (wrong.status_code, "not what was shown" in wrong.text) == (400, True)
    assert (done.status_code, behind.did[-1]) == (200, ("finish", "token"))
    assert again.status_code == 400


@pytest.mark.parametrize(
    ("path", "form", "did"),
    [
        ("/accounts", {"address": "Alice@a.example", "invite": "code"}, "alice@a.example"),
        ("/begin/trial", {"name": "me"}, "me@me.localhost"),
    ],
)
async def test_the_words_of_a_new_sheet_are_shown_once_with_nothing_else_that_is_secret(
    inside: httpx.AsyncClient, path: str, form: dict[str, str], did: str
) -> None:
    made = await inside.post(path, data=form)
    check, _ = await asked_back(inside, made.text)
    asked = await inside.get(f"/sheet?check={check}")

    assert made.text.count("<code>abandon</code>") == 24
    assert (did in made.text, did in asked.text) == (True, True)
    assert "Password" not in made.text
    assert "abandon" not in asked.text
    assert made.headers["cache-control"] == "no-store"
    inert(made)


async def _passed(inside: httpx.AsyncClient, choices: dict[str, str]) -> httpx.Response:
    made = await inside.post("/accounts", data={"address": "a@a.example", "invite": "code"})
    check, _ = await asked_back(inside, made.text)
    typed = {"check": check, "first": "abandon", "second": "abandon"}
    return await inside.post("/sheet", data=typed | choices)


async def test_a_trial_moves_to_a_real_address_by_its_sheet(
    inside: httpx.AsyncClient, behind: Everything
) -> None:
    behind.tries = "me@me.localhost"
    shown = await inside.get("/begin/real")
    form = {"to": "me@a.example", "invite": "code", "words": "abandon abandon"}
    moved = await inside.post("/begin/real", data=form)
    behind.tries = ""
    none = await inside.get("/begin/real")
    refused = await inside.post("/begin/real", data=form)

    assert behind.did == [("move", "me@a.example", "code", "abandon abandon")]
    assert "You are me@a.example now" in moved.text
    assert ('<label for="words"' in shown.text, "There is no trial" in none.text) == (True, True)
    assert refused.status_code == 400


async def test_one_form_asks_for_the_words_the_key_the_program_and_the_first_message(
    inside: httpx.AsyncClient, behind: Everything
) -> None:
    choices = {"key": "passphrase", "passphrase": "correct horse", "program": "thunderbird"}
    answer = await _passed(inside, choices | {"trust": "yes", "echo": "yes"})

    assert behind.did[1:] == [
        ("welcome", "True"),
        ("unlock by", "passphrase", "correct horse"),
        ("trust",),
        ("program", "a@a.example", "thunderbird"),
    ]
    assert "is kept by: passphrase" in answer.text
    assert "trusts this gateway now, in 1 of its profiles" in answer.text
    assert 'data-live="/connect?account=a%40a.example&amp;name=thunderbird"' in answer.text
    inert(answer)


@pytest.mark.parametrize(
    ("choices", "did"),
    [
        ({"key": "file", "program": "mutt", "trust": "yes"}, [("program", "a@a.example", "mutt")]),
        ({"program": "thunderbird"}, [("program", "a@a.example", "thunderbird")]),
    ],
)
async def test_what_is_as_it_was_or_was_not_chosen_is_not_touched(
    inside: httpx.AsyncClient,
    behind: Everything,
    choices: dict[str, str],
    did: list[tuple[str, ...]],
) -> None:
    await _passed(inside, choices)

    assert behind.did[1:] == [("welcome", "False"), *did]


async def test_a_choice_that_fails_is_told_and_what_has_begun_goes_on(
    inside: httpx.AsyncClient, behind: Everything, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_method: str, _passphrase: Secret[str]) -> None:
        raise Refused("a passphrase has at least 8 characters")

    monkeypatch.setattr(behind, "unlock_by", refuse)
    behind.computer.trouble = Unavailable("certutil is missing")
    choices = {"key": "passphrase", "passphrase": "x", "program": "thunderbird", "trust": "yes"}
    answer = await _passed(inside, choices)

    assert answer.status_code == 200
    assert "kept as before: a passphrase has at least 8 characters" in answer.text
    assert "certutil is missing" in answer.text
    assert behind.did[-1] == ("program", "a@a.example", "thunderbird")


async def test_a_key_is_asked_for_only_where_there_is_a_choice(
    inside: httpx.AsyncClient, behind: Everything
) -> None:
    behind.computer.choices = ()
    made = await inside.post("/accounts", data={"address": "a@a.example", "invite": "code"})
    check, _ = await asked_back(inside, made.text)

    assert "How the key" not in (await inside.get(f"/sheet?check={check}")).text


async def test_a_new_account_asks_two_words_back_and_then_one_question(
    inside: httpx.AsyncClient, behind: Everything
) -> None:
    asked = await _passed(inside, {"program": ""})
    said = await inside.post("/begin/rule", data={"account": "a@a.example", "answer": "never"})
    odd = await inside.post("/begin/rule", data={"account": "a@a.example", "answer": "odd"})

    assert asked.headers["location"] == "/connect?account=a%40a.example"
    assert ("welcome", "False") in behind.did
    assert (said.status_code, odd.status_code) == (303, 303)
    assert said.headers["location"] == "/doctor"
    assert behind.did[-1] == ("rule", "a@a.example", "encryption", "required")


async def test_a_sheet_that_nobody_made_is_asked_by_nobody(inside: httpx.AsyncClient) -> None:
    assert (await inside.get("/sheet?check=x")).status_code == 400


async def test_a_mail_program_is_followed_until_all_is_ticked_and_as_long_as_wanted(
    inside: httpx.AsyncClient, behind: Everything
) -> None:
    path = "/connect?account=alice%40a.example"
    some = await inside.get(path)
    still = await inside.get(f"{path}&still")
    behind.steps = {step.value: 2 for step in Step}
    done = await inside.get(path)
    other = await inside.get(f"{path}&name=other")
    await inside.post("/connect/echo", data={"account": "alice@a.example"})
    asked = await inside.get(path)

    refresh = '<noscript><meta http-equiv="refresh" content="3"></noscript>'
    assert (refresh in some.text, refresh in still.text, refresh in done.text) == (
        True,
        False,
        False,
    )
    assert refresh in asked.text  # all is ticked, and an answer is on its way
    came_back = 2  # the welcome and the answer
    assert some.text.count("✓") == 2 + came_back  # logged in, and so in clear
    assert done.text.count("✓") == 6 + came_back
    assert "2 s after the question" in done.text
    assert "reads and sends through your gateway" not in some.text
    assert "reads and sends through your gateway" in done.text
    assert other.text.count("<h3>") == 1  # of the round trip


async def test_the_answer_with_a_password_shows_its_ticks_from_elsewhere(
    inside: httpx.AsyncClient,
) -> None:
    """The answer of a form can not be renewed itself, and its secret is nowhere else."""
    form = {"account": "alice@a.example", "name": "Mutt", "program": ""}
    made = await inside.post("/programs", data=form)

    assert 'data-live="/connect?account=alice%40a.example&amp;name=Mutt"' in made.text


async def test_ticks_of_an_account_that_is_not_here_are_refused(inside: httpx.AsyncClient) -> None:
    assert (await inside.get("/connect?account=x%40y.example")).status_code == 400
