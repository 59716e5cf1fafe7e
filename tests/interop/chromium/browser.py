"""Debian's Chromium, driven by Playwright: a page, and all that it complained of."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# names that an attacker's name server would point at this computer
REBOUND = "rebound.example"
_NOTED = """
window.violations = [];
document.addEventListener("securitypolicyviolation",
  event => window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
"""
_SERIOUS = frozenset({"serious", "critical"})
_SLOW_LINE = {
    "offline": False,
    "latency": 5,  # ms
    "downloadThroughput": 8_000,  # octets a second: a page of 4 KB comes in several pieces
    "uploadThroughput": 8_000,
}
_PORTS = (1143, 1025, 1993, 1465, 1180)


@dataclass
class Seen:
    """One browser window.  *heard*: dialogs, refused loads, uncaught errors, foreign requests."""

    page: Any
    scripts: bool
    heard: list[str] = field(default_factory=list)
    pictures: Path | None = None
    instead: list[tuple[str, str]] = field(default_factory=list)  # what pictures show of this run

    def __post_init__(self) -> None:
        self.page.on("dialog", self._dialog)
        self.page.on("pageerror", lambda error: self.heard.append(f"error {error}"))
        self.page.on("console", self._console)

    def _dialog(self, dialog: Any) -> None:
        self.heard.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def _console(self, message: Any) -> None:
        if "Content Security Policy" in message.text or "Refused to" in message.text:
            self.heard.append(f"policy {message.text}")

    def loaded(self) -> Any:
        """Return the page once all of it is there.

        A click returns when the next page begins: what is counted or listed then, without being
        waited for, may be half of it.
        """
        self.page.wait_for_load_state()
        return self.page

    def told(self) -> str:
        """Return where the window is and what it says there."""
        return f"{self.page.url}\n{self.page.locator('body').inner_text(timeout=5_000)}"

    def check(self, name: str) -> None:
        """Hold the page that is shown against what holds for every page; keep its picture."""
        self.loaded()
        if self.pictures is not None:
            self.page.evaluate(_SHOW_INSTEAD, self.instead)
            self.page.screenshot(path=self.pictures / f"{name}.png", full_page=True)
        if self.scripts:
            self.heard += self.page.evaluate("window.violations")
            self.heard += [f"{name}: {each}" for each in _faults(self.page)]
        assert self.heard == []


_SHOW_INSTEAD = """pairs => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode())
    for (const [from, to] of pairs)
      texts.currentNode.data = texts.currentNode.data.replaceAll(from, to);
}"""


def as_at_home(home: Path) -> list[tuple[str, str]]:
    """Return what stands in pictures instead of the folder *home* of a gateway, and of its ports."""
    text = (home / "config" / "config.toml").read_text(encoding="utf-8")
    first = int(text.partition("port_base = ")[2].split()[0])
    return [
        (str(home / "data"), "/home/you/.local/share/mx-gateway"),
        (str(home / "config"), "/home/you/.config/mx-gateway"),
        (str(home), "/home/you"),
        *((str(first + n), str(port)) for n, port in enumerate(_PORTS)),
    ]


def _faults(page: Any) -> list[str]:
    """Return what axe finds serious or worse: which rule, and where."""
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415  # by make interop

    return [
        f"{each['id']} {each['impact']}: {[node['html'][:200] for node in each['nodes']]}"
        for each in Axe().run(page).response["violations"]
        if each["impact"] in _SERIOUS
    ]


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """Run the browser; only one Playwright in a process at a time."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  # by make interop

    program = shutil.which("chromium")
    assert program is not None, "Debian's chromium is not installed"
    arguments = [f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1"]
    if os.getuid() == 0:
        arguments.append("--no-sandbox")  # Chromium's own rule for root
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


def _slowed(page: Any) -> None:
    """Let *page* load over a slow line: it comes in pieces, and whoever does not wait sees one."""
    line = page.context.new_cdp_session(page)
    line.send("Network.enable")
    line.send("Network.emulateNetworkConditions", _SLOW_LINE)


@contextlib.contextmanager
def window(browser: Any, *, scripts: bool = True, dark: bool = False) -> Iterator[Seen]:
    """Open a window of a new visitor."""
    context = browser.new_context(
        java_script_enabled=scripts,
        viewport={"width": 880, "height": 640},
        color_scheme="dark" if dark else "light",
    )
    context.set_default_timeout(120_000)
    if scripts:
        context.add_init_script(_NOTED)
    seen = Seen(context.new_page(), scripts)
    if not scripts:
        _slowed(seen.page)
    try:
        yield seen
    except Exception as error:
        error.add_note(seen.told())
        raise
    finally:
        context.close()
