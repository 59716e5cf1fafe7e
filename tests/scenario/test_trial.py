"""Only trying: from nothing to a whole round trip, without a domain, a network or another program."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import smtplib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.demo.ports import reserve
from gateway.demo.processes import Program, run
from gateway.demo.world import World
from mx_core.control.client import ControlClient
from mx_core.mail_programs.mail_settings import MailSettings
from tests.support.browsing import browser, words_of
from tests.support.clients import about, smtp, wait_until
from tests.support.gateways import empty_home, started

pytestmark = pytest.mark.fleet

ME = "ann@me.localhost"
SCREENS = ("/", "/outbox", "/accounts/new", "/begin", "/begin/real", "/begin/rule", "/restore")


@dataclass
class Trial:
    folder: Path
    port_base: int
    program: Program
    password: str = ""

    def children(self) -> dict[int, str]:
        """Return what runs for the trial: process id and arguments."""
        found = {}
        for each in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                told = each.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                if f"{self.folder}/data/trial" in told:
                    found[int(each.parent.name)] = told
        return found

    def settings(self, password: str) -> MailSettings:
        base = self.port_base
        ca = str(self.folder / "data" / "ca" / "root.pem")
        return MailSettings(ME, ME, password, "localhost", base, base + 1, base + 2, base + 3, ca)

    def status(self) -> dict[str, Any]:
        """Return it without the start of a program: some of what it says is over in seconds."""
        control = ControlClient(self.folder / "run" / "control.sock", "mx-gateway")
        told: dict[str, Any] = control.get("/status")
        return told


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    folder = tmp_path_factory.mktemp("trial") / "home"
    (folder / "config").mkdir(parents=True, mode=0o700)
    block = reserve(5)
    text = f"[listen]\nport_base = {block.first}\n"
    (folder / "config" / "config.toml").write_text(text, encoding="utf-8")
    program = started(folder)
    made = Trial(folder, block.first, program)
    with browser(folder) as page:
        assert "Only trying" not in page.get("/begin").text.partition("<main")[0]
        made.password = begun(page)
    yield made
    program.stop()
    block.close()


def begun(page: httpx.Client) -> str:
    """Make the trial and pass its sheet; return the client password."""
    made = page.post("/begin/trial", data={"name": "ann"})
    assert made.status_code == 200, made.text
    words = words_of(made.text)
    link = re.search(r'href="(/sheet\?check=[^"]+)"', made.text)
    assert link is not None
    places = [int(n) for n in re.findall(r">Word (\d+)</label>", page.get(link[1]).text)]
    first, second = (words[place - 1] for place in places)
    check = link[1].partition("=")[2]
    typed = {"check": check, "first": first, "second": second, "program": "mutt"}
    shown = page.post("/sheet", data=typed)
    assert ME in shown.text
    (password,) = set(re.findall(r"<code>([a-z2-7]{4}(?:-[a-z2-7]+)+)</code>", shown.text))
    return str(password)


def test_from_nothing_to_an_answer_and_through_a_restart(trial: Trial) -> None:
    with browser(trial.folder) as page:

        def welcomed() -> bool:
            return "✓ The welcome mail" in page.get("/connect", params={"account": ME}).text

        def answered() -> bool:
            shown = page.get("/connect", params={"account": ME}).text
            return "✓ echo@me.localhost has answered" in shown

        wait_until(welcomed)
        wait_until(lambda: page.post("/connect/echo", data={"account": ME}).status_code == 200)
        wait_until(answered)
        assert len(trial.children()) == 2
        screens = [page.get(screen).text.partition("<main")[0] for screen in SCREENS]
        again = page.post("/begin/trial", data={"name": "bob"})
    assert all(
        ME in screen and "reaches this computer and nobody else" in screen for screen in screens
    )
    assert (again.status_code, "is a trial of this gateway already" in again.text) == (400, True)
    settings = trial.settings(trial.password)
    assert len(about(settings, "Auto: Hello")) == 1

    with smtp(settings) as client, pytest.raises(smtplib.SMTPRecipientsRefused, match="closed"):
        client.sendmail(ME, ["x@b.example"], b"Subject: out\r\n\r\n")

    trial.program.stop()
    assert trial.children() == {}
    trial.program.start()
    with smtp(settings) as client:
        client.sendmail(ME, [f"echo@{ME.partition('@')[2]}"], b"Subject: after\r\n\r\nhello\r\n")
    wait_until(lambda: len(about(settings, "Auto: after")) == 1)
    assert trial.status()["trial"] == {"address": ME, "trouble": ""}


def test_a_trial_becomes_an_address_at_a_real_domain_with_its_mail() -> None:
    with (
        # the paths of pytest are too long for the sockets of the trial's home server
        tempfile.TemporaryDirectory(prefix="mxt-") as short,
        World(Path(short), cast=(("alice", "a.example"),)) as world,
    ):
        folder = empty_home(world.alice, "trial")
        world.alice.gateway.stop()  # its ports are those of the new one, and its domain goes on
        program = started(folder)
        try:
            with browser(folder) as page:
                made = page.post("/begin/trial", data={"name": "ann"})
                assert made.status_code == 200, made.text
                words = " ".join(words_of(made.text))
                home = str(world.alice.home_dir)
                code = run(["mx_core.homeserver", "invite", "--dir", home]).strip()
                form = {"to": "ann@a.example", "invite": code, "words": words}
                moved = page.post("/begin/real", data=form)
                assert moved.status_code == 200, moved.text
            wait_until(lambda: addresses(folder) == ["ann@a.example"])
            with browser(folder) as page:
                shown = page.get("/").text
            assert (folder / "data" / "trial").exists()  # what was on its way there still comes
        finally:
            program.stop()
        program.start()
        try:
            wait_until(lambda: addresses(folder) == ["ann@a.example"])
            assert not (folder / "data" / "trial").exists()
            assert "Only trying" not in shown
        finally:
            program.stop()


def addresses(folder: Path) -> list[str]:
    """Return the accounts that are connected."""
    told = json.loads(run(["gateway", "--home", str(folder), "status", "--json"]))
    assert told["trial"]["trouble"] == ""
    return [one["address"] for one in told["accounts"] if one["connected"]]


def test_a_trial_program_that_dies_is_started_again(trial: Trial) -> None:
    """The home server of a trial is nobody's to look after."""
    (before,) = [pid for pid, told in trial.children().items() if "homeserver" in told]
    os.kill(before, signal.SIGKILL)

    wait_until(lambda: "home ended with status -9" in trial.status()["trial"]["trouble"])
    wait_until(lambda: any("homeserver" in told for told in trial.children().values()))
    wait_until(lambda: trial.status()["accounts"][0]["connected"])
