"""Requests, rules and held mail on the page, in real Chromium over two real domains, with scripts and without."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.demo.processes import run
from gateway.demo.world import World
from mx_core.mail_programs.mail_settings import MailSettings
from tests.interop.chromium.browser import Seen, as_at_home, window
from tests.support.clients import about, messages, smtp, wait_until

pytestmark = [pytest.mark.interop, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("world")) as made:
        yield made


def wrote(sender: MailSettings, to: str, subject: str) -> None:
    text = f"From: {sender.address}\r\nTo: {to}\r\nSubject: {subject}\r\n\r\nhello\r\n"
    with smtp(sender) as client:
        client.sendmail(sender.address, [to], text.encode())


def lies(settings: MailSettings, mailbox: str, subject: str) -> bool:
    return any(f"Subject: {subject}\r\n".encode() in each for each in messages(settings, mailbox))


def entered(seen: Seen, world: World) -> str:
    """Open the page of alice's gateway; return its origin."""
    seen.instead = as_at_home(world.alice.gateway_dir)
    pictures = os.environ.get("MX_PICTURES", "")
    if pictures and seen.scripts:
        seen.pictures = Path(pictures)
    link = run(["gateway", "--home", str(world.alice.gateway_dir), "page"]).strip()
    seen.page.goto(link)
    return link.partition("/enter")[0]


@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without-scripts"])
def test_who_asks_to_write_is_accepted_and_shut_out_in_the_browser(
    browser: Any, world: World, scripts: bool
) -> None:
    me = world.alice.known
    names = ("carla", "dieter") if scripts else ("emil", "franka")
    carla, dieter = (world.add_person(world.bob, name) for name in names)
    wrote(carla, me.address, "Your talk on Tuesday")
    wrote(dieter, me.address, "You have won")
    wait_until(lambda: lies(me, "Requests", "Your talk on Tuesday"))
    wait_until(lambda: lies(me, "Requests", "You have won"))
    with window(browser, scripts=scripts) as seen:
        page = seen.page
        entered(seen, world)
        page.get_by_role("link", name="2 people ask to write to you").click()
        page.get_by_role("heading", name="Who asks to write").wait_for()
        seen.check("requests")
        page.get_by_role("link", name=f"Compare words with {carla.address}").click()
        page.locator("ol.words").wait_for()
        assert seen.loaded().locator("ol.words li").count() == 16
        page.go_back()
        page.get_by_role("button", name=f"Block {dieter.address}").click()
        page.get_by_role("button", name=f"Undo the block of {dieter.address}").wait_for()
        page.get_by_role("button", name=f"Accept {carla.address}").click()
        page.get_by_text("Nobody waits").wait_for()
        seen.check("blocked")
        assert lies(me, "Junk", "You have won")
        assert about(me, "Your talk on Tuesday")
        page.get_by_role("button", name=f"Undo the block of {dieter.address}").click()
        page.get_by_role("button", name=f"Block {dieter.address}").click()
        page.get_by_role("button", name=f"Undo the block of {dieter.address}").wait_for()


@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without-scripts"])
def test_a_rule_is_made_explained_and_taken_away_in_the_browser(
    browser: Any, world: World, scripts: bool
) -> None:
    me = world.alice.known
    with window(browser, scripts=scripts) as seen:
        page = seen.page
        origin = entered(seen, world)
        page.get_by_role("link", name="Rules").first.click()
        first = page.locator("section", has_text="When mail to somebody cannot be encrypted").first
        first.get_by_label("For whom").fill("old-friends.example")
        first.get_by_label("What shall happen").select_option("ask")
        first.get_by_role("button", name="Keep this rule").click()
        page.get_by_role("button", name="Take away the rule for old-friends.example").wait_for()
        page.get_by_label("An address", exact=True).fill("dora@old-friends.example")
        page.get_by_role("button", name="Look it up").click()
        page.get_by_text("Where each rule for dora@old-friends.example comes from").wait_for()
        page.locator("td", has_text="keep it and ask me (counts)").first.wait_for()
        seen.check("rules")
        page.goto(f"{origin}/to/bob@b.example")
        page.get_by_role("heading", name="Writing to bob@b.example").wait_for()
        seen.check("writing-to")
        page.get_by_role("link", name=f"All rules of {me.address}").click()
        take_away = page.get_by_role("button", name="Take away the rule for old-friends.example")
        take_away.click()
        take_away.wait_for(state="detached")
        page.get_by_role("heading", name="Whom").wait_for()
        assert seen.loaded().get_by_role("button", name="Take away").count() == 0
        seen.pictures = None  # the guide has the rules above
        seen.check("rules as they come")


def test_what_is_seen_of_an_account_that_is_used(browser: Any, world: World) -> None:
    wrote(world.bob.known, world.alice.address, "Lunch?")
    wait_until(lambda: bool(about(world.alice.known, "Lunch?")))
    with window(browser) as seen:
        entered(seen, world)
        for link, name in (("Activity", "activity"), ("Devices", "devices")):
            seen.page.get_by_role("link", name=link).first.click()
            seen.page.get_by_role("heading", name=f"{link} of").wait_for()
            seen.check(name)
            seen.page.go_back()
        seen.page.get_by_role("link", name="Contacts and keys").first.click()
        seen.page.get_by_label("What you call it").fill("the fair")
        seen.page.get_by_role("button", name="Make a link").click()
        seen.page.get_by_role("heading", name="An invitation: the fair").wait_for()
        seen.check("invitation")
