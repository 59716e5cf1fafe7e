"""Secrets of a person are in the answer that shows them, and nowhere that others or later readers look."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from gateway.demo.processes import run
from gateway.demo.world import World
from tests.support.browsing import browser, words_of
from tests.support.canary import files_holding
from tests.support.gateways import empty_home, started

pytestmark = pytest.mark.fleet

ME = "carol@a.example"
PASSPHRASE = "kumquat correct horse battery"
_PAGES = ("/", "/key", "/doctor", "/outbox", "/begin", "/begin/rule", "/restore", "/unlock")
_OF_ACCOUNT = ("/programs", "/contacts", "/connect", "/mail", "/activity", "/devices")
_DATA = ("/api/status", "/api/queue", f"/api/contacts?account={ME}", f"/api/passwords?account={ME}")


class Watch:
    """What the process list and the environments have shown of our programs, from first to last."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._end.wait(0.02):
            for folder in Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):
                    arguments = (folder / "cmdline").read_bytes()
                    if b"gateway" in arguments or b"homeserver" in arguments:
                        self.seen.add(arguments)
                        self.seen.add((folder / "environ").read_bytes())

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[tuple[World, Path]]:
    with World(tmp_path / "world", cast=(("alice", "a.example"),), log_level="debug") as world:
        world.alice.gateway.stop()
        yield world, empty_home(world.alice, "fresh")


def test_no_secret_is_in_logs_bundle_pages_process_list_environment_or_a_core_file(
    fresh: tuple[World, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, folder = fresh
    monkeypatch.chdir(tmp_path)  # a core file would be written here
    home = str(world.alice.home_dir)
    with Watch() as watch:
        program = started(folder)
        try:
            master = (folder / "data" / "master.key").read_text(encoding="ascii").strip()
            invite = run(["mx_core.homeserver", "invite", "--dir", home]).strip()
            with browser(folder) as page:
                made = page.post("/accounts", data={"address": ME, "invite": invite})
                words = words_of(made.text)
                [check] = re.findall(r'href="/sheet\?check=([^"]+)"', made.text)
                asked = page.get("/sheet", params={"check": check}).text
                first, second = (int(n) for n in re.findall(r">Word (\d+)</label>", asked))
                choices = {"key": "passphrase", "passphrase": PASSPHRASE, "program": "mutt"}
                typed = {"check": check, "first": words[first - 1], "second": words[second - 1]}
                shown = page.post("/sheet", data=typed | choices).text
                [password] = set(re.findall(r"<code>([a-z2-7]{4}(?:-[a-z2-7]+)+)</code>", shown))
                paths = [*_PAGES, *(f"{path}?account={ME}" for path in _OF_ACCOUNT), *_DATA]
                pages = [page.get(path).text for path in paths]
            run(["gateway", "--home", str(folder), "status", "--json"])
            bundle = tmp_path / "bundle.json"
            with contextlib.suppress(Exception):  # it ends with 65: there is no backup yet
                run(["gateway", "--home", str(folder), "doctor", "--bundle", str(bundle)])
            told = bundle.read_text(encoding="utf-8")
            assert program.process is not None
            os.kill(program.process.pid, signal.SIGABRT)
            ended = program.wait(30)
        finally:
            program.stop()

    secrets = [password, PASSPHRASE, master, *(" ".join(words[n : n + 3]) for n in range(22))]
    assert ended == -signal.SIGABRT
    assert secrets[0] in shown  # the control: it was there to be found
    assert len(watch.seen) > 4
    for secret in secrets:
        assert not [each for each in (*pages, told) if secret in each]
        assert not [each for each in watch.seen if secret.encode() in each]
    assert ME not in told
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("core")]
    logs = files_holding([secret.encode() for secret in secrets], [*tmp_path.rglob("*.log")])
    assert logs == {}
