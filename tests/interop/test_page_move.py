"""A move by the page's form in real Chromium, with scripts and without: the account lives elsewhere then."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.demo.processes import run
from gateway.demo.world import World
from tests.interop.chromium.browser import window
from tests.support.clients import arrives, wait_until, write
from tests.support.gateways import add_person, addresses, gateway

pytestmark = [pytest.mark.interop, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    cast = (("alice", "a.example"), ("bob", "b.example"), ("carol", "c.example"))
    with World(tmp_path_factory.mktemp("w") / "world", cast=cast) as made:
        yield made


@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without-scripts"])
def test_a_person_moves_by_the_page(browser: Any, world: World, scripts: bool) -> None:
    name = "dora" if scripts else "erin"
    old, new = f"{name}@a.example", f"{name}@c.example"
    settings, words = add_person(world.alice, name)
    bob = world.bob.known
    world.accept(world.bob, old)
    gateway(world.alice.gateway_dir, "contact", "accept", old, bob.address)
    invite = run(["mx_core.homeserver", "invite", "--dir", str(world.sides[2].home_dir)]).strip()

    with window(browser, scripts=scripts) as seen:
        page = seen.page
        page.goto(run(["gateway", "--home", str(world.alice.gateway_dir), "page"]).strip())
        section = page.locator("section", has_text=old)
        section.get_by_role("link", name="Move to another domain").click()
        page.get_by_role("heading", name=f"Move {old} to another domain").wait_for()
        seen.check("move")
        page.get_by_label("Your address there").fill(new)
        page.get_by_label("The code that whoever runs").fill(invite)
        page.get_by_label("The 24 words").fill("abandon " * 24)
        page.get_by_role("button", name="Move there").click()
        page.get_by_role("heading", name="That was not done").wait_for()
        page.get_by_text("two words are swapped, or one is wrong").wait_for()
        seen.check("move-refused")
        page.go_back()
        page.get_by_label("Your address there").fill(new)
        page.get_by_label("The code that whoever runs").fill(invite)
        page.get_by_label("The 24 words").fill(words)
        page.get_by_role("button", name="Move there").click()
        page.get_by_role("heading", name=f"You are {new} now").wait_for()
        assert old in seen.loaded().locator("main").inner_text()
        seen.check("moved")

    wait_until(lambda: new in addresses(world))
    write(dataclasses.replace(settings, address=new), bob.address, f"{name}-moved")
    arrives(bob, f"{name}-moved")
