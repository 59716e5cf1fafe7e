"""The page in real Chromium: from nothing to a round trip, with scripts and without.

``MX_PICTURES=folder`` keeps a picture of every page; ``make pictures`` puts them into the guide.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.demo.ports import reserve
from gateway.demo.processes import Program, run
from mx_core.mail_programs.mail_settings import MailSettings
from tests.interop.chromium.browser import Seen, as_at_home, window
from tests.support.clients import imap, smtp, tell_name

pytestmark = [pytest.mark.interop, pytest.mark.timeout(600)]

ME = "me@me.localhost"
ASKED = {"account": ME}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """The home of a running gateway that has nothing."""
    home = tmp_path / "home"
    (home / "config").mkdir(parents=True, mode=0o700)
    with contextlib.closing(reserve(5)) as block:
        text = f"[listen]\nport_base = {block.first}\n"
        (home / "config" / "config.toml").write_text(text, encoding="utf-8")
        up = ["gateway", "--home", str(home), "up"]
        program = Program("mx-gateway", up, tmp_path / "log")
        program.start()
        try:
            yield home
        finally:
            program.stop()


def entered(seen: Seen, folder: Path) -> None:
    seen.instead = as_at_home(folder)
    pictures = os.environ.get("MX_PICTURES", "")
    if pictures and seen.scripts:
        seen.pictures = Path(pictures)
    seen.page.goto(run(["gateway", "--home", str(folder), "page"]).strip())


def begun(seen: Seen) -> MailSettings:
    """Choose to try, write the words down, and type two of them; return the settings shown."""
    page = seen.page
    seen.check("begin")
    page.get_by_role("link", name="I own a domain").click()
    seen.check("own-domain")
    page.go_back()
    page.get_by_role("link", name="I had an address").click()
    seen.check("restore")
    page.go_back()
    page.get_by_role("link", name="Add an account").click()
    seen.check("add-account")
    page.go_back()
    page.get_by_role("link", name="I only want to try it").click()
    seen.check("try")
    page.get_by_role("button", name="Try it").click()
    page.get_by_role("heading", name="is yours").wait_for(timeout=120_000)
    words = seen.loaded().locator("ol.words li").all_inner_texts()
    seen.check("recovery-sheet")
    page.get_by_role("link", name="I have written the words down").click()
    page.get_by_role("heading", name="Two words of your sheet").wait_for()
    seen.check("two-words")
    for field in page.locator("form[action='/sheet'] label", has_text=re.compile("^Word ")).all():
        place = int(field.inner_text().removeprefix("Word "))
        page.get_by_label(f"Word {place}", exact=True).fill(words[place - 1].strip())
    page.get_by_label("Which one shall use").select_option("mutt")
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("heading", name="Settings for mutt").wait_for()
    shown = seen.loaded().locator("table td").all_inner_texts()
    seen.check("first-program")
    page.get_by_role("link", name="Follow it, step by step").click()
    page.get_by_role("heading", name=f"Mail programs of {ME}").wait_for()
    tls = [int(n) for row in shown for n in re.findall(r"port (\d+), SSL", row)]
    return MailSettings(ME, shown[0], shown[1], "localhost", 0, 0, tls[0], tls[1], shown[5])


def used(settings: MailSettings) -> None:
    """Do what a mail program does first."""
    with imap(settings) as client:
        tell_name(client, "Some Mail")
        client.list()
        client.select("INBOX", readonly=True)
        client.fetch("1:*", "(FLAGS)")
    with smtp(settings) as client:
        client.sendmail(ME, [ME], f"From: {ME}\r\nSubject: note\r\n\r\nhello\r\n".encode())


def ticked(seen: Seen, text: str) -> None:
    """Wait until a tick is there: nobody presses anything."""
    seen.page.locator("li.good", has_text=text).first.wait_for(timeout=120_000)


@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without-scripts"])
def test_a_person_comes_from_nothing_to_an_answer_in_the_browser(
    browser: Any, folder: Path, scripts: bool
) -> None:
    with window(browser, scripts=scripts) as seen:
        page = seen.page
        entered(seen, folder)
        settings = begun(seen)
        seen.check("connecting")
        assert page.get_by_role("link", name="Stop renewing").count() == (0 if scripts else 1)
        used(settings)
        ticked(seen, "It has handed over a message to send")
        ticked(seen, "The welcome mail is in INBOX")
        ticked(seen, "echo@me.localhost has answered")
        seen.check("connected")
        page.get_by_role("link", name="bring your old mail").click()
        old_mail(seen, folder)
        page.get_by_role("link", name="one question").click()
        seen.check("one-question")
        page.get_by_label("Never send it").check()
        page.get_by_role("button", name="Go on").click()
        page.get_by_role("heading", name="Is all well?").wait_for()
        page.locator("li.good", has_text=f"{ME}: the home server is connected").wait_for()
        seen.check("doctor")
        page.get_by_role("link", name="Key", exact=True).click()
        seen.check("key")
        page.get_by_role("link", name="Accounts", exact=True).click()
        page.get_by_role("heading", name="Accounts").wait_for()
        seen.check("accounts")

        page.get_by_role("link", name="Connect a mail program").click()
        page.get_by_label("What you call it").fill("mutt on the laptop")
        page.get_by_label("A file for it").select_option("neomutt")
        seen.check("mail-programs")
        page.get_by_role("button", name="Make a password for it").click()
        seen.check("mail-program")
        page.get_by_role("link", name="All mail programs").click()
        cut_off = page.get_by_role("button", name="Cut off mutt on the laptop")
        cut_off.click()
        cut_off.wait_for(state="detached")
        assert seen.loaded().get_by_text("mutt on the laptop").count() == 0

        page.get_by_role("link", name="Accounts", exact=True).click()
        page.get_by_role("link", name="Contacts and keys").click()
        seen.check("contacts")
        page.get_by_role("link", name="echo@me.localhost").click()
        seen.check("contact")
        page.get_by_role("button", name="We see the same words").click()
        page.locator("strong", has_text="verified").first.wait_for()
        page.get_by_role("link", name="Accounts", exact=True).click()
        page.get_by_role("link", name="Mail from elsewhere").click()
        seen.check("old-mail")
        page.get_by_role("link", name="Outbox", exact=True).click()
        seen.check("outbox")
        page.get_by_role("link", name="From trial to an address of your own").click()
        seen.check("from-trial")
        page.get_by_role("button", name="Leave").click()
        seen.check("closed")

        entered(seen, folder)
        page.get_by_role("button", name="Lock").click()
        locked(seen, folder)
        seen.check("locked")
        page.get_by_role("button", name="Unlock").click()
        page.get_by_role("heading", name="Accounts").wait_for()
        page.get_by_role("heading", name=ME).wait_for()


def old_mail(seen: Seen, folder: Path) -> None:
    """Look into a mailbox on this computer, then bring it."""
    page, box = seen.page, folder / "old.mbox"
    box.write_bytes(b"From x@y.example Thu Jan  1 00:00:00 2026\nSubject: old\n\nhello\n\n")
    for button, comes in (("Only look", "1 messages in 1 folders"), ("Bring it", "all here")):
        page.get_by_label("A folder or file of mail").fill(str(box))
        page.get_by_role("button", name=button).click()
        for _ in range(60):
            if seen.loaded().get_by_text(comes).count():
                break
            page.wait_for_timeout(1_000)
            page.reload()
        page.get_by_text(comes).first.wait_for()
        seen.check("old-mail")


def locked(seen: Seen, folder: Path) -> None:
    """Wait until the gateway has begun again without its key, and come back to it."""
    for _ in range(60):
        with contextlib.suppress(Exception):  # it closes its doors for a moment
            entered(seen, folder)
            if seen.loaded().get_by_role("heading", name="This gateway is locked").count():
                return
        seen.page.wait_for_timeout(500)
    raise AssertionError("it was never locked")


def test_the_dark_page_can_be_read_too_and_by_the_keyboard_alone(
    browser: Any, folder: Path
) -> None:
    with window(browser, dark=True) as seen:
        page = seen.page
        entered(seen, folder)
        seen.pictures = None
        origin = page.evaluate("location.origin")
        for path in ("/begin", "/begin/domain", "/begin/trial", "/restore", "/accounts/new"):
            page.goto(origin + path)
            seen.check(path)
            page.keyboard.press("Tab")
            assert page.evaluate("document.activeElement.textContent") == "To the content"
