"""Memory is given back after so many octets, and not for each message."""

import asyncio
import threading
from pathlib import Path

import pytest

from gateway.migration import giving_back
from gateway.migration.giving_back import EVERY_OCTETS, GivingBack
from gateway.migration.importing import Asked, Importing
from gateway.migration.opening import open_source
from tests.support import old_mail
from tests.support.old_mail import letter
from tests.support.stores import memory_store

pytestmark = pytest.mark.anyio


async def test_it_is_given_back_each_time_that_so_much_has_passed_and_beside_the_loop() -> None:
    threads: list[threading.Thread] = []
    memory = GivingBack(lambda: threads.append(threading.current_thread()))
    told: list[int] = []
    for octets in (EVERY_OCTETS - 1, 1, 1, EVERY_OCTETS - 2, 1, 3 * EVERY_OCTETS):
        await memory.passed(octets)
        told.append(len(threads))

    assert told == [0, 1, 1, 1, 2, 3]
    assert threading.main_thread() not in threads


async def test_an_import_gives_back_while_it_brings_and_while_it_proves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old_mail.maildir(tmp_path, {"1.a:2,S": letter(1)})
    monkeypatch.setattr(giving_back, "EVERY_OCTETS", 1)
    phases: list[str] = []
    with memory_store() as store:
        real = store.let_go

        def let_go() -> None:
            phases.append(made._phase)
            real()

        monkeypatch.setattr(store, "let_go", let_go)
        made = Importing(store, open_source, store.mail.now)
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            running = tasks.create_task(made.run())
            await made.begin(Asked(str(tmp_path)), dry_run=False)
            while (await made.state())["phase"] != "idle":  # it has no event
                await asyncio.sleep(0.01)
            running.cancel()

    assert phases == ["bringing", "proving"]
