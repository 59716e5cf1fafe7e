"""Thunderbird itself: a throw-away profile and home, started headless, driven, ended."""

import base64
import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mx_core.mail_programs.mail_settings import MailSettings
from tests.interop.marionette import Marionette, MarionetteError
from tests.interop.thunderbird import prefs

_PRELUDE = Path(__file__).with_name("prelude.js").read_text(encoding="utf-8")
_START_SECONDS = 60.0
_STEP_SECONDS = 40.0


class Thunderbird:
    """One running Thunderbird."""

    def __init__(self, process: subprocess.Popen[bytes], marionette: Marionette) -> None:
        self._process = process
        self._marionette = marionette

    def script(self, body: str, *args: object) -> Any:
        """Run *body* in the chrome context, after the prelude."""
        return self._marionette.script(_PRELUDE, body, *args)

    def dismiss_dialog(self) -> str:
        """Close a modal dialog that is in the way and return its text, or ""."""
        with contextlib.suppress(MarionetteError):
            text = str(self._marionette.command("WebDriver:GetAlertText"))
            self._marionette.command("WebDriver:DismissAlert")
            return text
        with contextlib.suppress(MarionetteError):
            return str(
                self.script("""
                const w = [...Services.wm.getEnumerator(null)].find(
                  x => x.location.href.includes("Dialog"));
                if (!w) return "";
                const root = w.document.getElementById("infoBody") || w.document.documentElement;
                w.close();
                return w.location.href + " " + root.textContent.trim().slice(0, 300);""")
            )
        return ""

    def picture(self, file: Path) -> None:
        """Write what the window shows."""
        shot = self._marionette.command("WebDriver:TakeScreenshot", full=False)
        file.write_bytes(base64.b64decode(shot))

    def end(self) -> None:
        """Quit; then insist."""
        with contextlib.suppress(MarionetteError, OSError):
            self._marionette.command("Marionette:Quit", flags=["eForceQuit"])
        self._marionette.close()
        for number, seconds in ((None, 8), (signal.SIGTERM, 4), (signal.SIGKILL, 4)):
            if number is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, number)  # the group that was made for it
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
                return


@contextlib.contextmanager
def thunderbird(
    settings: MailSettings, *, starttls: bool, trap_port: int, display: str = ""
) -> Iterator[Thunderbird]:
    """Start it with one account and no network; remove everything at the end.

    *display*: the screen it draws on; without one it draws nowhere.
    """
    wanted = prefs.quiet(trap_port) | prefs.account(settings, starttls=starttls)
    directory = Path(tempfile.mkdtemp(prefix="mx-thunderbird-"))
    try:
        home = directory / "home"
        home.mkdir()
        with _running(home, directory / "profile", wanted, display) as program:
            yield program
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def first_start(home: Path, proxy_port: int) -> Iterator[Thunderbird]:
    """Start it for whoever has *home* and no account; all HTTP goes to *proxy_port*."""
    folder = home / ".thunderbird"
    folder.mkdir()
    listed = "[Profile0]\nName=default\nIsRelative=1\nPath=x.default\nDefault=1\n"
    (folder / "profiles.ini").write_text(listed, encoding="utf-8")
    wanted = prefs.quiet(proxy_port) | {"mail.provider.suppress_dialog_on_startup": False}
    with _running(home, folder / "x.default", wanted) as program:
        yield program


@contextlib.contextmanager
def _running(
    home: Path, profile: Path, wanted: prefs.Preferences, display: str = ""
) -> Iterator[Thunderbird]:
    profile.mkdir()
    lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});\n" for k, v in wanted.items()]
    (profile / "user.js").write_text("".join(lines), encoding="utf-8")
    log = profile.with_suffix(".log")
    process = _started(profile, home, log, display)
    port = _marionette_port(process, profile, log)
    program = Thunderbird(process, Marionette(port, _STEP_SECONDS + 20))
    try:
        program._marionette.start(_STEP_SECONDS + 10)
        yield program
    finally:
        program.end()


def _started(profile: Path, home: Path, log: Path, display: str) -> subprocess.Popen[bytes]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "MOZ_CRASHREPORTER_DISABLE": "1",
        "MOZ_DISABLE_AUTO_SAFE_MODE": "1",
        "MOZ_REMOTE_SETTINGS_DEVTOOLS": "1",
        "NO_AT_BRIDGE": "1",
        "LIBGL_ALWAYS_SOFTWARE": "1",
        **({"DISPLAY": display} if display else {"MOZ_HEADLESS": "1"}),
    }
    command = [
        "thunderbird", "--marionette", "--remote-allow-system-access", "--no-remote",
        "--new-instance", "--profile", str(profile),
    ]  # fmt: skip
    with log.open("wb") as output:
        return subprocess.Popen(
            command, env=environment, stdout=output, stderr=output, start_new_session=True
        )


def _marionette_port(process: subprocess.Popen[bytes], profile: Path, log: Path) -> int:
    """Return the free port that Marionette took and wrote down."""
    told = profile / "MarionetteActivePort"
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if told.exists() and (text := told.read_text().strip()):
            return int(text)
        time.sleep(0.05)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    tail = log.read_bytes()[-1500:].decode("utf-8", "replace")
    raise AssertionError(f"Thunderbird did not start: {tail}")
