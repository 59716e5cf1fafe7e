"""From an empty directory to an address, a sheet and a locked gateway, on the page alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.demo.processes import Program, run
from gateway.demo.world import World
from mx_core.model.errors import Unavailable
from tests.support.browsing import browser, words_of
from tests.support.clients import wait_until
from tests.support.gateways import empty_home, started

pytestmark = pytest.mark.fleet


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path / "world", cast=(("alice", "a.example"),)) as made:
        yield made


@pytest.fixture
def fresh(world: World) -> Iterator[Path]:
    """A gateway that has nothing, where alice's was."""
    world.alice.gateway.stop()
    folder = empty_home(world.alice, "fresh")
    program: Program = started(folder)
    yield folder
    program.stop()


def test_a_person_comes_from_nothing_to_an_address_on_the_page(world: World, fresh: Path) -> None:
    invite = run(
        ["mx_core.homeserver", "invite", "--dir", str(world.alice.home_dir), "--name", "carol"]
    ).strip()
    with browser(fresh) as page:
        first = page.get("/")
        made = page.post("/accounts", data={"address": "carol@a.example", "invite": invite})
        words = words_of(made.text)
        link = re.search(r'href="(/sheet\?check=[^"]+)"', made.text)
        assert link is not None
        asked = page.get(link[1])
        first_word, second_word = (int(n) for n in re.findall(r">Word (\d+)</label>", asked.text))
        typed = {
            "check": link[1].partition("=")[2],
            "first": words[first_word - 1],
            "second": words[second_word - 1],
            "key": "passphrase",
            "passphrase": "correct horse battery",
            "echo": "yes",
        }
        connecting = page.post("/sheet", data=typed)
        without = page.post("/connect/echo", data={"account": "carol@a.example"})
        came_back: list[str] = []

        def both_are_back() -> bool:
            came_back[:] = [page.get("/connect", params={"account": "carol@a.example"}).text]
            return came_back[0].count("✓") == 2

        world.add_echo(world.alice)  # while the gateway still tries to ask it
        wait_until(both_are_back)
        old = page.get("/mail", params={"account": "carol@a.example"})
        question = page.get("/begin/rule")
        healthy = page.post("/begin/rule", data={"account": "carol@a.example", "answer": "never"})
        key = page.get("/key")
        found = page.get("/begin/look", params={"domain": "a.example"})
        lost = page.get("/begin/look", params={"domain": "nobody.example"})
        rules = run(["gateway", "--home", str(fresh), "policy", "show", "carol@a.example"])

    assert "Who are you?" in first.text
    assert "Mail programs of carol@a.example, as they connect" in connecting.text
    assert without.status_code == 400
    assert "the operator of the domain makes an echo" in without.text
    assert "Bring your old mail" in old.text
    assert "by the file of peers" in found.text
    assert (lost.status_code, "That was not done" in lost.text) == (400, True)
    assert "A passphrase, typed at each start" in key.text.partition("<fieldset")[0]
    assert "The welcome mail is in INBOX: it went to your home server and back" in came_back[0]
    assert re.search(r"✓ echo@a.example has answered, at .* s after the question", came_back[0])
    assert "end-to-end encrypted; the sender is known by their first message" in came_back[0]
    assert (len(words), "One question" in question.text) == (24, True)
    assert "carol@a.example: the home server is connected" in healthy.text
    assert "no backup was made yet" in healthy.text
    assert re.search("everybody.*encryption.*required", rules)


def test_the_page_locks_and_unlocks(world: World, fresh: Path) -> None:
    del world
    run(
        ["gateway", "--home", str(fresh), "unlock", "--by", "passphrase"],
        stdin="correct horse battery\n",
    )
    with browser(fresh) as page:
        page.post("/lock")

    def is_locked() -> bool:
        try:
            told = run(["gateway", "--home", str(fresh), "status", "--json"])
        except Unavailable:
            return False
        return '"locked": true' in told

    wait_until(is_locked)
    with browser(fresh) as page:
        shown = page.get("/")
        wrong = page.post("/unlock", data={"passphrase": "wrong horse battery"})
        right = page.post("/unlock", data={"passphrase": "correct horse battery"})

    assert "This gateway is locked" in shown.text
    assert (wrong.status_code, "not the passphrase" in wrong.text) == (400, True)
    assert "Who are you?" in right.text
